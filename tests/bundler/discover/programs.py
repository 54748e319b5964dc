"""Small programs that stand for helm and kustomize where real ones can't be made to fail so."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest


def only_on_path(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """Let nothing be found but what is in `folders`, and a shell's own programs."""
    monkeypatch.setenv("PATH", os.pathsep.join(str(folder) for folder in folders))


def stand_in(folder: Path, name: str, script: str) -> Path:
    """Write a program that is a shell script; return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")
    path.chmod(0o755)
    return folder


def real(find: Callable[[], Path]) -> Path:
    """Return the folder of a real program; skip, on CI fail, where it can't be had."""
    try:
        return find()
    except OSError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
