"""Tells whether a shared library can be loaded, by loading it in a process of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from installer.checks import libraryprobe
from installer.checks.children import run_probe
from installer.checks.libraries import Loading

SECONDS: Final = 15.0
"""A driver that brings a compiler along takes a second or two from a cold disk."""


def load_library(name: str, seconds: float = SECONDS) -> Loading:
    """Load the library that the system's loader finds under `name`; raises nothing."""
    if not name or "\0" in name:
        return Loading("no name of a library")
    ended = run_probe(Path(libraryprobe.__file__), name, seconds=seconds)
    if ended.status is None:
        return Loading(f"not loaded within {seconds:g} s", hung=True)
    if ended.reason_not_started:
        return Loading(ended.reason_not_started, tried=False)
    if ended.crash:
        return Loading(f"ended by {ended.crash}", crashed=True)
    return Loading(ended.output.decode("utf-8", errors="replace") if ended.status else "")
