"""Builds fakecuda.c and the kernels' own source into one libcuda.so.1, and an NVML beside it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Container
from pathlib import Path

import selftest

HERE = Path(__file__).parent
ROOM = Path(selftest.__file__).parent
SYMBOLS = ROOM / "backends/driver_symbols.txt"
KERNELS = ROOM / "kernels/conv.cu"
NAME = "libcuda.so.1"
MANAGED = 3
"""GPUs that the fake's NVML sees."""


class NoCompiler(RuntimeError):
    """A compiler is missing."""


def build_fake_cuda(folder: Path, *, without: Container[str] = ()) -> None:
    """Build the library; what it does not know it has all the same, to refuse it.

    Args:
        folder: where it goes.
        without: symbols that it shall lack.

    Raises:
        NoCompiler: one is missing.
    """
    for compiler in ("gcc", "g++", "nm"):
        if shutil.which(compiler) is None:
            raise NoCompiler(f"no {compiler}")
    renamed = [f"-D{name}=lacking_{name}" for name in sorted(_wanted()) if name in without]
    shim = ("-x", "c++", "-include", str(HERE / "cudaoncpu.h"), "-Wno-unknown-pragmas")
    _run(
        "g++",
        "-c",
        "-O3",
        "-march=native",
        "-fPIC",
        *shim,
        "-o",
        str(folder / "conv.o"),
        str(KERNELS),
    )
    source = str(HERE / "fakecuda.c")
    _run("gcc", "-c", "-O2", "-fPIC", *renamed, "-o", str(folder / "fake.o"), source)
    rest = (one for one in sorted(_wanted() - _defined(folder / "fake.o")) if one not in without)
    (folder / "rest.c").write_text("\n".join(f"int {one}(void) {{ return 100; }}" for one in rest))
    manager = "int nvmlInit_v2(void) { return 0; }\n"
    manager += f"int nvmlDeviceGetCount_v2(unsigned *n) {{ *n = {MANAGED}; return 0; }}"
    (folder / "manager.c").write_text(manager)
    library = str(folder / "libnvidia-ml.so.1")
    _run("gcc", "-shared", "-fPIC", "-o", library, str(folder / "manager.c"))
    parts = [str(folder / part) for part in ("fake.o", "conv.o", "rest.c")]
    _run("gcc", "-shared", "-fPIC", f"-Wl,-soname,{NAME}", "-o", str(folder / NAME), *parts)


def _wanted() -> set[str]:
    return set(SYMBOLS.read_text().split())


def _defined(library: Path) -> set[str]:
    argv = ["nm", "--defined-only", str(library)]
    listed = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    return {line.split()[-1] for line in listed.splitlines()}


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True)
