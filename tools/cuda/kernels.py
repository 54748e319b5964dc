"""Compiles selftest/kernels/conv.cu ahead, once for every card: `python -m tools.cuda.kernels`.

NVRTC 11.8 is the last that knows compute capability 3.5. It writes PTX ISA 7.8, which drivers
before 520 refuse, though the kernels use nothing that is newer than ISA 5.0: the text is labelled
so, and the assemblers of CUDA 11.8, 12.9 and 13.0 prove it for every card that they know.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import json
import lzma
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from tools.cuda.fetch import ROOT, download, unpacked

KERNELS = ROOT / "selftest/kernels"
SOURCE = KERNELS / "conv.cu"
PACKED = KERNELS / "conv.ptx.xz"
MANIFEST = KERNELS / "MANIFEST.json"

TARGET = "sm_35"
ISA = "5.0"
RELABELLED = (
    (".version 7.8\n", f".version {ISA}\n"),
    (".const .align 4 .b8 taps[", ".visible .const .align 4 .b8 taps["),
)
"""Beginnings of lines and what stands there instead: NVRTC hides an array that nothing within the
program writes, and `cuModuleGetGlobal` need not find what is hidden."""

COMPILER = "NVRTC 11.8.89"
OPTIONS = ("--gpu-architecture=compute_35", "-default-device")

CARDS = {
    "nvidia_cuda_nvcc_cu11-11.8": "35 37 50 52 53 60 61 62 70 72 75 80 86 87 89 90",
    "nvidia_cuda_nvcc_cu12-12.9": "50 52 53 60 61 62 70 72 75 80 86 87 89 90 100 101 103 120 121",
    "nvidia_cuda_nvcc-13.0": "75 80 86 87 88 89 90 100 103 110 120 121",
}
"""Assemblers, by the beginning of their wheel's name, and the cards that each knows."""


@dataclass(frozen=True)
class Artefact:
    """Kernels as they are carried; see `selftest/backends/cudaimage.py`."""

    file: str
    kind: str
    target: str
    isa: str | None
    sha256: str
    source: str
    source_sha256: str
    compiler: str
    options: tuple[str, ...]


def compile_ptx(source: bytes) -> bytes:
    """Return the PTX that NVRTC makes of the source, labelled with the ISA that it needs."""
    nvrtc = ctypes.CDLL(str(_library()))
    program = ctypes.c_void_p()
    _check(nvrtc.nvrtcCreateProgram(ctypes.byref(program), source, b"conv.cu", 0, None, None))
    options = (ctypes.c_char_p * len(OPTIONS))(*(one.encode() for one in OPTIONS))
    if nvrtc.nvrtcCompileProgram(program, len(OPTIONS), options):
        sys.exit(_text(nvrtc, program, "ProgramLog").decode())
    written = _text(nvrtc, program, "PTX").rstrip(b"\0").decode()
    for found, label in RELABELLED:
        written, count = re.subn(f"^{re.escape(found)}", label, written, flags=re.MULTILINE)
        if count != 1:
            sys.exit(f"expected one line that begins with {found!r}, found {count}")
    return written.encode()


def assemblers() -> list[tuple[Path, list[str]]]:
    """Return each ptxas and the cards that it knows."""
    found = []
    for wheel in download("compilers.txt"):
        for stem, cards in CARDS.items():
            if wheel.name.startswith(stem):
                (ptxas,) = unpacked(wheel).glob("nvidia/*/bin/ptxas")
                ptxas.chmod(0o755)
                found.append((ptxas, cards.split()))
    return found


def assemble(ptxas: Path, ptx: Path, card: str) -> str:
    """Assemble for one card; return what the assembler says of registers and memory."""
    argv = [str(ptxas), "-v", f"-arch=sm_{card}", "-o", "/dev/null", str(ptx)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{ptxas}: sm_{card}: {done.stderr}")
    if re.search(r"[1-9][0-9]* bytes spill", done.stderr):
        sys.exit(f"{ptxas}: sm_{card}: registers are spilled: {done.stderr}")
    return done.stderr


def prove(ptx: bytes) -> None:
    """Assemble the PTX for every card with every assembler."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(2) as pool:
        path = Path(folder) / "conv.ptx"
        path.write_bytes(ptx)
        for ptxas, cards in assemblers():
            said = list(pool.map(lambda card, ptxas=ptxas: assemble(ptxas, path, card), cards))
            most = max(int(one) for text in said for one in re.findall(r"Used (\d+) reg", text))
            name = ptxas.parents[3].name.partition("-py3")[0]
            print(f"{name}: {len(cards)} cards, {most} registers at most")


def manifest(source: bytes, ptx: bytes) -> str:
    artefact = Artefact(
        file=PACKED.name,
        kind="ptx",
        target=TARGET,
        isa=ISA,
        sha256=hashlib.sha256(ptx).hexdigest(),
        source=SOURCE.name,
        source_sha256=hashlib.sha256(source).hexdigest(),
        compiler=COMPILER,
        options=OPTIONS,
    )
    return json.dumps({"schema": 1, "artefacts": [asdict(artefact)]}, indent=1) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.cuda.kernels", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only compare with what is shipped")
    asked = parser.parse_args()
    source = SOURCE.read_bytes()
    ptx = compile_ptx(source)
    text = manifest(source, ptx)
    if asked.check:
        if MANIFEST.read_text() != text or lzma.decompress(PACKED.read_bytes()) != ptx:
            sys.exit("the shipped PTX is not what the source makes: make cuda")
    else:
        PACKED.write_bytes(lzma.compress(ptx, preset=9 | lzma.PRESET_EXTREME))
        MANIFEST.write_text(text)
    prove(ptx)
    print(f"{PACKED.name}: {len(ptx)} bytes of PTX, {PACKED.stat().st_size} packed")


def _library() -> Path:
    (wheel,) = (one for one in download("compilers.txt") if "nvrtc" in one.name)
    (library,) = unpacked(wheel).glob("nvidia/*/lib/libnvrtc.so.*")
    return library


def _text(nvrtc: ctypes.CDLL, program: ctypes.c_void_p, what: str) -> bytes:
    size = ctypes.c_size_t()
    _check(getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    text = ctypes.create_string_buffer(size.value)
    _check(getattr(nvrtc, f"nvrtcGet{what}")(program, text))
    return text.raw


def _check(status: int) -> None:
    if status:
        sys.exit(f"NVRTC failed with status {status}")


if __name__ == "__main__":
    main()
