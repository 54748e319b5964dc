"""Builds a wheel of pycuda that old and new drivers can load: `python -m tools.cuda.wheel`.

The package index has its source only, and that wants a whole CUDA toolkit. What it really needs are
two headers and something to link with. The headers are those of CUDA 12.9: 13's bind entry points
that older drivers lack. What is linked with is a stub of libcuda.so.1, made here from the list of
the symbols that pycuda calls; it is never shipped, the driver's own takes its place. CURAND and
OpenGL stay out.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from tools.cuda.fetch import HERE, ROOT, download, pip

SYMBOLS = ROOT / "selftest/backends/driver_symbols.txt"
NO_DEVICE = 100
EPOCH = "1767225600"
"""2026-01-01, what a wheel's files are dated: the same source makes the same bytes."""

SETTINGS = """\
USE_SHIPPED_BOOST = True
CUDA_ROOT = "/nonexistent"
CUDA_INC_DIR = ["{include}"]
CUDA_ENABLE_CURAND = False
CUDA_ENABLE_GL = False
CUDADRV_LIB_DIR = ["{stub}"]
CUDADRV_LIBNAME = ["cuda"]
CXXFLAGS = ["-O2", "-g0", "-w", "-ffile-prefix-map={folder}=."]
LDFLAGS = ["-Wl,--no-as-needed", "-Wl,-s"]
"""


def build(python: str, out: Path) -> Path:
    """Build the wheel for an interpreter; return its path in the folder `out`."""
    with tempfile.TemporaryDirectory(prefix="moonlift-pycuda-") as scratch:
        folder = Path(scratch)
        interpreter = _environment(folder / "venv", python)
        source = _source(folder, interpreter)
        _settings(source, _headers(folder / "inc"), _stub(folder / "stub"))
        os.environ["SOURCE_DATE_EPOCH"] = EPOCH
        options = ("--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder / "wheels"))
        pip("wheel", *options, str(source), python=interpreter)
        (wheel,) = (folder / "wheels").iterdir()
        check(wheel, folder)
        out.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(wheel, out))


def check(wheel: Path, folder: Path) -> None:
    """Prove that the wheel needs what it should and nothing of the machine that built it."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (one for one in archive.namelist() if re.match(r"pycuda/_driver\..*so$", one))
        library = Path(archive.extract(name, folder / "checked"))
    dynamic = _output("readelf", "--dynamic", "--wide", str(library))
    _expect("NEEDED" in dynamic and "[libcuda.so.1]" in dynamic, "it does not need libcuda.so.1")
    _expect("PATH)" not in dynamic, "it has a RPATH or RUNPATH")
    used = undefined_symbols(library)
    listed = set(SYMBOLS.read_text().split())
    _expect(used == listed, f"other symbols than listed: {' '.join(sorted(used ^ listed))}")
    _expect(str(folder).encode() not in library.read_bytes(), "it names the folder of its build")


def undefined_symbols(library: Path) -> set[str]:
    """Return what a library takes from libcuda.so.1."""
    lines = _output("nm", "--dynamic", "--undefined-only", str(library)).splitlines()
    return {one.split()[-1] for one in lines if re.match(r"cu[A-Z]", one.split()[-1])}


def _environment(folder: Path, python: str) -> str:
    """Make an environment with the build's tools; return its interpreter."""
    probe = "import sysconfig; print(sysconfig.get_path('include'))"
    include = Path(_output(python, "-c", probe).strip())
    if not (include / "Python.h").is_file():
        sys.exit(f"expected Python.h in {include}, found none: apt-get install python3-dev")
    subprocess.run([python, "-m", "venv", str(folder)], check=True)
    interpreter = str(folder / "bin/python")
    listed = str(HERE / "build.txt")
    pip("install", "--quiet", "--require-hashes", "-r", listed, python=interpreter)
    return interpreter


def _source(folder: Path, interpreter: str) -> Path:
    """Return pycuda's source, unpacked. pip prepares what it downloads, with the build's tools."""
    options = ("--no-binary", "pycuda", "--no-build-isolation")
    (archive,) = download("pycuda.txt", *options, python=interpreter)
    subprocess.run(["tar", "-C", str(folder), "-xzf", str(archive)], check=True)
    (source,) = folder.glob("pycuda-*")
    return source


def _headers(folder: Path) -> Path:
    """Fill a folder with the headers of CUDA's driver API and runtime."""
    for wheel in download("headers.txt"):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                _, found, path = name.partition("/include/")
                if found and path.endswith((".h", ".hpp")):
                    target = folder / path
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(archive.read(name))
    return folder


def _stub(folder: Path) -> Path:
    """Make a libcuda that defines every symbol: without one the linker would drop the library."""
    folder.mkdir()
    functions = (f"int {name}(void) {{ return {NO_DEVICE}; }}" for name in _symbols())
    (folder / "stub.c").write_text("\n".join(functions))
    options = ("-O1", "-w", "-shared", "-fPIC", "-Wl,-soname,libcuda.so.1")
    argv = ["gcc", *options, "-o", str(folder / "libcuda.so"), str(folder / "stub.c")]
    subprocess.run(argv, check=True)
    return folder


def _settings(source: Path, include: Path, stub: Path) -> None:
    text = SETTINGS.format(include=include, stub=stub, folder=source.parent)
    (source / "siteconf.py").write_text(text)


def _symbols() -> Iterable[str]:
    return SYMBOLS.read_text().split()


def _output(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def _expect(good: object, words: str) -> None:
    if not good:
        sys.exit(f"the wheel is not as it must be: {words}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tools.cuda.wheel", description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="interpreter that it is for")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="folder that it goes to")
    asked = parser.parse_args()
    wheel = build(asked.python, asked.out)
    print(f"{wheel}: {wheel.stat().st_size} bytes")


if __name__ == "__main__":
    main()
