"""Where bundles lie: beside the program, on drives, in folders that a person names.

Looks at names and at most one block of a file, and believes nothing: what a bundle says of itself
is first shown when its seal was checked.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Final

from installer.tui.drives import removable_mounts
from manifests.bundle.layout import RELEASE, SUMS

DEPTH: Final = 2
"""Folders below a drive's root that are looked through."""
ENTRIES: Final = 2000
"""Entries of one folder that are looked at."""
_TAR = re.compile(r".+\.tar(\.001)?", re.ASCII)


class Kind(StrEnum):
    """What an entry of a folder is to us."""

    BUNDLE = "bundle"
    FOLDER = "folder"
    KEY = "public key"


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in a folder.

    Attributes:
        path: where it is.
        kind: what it looks like.
    """

    path: Path
    kind: Kind


def likely_bundles(program: Path) -> tuple[Path, ...]:
    """Return what looks like a bundle beside the program, here and on drives, each once."""
    starts = [(program, 1), (Path.cwd(), 1)]
    starts += [(mount.path, DEPTH) for mount in removable_mounts()]
    found = (path for start, depth in starts for path in bundles_in(start, depth))
    return tuple(dict.fromkeys(found))


def bundles_in(folder: Path, depth: int) -> Iterator[Path]:
    """Yield what looks like a bundle: the folder itself, or what lies in it."""
    if is_bundle(folder):
        yield folder.resolve()
        return
    for entry in entries_of(folder):
        if entry.kind is Kind.BUNDLE:
            yield entry.path.resolve()
        elif entry.kind is Kind.FOLDER and depth > 1:
            yield from bundles_in(entry.path, depth - 1)


def entries_of(folder: Path) -> tuple[Entry, ...]:
    """Return what a person may want of a folder: bundles, then keys, then folders, by name."""
    order = (Kind.BUNDLE, Kind.KEY, Kind.FOLDER)
    found = [entry for item in _listed(folder) if (entry := _entry(item)) is not None]
    return tuple(sorted(found, key=lambda one: (order.index(one.kind), one.path.name.casefold())))


def is_bundle(path: Path) -> bool:
    """Tell whether something looks like a bundle: a folder with its list, or a tar of one."""
    try:
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            return (path / SUMS).is_file() and (path / RELEASE).is_file()
        return stat.S_ISREG(mode) and bool(_TAR.fullmatch(path.name)) and _starts_a_bundle(path)
    except OSError:
        return False


def _starts_a_bundle(path: Path) -> bool:
    """Tell whether a tar's first member is the list of files."""
    name = SUMS.encode()
    with path.open("rb") as file:
        return file.read(len(name) + 1) == name + b"\0"


def _listed(folder: Path) -> Iterable[Path]:
    try:
        with os.scandir(folder) as listing:
            return [Path(item.path) for item in islice(listing, ENTRIES)]
    except OSError:
        return ()


def _entry(path: Path) -> Entry | None:
    if path.name.startswith("."):
        return None
    if is_bundle(path):
        return Entry(path, Kind.BUNDLE)
    if path.suffix == ".pub":
        return Entry(path, Kind.KEY)
    try:
        return Entry(path, Kind.FOLDER) if path.is_dir() else None
    except OSError:
        return None
