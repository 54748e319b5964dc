"""What is to be done to put a bundle on a drive, found out before anything is written.

Refuses what can't go well: no drive, write protection, a file too large, too little room.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bundler.drive.faults import too_full, write_protected
from bundler.drive.filesystem import FileSystem, look_at
from bundler.drive.removal import Arriving, plan_removal
from bundler.drive.targets import DOCUMENTS, Target, bytes_to_write, targets_of
from manifests.bundle import layout
from manifests.bundle.driveform import PARTIAL, Drive, folder_name, read_drive
from manifests.bundle.reading import read_small
from manifests.bundle.sums import signature_name
from manifests.digest import check_digest
from manifests.errors import UsageError
from manifests.prunerules.planner import PrunePlan
from manifests.seals.seal import SMALL_FILE_LIMIT, SealedRelease
from manifests.seals.sshsig import MAX_SIGNATURE_BYTES, MAX_SIGNATURES

SPARE: Final = 1024 * 1024
"""Bytes that folders and words for people may take."""

_FOLDERS: Final = (layout.BLOBS, layout.FILES, layout.TOOLS, layout.PARITY)
_TOPS: Final = frozenset({*DOCUMENTS, *(name.partition("/")[0] for name in _FOLDERS)})


@dataclass(frozen=True, slots=True)
class DrivePlan:
    """Everything that `put` needs.

    Attributes:
        sealed: the bundle.
        drive: what is on the drive.
        system: the drive's file system.
        folder: of the release on the drive.
        targets: its blobs and files, where they lie or will lie.
        documents: its small files in the order in which they are written.
        signatures: written last.
        needed: bytes of room that all of it takes.
        removal: what is to go; None where that was not asked for.
    """

    sealed: SealedRelease = field(repr=False)
    drive: Drive
    system: FileSystem
    folder: Path
    targets: tuple[Target, ...] = field(repr=False)
    documents: tuple[tuple[str, bytes], ...] = field(repr=False)
    signatures: tuple[tuple[str, bytes], ...] = field(repr=False)
    needed: int
    removal: PrunePlan | None = None

    @property
    def to_write(self) -> int:
        """Bytes of blobs and files that the drive does not have."""
        return bytes_to_write(self.targets)

    @property
    def size(self) -> int:
        """Bytes of all blobs and files."""
        return sum(target.file.size for target in self.targets)

    @property
    def makes_room_first(self) -> bool:
        """Whether what is old must go before the new can come."""
        return self.system.free is not None and self.needed > self.system.free


def plan_drive(
    sealed: SealedRelease, root: Path, *, remove_old: bool = False, max_file: int | None = None
) -> DrivePlan:
    """Look, and plan; changes nothing.

    Args:
        sealed: the bundle.
        root: the drive's mount point.
        remove_old: whether old releases go by the pruning rules.
        max_file: bytes of the largest file to write, where less than the file system takes.

    Raises:
        UsageError: `drive-not-found`, `drive-taken`.
        SourceFailed: `drive-read-only`, `drive-file-too-large`, `drive-full`.
        OSError: the drive can't be read.
    """
    system = look_at(root)
    if max_file is not None:
        system = replace(system, max_file=min(max_file, system.max_file or max_file))
    if system.read_only:
        raise write_protected(root)
    drive = read_drive(root)
    documents, signatures = _documents(sealed), _signatures(sealed)
    folder = _folder(drive, sealed, signatures[0])
    targets = targets_of(sealed, folder, system)
    removal = None
    if remove_old:
        arriving = Arriving(folder, sealed.release)
        removal = plan_removal(drive, arriving, datetime.now(UTC))
    small = sum(system.rounded(len(data)) for _, data in (*documents, *signatures))
    needed = _room(targets, system) + small + SPARE
    _check_room(root, system, needed, removal)
    return DrivePlan(sealed, drive, system, folder, targets, documents, signatures, needed, removal)


def _check_room(root: Path, system: FileSystem, needed: int, removal: PrunePlan | None) -> None:
    if system.free is None:
        return
    free = system.free + (removal.frees if removal else 0)
    if needed > free:
        raise too_full(root, needed, free)


def _room(targets: Sequence[Target], system: FileSystem) -> int:
    """Return the bytes that what is missing takes, without what partial files have already."""
    room = 0
    for piece in (piece for target in targets for piece in target.missing):
        taken = 0
        for path in (piece.partial, piece.path):
            if os.path.lexists(path):
                taken += min(piece.size, path.lstat().st_size)
        room += max(0, system.rounded(piece.size) - taken)
    return room


def _documents(sealed: SealedRelease) -> tuple[tuple[str, bytes], ...]:
    expected = {**sealed.sums.files, layout.SUMS: sealed.sums_digest}
    return tuple(
        (
            name,
            check_digest(read_small(sealed.medium, name, SMALL_FILE_LIMIT), expected[name], name),
        )
        for name in DOCUMENTS
    )


def _signatures(sealed: SealedRelease) -> tuple[tuple[str, bytes], ...]:
    names = (signature_name(number) for number in range(1, MAX_SIGNATURES + 1))
    return tuple(
        (name, read_small(sealed.medium, name, MAX_SIGNATURE_BYTES))
        for name in names
        if name in sealed.medium.sizes
    )


def _folder(drive: Drive, sealed: SealedRelease, mark: tuple[str, bytes]) -> Path:
    """Return where the release is, be it damaged, or a name that nothing else has.

    Raises:
        UsageError: `drive-taken`.
    """
    same = [one.path for one in drive.folders if one.identity == sealed.sums_digest]
    same += [path for path in drive.unreadable if _holds(path / mark[0], mark[1])]
    if same:
        return same[0]
    finished = {one.path.name for one in drive.finished}
    name = folder_name(sealed.release)
    for folder in (name, f"{name}-{sealed.release.sequence}"):
        path = drive.root / folder
        if not os.path.lexists(path) or (folder not in finished and _is_unfinished(path)):
            return path
    raise UsageError(
        "drive-taken",
        f"{drive.root / name}: expected nothing or an unfinished copy, found something else",
        hint="move it away, or take another drive",
    )


def _holds(path: Path, data: bytes) -> bool:
    """Tell whether a file has these bytes, which only this release has as its signature."""
    try:
        with path.open("rb") as file:
            return file.read(len(data) + 1) == data
    except OSError:
        return False


def _is_unfinished(path: Path) -> bool:
    """Tell whether a folder holds nothing but what an interrupted copy has left."""
    if not stat.S_ISDIR(path.lstat().st_mode):
        return False
    names = {one.name.removesuffix(PARTIAL) for one in path.iterdir()}
    return all(name in _TOPS or layout.is_litter(name) for name in names)
