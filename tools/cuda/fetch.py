"""Brings what the recipes need: releases pinned by version and hash, through pip.

They are kept in .cache/cuda. Nothing of them is installed or shipped: NVIDIA's wheels are unpacked
as the archives that they are.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CACHE = ROOT / ".cache/cuda"


def download(listed: str, *options: str, python: str = sys.executable) -> list[Path]:
    """Return the files of a list of requirements, fetched unless they are there.

    Args:
        listed: name of the list beside this file.
        options: of `pip download`.
        python: the interpreter whose pip is asked.
    """
    folder = CACHE / _key(HERE / listed)
    if not folder.is_dir():
        partial = folder.with_suffix(".partial")
        argv = ["download", "--quiet", "--no-deps", "--require-hashes", "-d", str(partial)]
        pip(*argv, *options, "-r", str(HERE / listed), python=python)
        partial.rename(folder)
    return sorted(one for one in folder.iterdir() if one.is_file())


def unpacked(wheel: Path) -> Path:
    """Return the folder with a wheel's files."""
    folder = wheel.with_suffix(".unpacked")
    if not folder.is_dir():
        partial = wheel.with_suffix(".partial")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(partial)
        partial.rename(folder)
    return folder


def pip(*arguments: str, python: str = sys.executable) -> None:
    subprocess.run([python, "-m", "pip", *arguments], check=True)


def _key(listed: Path) -> str:
    return f"{listed.stem}-{hashlib.sha256(listed.read_bytes()).hexdigest()[:12]}"
