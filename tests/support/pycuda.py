"""pycuda as `make cuda` builds it, unpacked; in the test cache, for it takes minutes to build."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.support.cache import cached_folder

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools/cuda"
RECIPE = (
    *(TOOL / name for name in ("wheel.py", "fetch.py", "build.txt", "headers.txt", "pycuda.txt")),
    ROOT / "selftest/backends/driver_symbols.txt",
)
_DEADLINE_S = 1800


class NoPycuda(RuntimeError):
    """It could not be built; the message says why."""


def pycuda_folder() -> Path:
    """Return a folder to be put on PYTHONPATH.

    Raises:
        NoPycuda: it had to be built and could not.
    """
    recipe = hashlib.sha256(b"".join(path.read_bytes() for path in RECIPE)).hexdigest()
    return cached_folder(f"pycuda-{sys.implementation.cache_tag}-{recipe[:12]}", _make)


def _make(folder: Path) -> None:
    argv = [sys.executable, "-m", "tools.cuda.wheel", "--out", str(folder)]
    try:
        done = subprocess.run(
            argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=_DEADLINE_S
        )
    except subprocess.TimeoutExpired as error:
        raise NoPycuda(f"its build took more than {_DEADLINE_S} s") from error
    if done.returncode:
        raise NoPycuda(f"its build failed: {(done.stderr or done.stdout)[-1500:]}")
    (wheel,) = folder.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
