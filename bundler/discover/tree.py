"""The files of a folder that may say something about an app, without those of its dependencies.

Owns what is passed over, and how many files are listed at most. No file is opened here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MAX_FILES: Final = 100_000
"""Files that are listed of one folder."""
MAX_FOLDERS: Final = 20_000
"""Folders that are looked into."""
DEPENDENCIES: Final = frozenset(
    {
        "__pycache__",
        "bower_components",
        "jspm_packages",
        "node_modules",
        "site-packages",
        "vendor",
        "virtualenv",
    }
)
"""Folders of other people's files."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was not looked at.

    Attributes:
        path: relative to the folder, `/` between its parts.
        reason: why.
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Tree:
    """The files of a folder.

    Attributes:
        files: paths relative to the folder, those of a folder together, sorted.
        skipped: folders and files left out; hidden ones are not told.
    """

    files: tuple[str, ...]
    skipped: tuple[Skipped, ...] = ()


@dataclass(slots=True)
class _Listing:
    base: str
    files: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def list_tree(base: Path) -> Tree:
    """List the files of a folder and of those below; links to folders are not followed."""
    listing = _Listing(str(base))
    waiting = [""]
    folders = 0
    while waiting:
        folder = waiting.pop()
        folders += 1
        if folders > MAX_FOLDERS or len(listing.files) >= MAX_FILES:
            reason = f"beyond {MAX_FOLDERS} folders or {MAX_FILES} files: discover smaller folders"
            listing.skipped.append(Skipped(folder or ".", reason))
            break
        waiting.extend(reversed(_list(listing, folder)))
    return Tree(tuple(listing.files[:MAX_FILES]), tuple(listing.skipped))


def _list(listing: _Listing, folder: str) -> list[str]:
    """Add a folder's files to the listing; return the folders in it, sorted."""
    try:
        with os.scandir(os.path.join(listing.base, folder)) as entries:  # noqa: PTH118 - quicker
            found = sorted(_visible(entries, MAX_FILES), key=lambda one: one.name)
    except OSError as error:
        listing.skipped.append(Skipped(folder or ".", error.strerror or str(error)))
        return []
    below = []
    for entry in found:
        path = f"{folder}/{entry.name}" if folder else entry.name
        if not path.isprintable():
            listing.skipped.append(Skipped(path, "a name that can't be written in app.yaml"))
        elif entry.is_dir(follow_symlinks=False):
            reason = _passed_over(entry)
            below += [] if reason else [path]
            listing.skipped += [Skipped(path, reason)] if reason else []
        elif _is_file(entry):
            listing.files.append(path)
    return below


def _visible(entries: Iterator[os.DirEntry[str]], limit: int) -> Iterator[os.DirEntry[str]]:
    for number, entry in enumerate(entries):
        if number >= limit:
            return
        if not entry.name.startswith("."):
            yield entry


def _passed_over(entry: os.DirEntry[str]) -> str:
    if entry.name in DEPENDENCIES:
        return "holds dependencies"
    if os.path.exists(os.path.join(entry.path, "pyvenv.cfg")):  # noqa: PTH110, PTH118 - quicker
        return "a Python environment"
    return ""


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False
