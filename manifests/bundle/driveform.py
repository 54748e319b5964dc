"""What lies on a drive: one folder a release, one pool for all of them, and words for people.

Owns the names, and what can be told of the releases there without any key: they are listed, not
believed. Specified in docs/bundle-format.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

from manifests.bundle import layout
from manifests.bundle.medium import DirectoryMedium
from manifests.bundle.reading import read_small
from manifests.bundle.sums import MAX_BYTES, Sums, signature_name
from manifests.digest import Digest, check_digest
from manifests.errors import MoonliftError
from manifests.release import RELEASE_LIMIT, Release

START_HERE: Final = "START-HERE.txt"
SCRIPT: Final = "moonlift.sh"
PARTIAL: Final = ".partial"
"""What the name of a file ends with that is not yet whole."""
MAX_FOLDERS: Final = 2000
"""Entries of a drive's root that are looked at."""


@dataclass(frozen=True, slots=True)
class DriveFolder:
    """A release's folder on a drive, as it describes itself.

    Attributes:
        path: of the folder.
        identity: digest of its SHA256SUMS.
        release: what it holds.
        finished: whether it has a signature: without one it is no bundle yet.
        arrived: when it was finished, else when it was last written to.
    """

    path: Path
    identity: Digest
    release: Release = field(repr=False)
    finished: bool
    arrived: datetime

    @property
    def title(self) -> str:
        """Product, version and sequence."""
        release = self.release
        return f"{release.product} {release.version} (sequence {release.sequence})"


@dataclass(frozen=True, slots=True)
class Drive:
    """The releases on a drive.

    Attributes:
        root: of the drive.
        folders: those that can be read, by name.
        unreadable: folders that look like a release, and can't be read as one.
    """

    root: Path
    folders: tuple[DriveFolder, ...]
    unreadable: tuple[Path, ...]

    @property
    def finished(self) -> tuple[DriveFolder, ...]:
        """The bundles."""
        return tuple(folder for folder in self.folders if folder.finished)


def folder_name(release: Release) -> str:
    """Return the name of a release's folder, without a dot at its end, which FAT would drop."""
    return f"{release.product}-{release.version}".rstrip(".")


def read_drive(root: Path) -> Drive:
    """Look at every folder in a drive's root.

    Raises:
        OSError: the drive can't be read.
    """
    folders: list[DriveFolder] = []
    unreadable: list[Path] = []
    for path in _candidates(root):
        try:
            folders.append(_read_folder(path))
        except (MoonliftError, OSError):
            unreadable.append(path)
    return Drive(root, tuple(folders), tuple(unreadable))


def _candidates(root: Path) -> Iterator[Path]:
    """Yield the folders that hold a list of files or a release's document."""
    with os.scandir(root) as entries:
        names = sorted(one.name for one in islice(entries, MAX_FOLDERS))
    for name in names:
        path = root / name
        if layout.is_litter(name) or not path.is_dir() or path.is_symlink():
            continue
        if any(os.path.lexists(path / one) for one in (layout.SUMS, layout.RELEASE)):
            yield path


def _read_folder(path: Path) -> DriveFolder:
    medium = DirectoryMedium(path)
    try:
        raw = read_small(medium, layout.SUMS, MAX_BYTES)
        sums = Sums.parse(raw)
        document = read_small(medium, layout.RELEASE, RELEASE_LIMIT)
        if layout.RELEASE in sums.files:
            check_digest(document, sums.files[layout.RELEASE], layout.RELEASE)
        mark = signature_name(1)
        finished = mark in medium.sizes
    finally:
        medium.close()
    moment = 0.0
    with suppress(OSError):
        moment = (path / (mark if finished else layout.SUMS)).stat().st_mtime
    arrived = datetime.fromtimestamp(moment, UTC)
    return DriveFolder(path, Digest.of(raw), Release.read(document), finished, arrived)
