"""Compiles PyInstaller's loader anew: the one that its wheel brings needs the host's zlib.

The loader is what unpacks the rest, so that nothing inside the file can help it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from PyInstaller import PACKAGEPATH

ROOT: Final = Path(__file__).parents[2]
_PINNED: Final = re.compile(r"^pyinstaller==(?:.*\\\n)*.*\n", re.MULTILINE)


def loader_path() -> Path:
    """Return PyInstaller's loader for this machine."""
    return next(Path(PACKAGEPATH, "bootloader").glob("Linux-*/run"))


def make_self_contained() -> None:
    """Compile the loader with zlib in it, from the pinned source, unless that was done before."""
    loader = loader_path()
    argv = ["readelf", "--dynamic", str(loader)]
    if "libz.so" not in subprocess.run(argv, check=True, capture_output=True, text=True).stdout:
        return
    sys.stderr.write("freeze: compiling the loader, once\n")
    with tempfile.TemporaryDirectory(prefix="moonlift-loader-") as folder:
        made = zipfile.ZipFile(_compiled(Path(folder)))
        beside = loader.with_name("run.new")
        beside.write_bytes(made.read(f"PyInstaller/bootloader/{loader.parent.name}/run"))
        beside.chmod(0o755)
        beside.replace(loader)


def _compiled(folder: Path) -> Path:
    """Return the wheel; a folder that has only the static library keeps the shared one out."""
    compiler = ["gcc", "-print-file-name=libz.a"]
    static = subprocess.run(compiler, check=True, capture_output=True, text=True).stdout.strip()
    shutil.copy(static, folder / "libz.a")
    pinned = _PINNED.search((ROOT / "constraints.txt").read_text())
    (folder / "pinned.txt").write_text(pinned[0] if pinned else "")
    words = ("--no-deps", "--no-build-isolation", "--no-binary=pyinstaller", "--require-hashes")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-qq", *words, "-r", "pinned.txt"],
        cwd=folder,
        check=True,
        env={**os.environ, "PYINSTALLER_COMPILE_BOOTLOADER": "1", "LDFLAGS": f"-L{folder}"},
    )
    return next(folder.glob("*.whl"))
