"""All of `bundle drive` in order: blobs, documents, list; read back; signatures last.

A release's folder gets its signatures only after every byte of it was read back from the medium
and found right, and they are read back, too, before it is called done. Whatever stops this
earlier, the next run goes on from what is there.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bundler.drive.copy import sync_folder, write_bytes, write_target
from bundler.drive.faults import lies, told, told_of_bundle
from bundler.drive.filesystem import MEMORY, look_at
from bundler.drive.forget import forget
from bundler.drive.papers import papers
from bundler.drive.plan import DrivePlan
from bundler.drive.readback import MediumReader
from bundler.drive.removal import remove
from bundler.drive.targets import Target, renewed, targets_of
from bundler.progress import Progress, Stage
from bundler.verbs.inspect import accept_claimed
from manifests.bundle import layout
from manifests.bundle.driveform import read_drive
from manifests.bundle.medium import open_medium
from manifests.bundle.pieces import MAX_PIECES, piece_name
from manifests.bundle.pool import FOLDER
from manifests.digest import Digest
from manifests.errors import UsageError
from manifests.prunerules.planner import Item
from manifests.seals.seal import open_sealed


@dataclass(frozen=True, slots=True)
class DriveReport:
    """What was done.

    Attributes:
        plan: what was to be done.
        written: bytes of blobs and files that were copied.
        read_back: bytes that were read from the medium and compared.
        direct: whether they were read past the page cache.
        afresh: whether they were found by what the medium has of their names, not the memory.
        write_seconds: of copying.
        read_seconds: of reading back.
        repaired: files that were there, and not right; they were written anew.
        removed: what went.
    """

    plan: DrivePlan
    written: int
    read_back: int
    direct: bool
    afresh: bool
    write_seconds: float
    read_seconds: float
    repaired: tuple[str, ...]
    removed: tuple[Item, ...]


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Keep other runs off the drive.

    Raises:
        UsageError: `drive-busy`.
    """
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise UsageError(
            "drive-busy", f"{root}: another run is writing there", hint="wait until it is done"
        ) from error
    finally:
        os.close(descriptor)


def put(plan: DrivePlan, progress: Progress) -> DriveReport:
    """Carry a plan out.

    Raises:
        BundleRefused: the bundle that is copied is damaged.
        SourceFailed: `drive-full`, `drive-read-only`, `drive-failed`, `drive-damaged`.
    """
    with told(plan.drive.root):
        removed = _make_room(plan) if plan.makes_room_first else ()
        begun = time.monotonic()
        written = _write(plan, progress)
        wrote = time.monotonic()
        afresh = forget(plan.drive.root, plan.system)
        reader = MediumReader(lambda name, count: progress.advance(Stage.VERIFY, name, count))
        repaired = _read_back(plan, reader, progress)
        _mark(plan, reader)
        afresh = forget(plan.drive.root, plan.system) and afresh
        _look_again(plan, reader)
        read = time.monotonic()
        with told_of_bundle(plan.drive.root):
            _check_opens(plan.folder)
        if not plan.makes_room_first:
            removed = _make_room(plan)
        _write_papers(plan, reader)
        return DriveReport(
            plan=plan,
            written=written,
            read_back=reader.count,
            direct=reader.direct and plan.system.kind not in MEMORY,
            afresh=afresh,
            write_seconds=wrote - begun,
            read_seconds=read - wrote,
            repaired=repaired,
            removed=removed,
        )


def _make_room(plan: DrivePlan) -> tuple[Item, ...]:
    return tuple(remove(plan.drive, plan.removal)) if plan.removal else ()


def _write(plan: DrivePlan, progress: Progress) -> int:
    """Write everything but the signatures; whatever is written, the old ones go first."""
    progress.expect(Stage.WRITE, plan.to_write)
    _make_folders(plan)
    missing = [target for target in plan.targets if target.missing]
    if missing:
        _unmark(plan.folder)
    written = 0
    for target in missing:
        _clear(plan, target, {piece.path for piece in target.pieces if piece.there})
        written += write_target(target, plan.sealed.medium, progress)
    for name, data in plan.documents:
        if not _has(plan.folder / name, data):
            _unmark(plan.folder)
            write_bytes(plan.folder / name, data)
    _tidy(plan)
    for folder in _folders(plan):
        sync_folder(folder)
    return written


def _folders(plan: DrivePlan) -> list[Path]:
    """Return every folder that something is written to, the deepest first."""
    folders = {piece.path.parent for target in plan.targets for piece in target.pieces}
    folders |= {plan.folder, plan.drive.root}
    return sorted(folders, key=lambda path: -len(path.parts))


def _make_folders(plan: DrivePlan) -> None:
    for folder in _folders(plan):
        folder.mkdir(parents=True, exist_ok=True)


def _unmark(folder: Path) -> None:
    """Take a folder's signatures away, so that it is no bundle while it is written to."""
    marks = [one for one in folder.iterdir() if layout.is_signature(one.name)]
    for mark in marks:
        mark.unlink()
    if marks:
        sync_folder(folder)


def _has(path: Path, data: bytes) -> bool:
    try:
        return path.read_bytes() == data if path.stat().st_size == len(data) else False
    except FileNotFoundError:
        return False


def _clear(plan: DrivePlan, target: Target, ours: AbstractSet[Path]) -> None:
    """Remove what a reader would take for the blob, and what is not it."""
    if not target.name.startswith(layout.BLOBS):
        return
    for place in (plan.folder / target.name, plan.drive.root / FOLDER / target.digest.hex):
        pieces = (place.with_name(piece_name(place.name, n + 1)) for n in range(MAX_PIECES))
        for path in (place, *_existing(pieces)):
            if path not in ours:
                path.unlink(missing_ok=True)


def _existing(paths: Iterator[Path]) -> Iterator[Path]:
    for path in paths:
        if not os.path.lexists(path):
            return
        yield path


def _tidy(plan: DrivePlan) -> None:
    """Remove what an interrupted run has left in the release's folder; a bundle is not touched."""
    if plan.folder in {one.path for one in plan.drive.finished}:
        return
    expected = {plan.folder / name for name, _ in (*plan.documents, *plan.signatures)}
    expected |= {piece.path for target in plan.targets for piece in target.pieces}
    for path in sorted(plan.folder.rglob("*"), reverse=True):
        name = str(path.relative_to(plan.folder))
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in expected and not layout.is_litter(name):
            path.unlink()


def _read_back(plan: DrivePlan, reader: MediumReader, progress: Progress) -> tuple[str, ...]:
    """Compare everything with what is signed; write anew, once, what was there and is wrong."""
    progress.expect(Stage.VERIFY, plan.size)
    repaired: list[str] = []
    for target in plan.targets:
        progress.start(Stage.VERIFY, target.name, target.file.size)
        if _digest(target, reader) != target.digest:
            if len(target.missing) == len(target.pieces):
                raise lies(target.pieces[0].path)
            repaired.append(target.name)
            _write_anew(plan, target, reader, progress)
        progress.finish(Stage.VERIFY, target.name)
    for name, data in plan.documents:
        _compare(reader, plan.folder / name, data)
    return tuple(repaired)


def _compare(reader: MediumReader, path: Path, data: bytes) -> None:
    if not reader.holds(path, data):
        raise lies(path)


def _digest(target: Target, reader: MediumReader) -> Digest | None:
    """Return what the medium has; None for what it lost or, of what was there, can't read."""
    try:
        return reader.digest(target.name, [piece.path for piece in target.pieces])
    except FileNotFoundError:
        return None
    except OSError:
        if len(target.missing) == len(target.pieces):
            raise
        return None


def _write_anew(plan: DrivePlan, target: Target, reader: MediumReader, progress: Progress) -> None:
    """Write a file again; the bad one stays until then, for other releases may still read it."""
    _unmark(plan.folder)
    fresh = renewed(target, plan.system)
    if not _has_room(plan, fresh):
        _clear(plan, fresh, frozenset())
    progress.expect(Stage.WRITE, fresh.file.size)
    write_target(fresh, plan.sealed.medium, progress)
    _clear(plan, fresh, {piece.path for piece in fresh.pieces})
    progress.expect(Stage.VERIFY, fresh.file.size)
    if _digest(fresh, reader) != fresh.digest:
        raise lies(fresh.pieces[0].path)


def _has_room(plan: DrivePlan, target: Target) -> bool:
    free = look_at(plan.drive.root).free
    return free is None or free >= sum(plan.system.rounded(one.size) for one in target.pieces)


def _mark(plan: DrivePlan, reader: MediumReader) -> None:
    """Write the signatures: from here on it is a bundle."""
    for name, data in reversed(plan.signatures):
        write_bytes(plan.folder / name, data)
        _compare(reader, plan.folder / name, data)
    sync_folder(plan.folder)


def _look_again(plan: DrivePlan, reader: MediumReader) -> None:
    """Look whether all is there that was, once the signatures were written beside it."""
    for name, data in (*plan.documents, *plan.signatures):
        _compare(reader, plan.folder / name, data)
    for target in targets_of(plan.sealed, plan.folder, plan.system):
        for piece in target.missing:
            raise lies(piece.path)


def _write_papers(plan: DrivePlan, reader: MediumReader) -> None:
    """Write what a drive carries for people, and look whether it is there."""
    root = plan.drive.root
    written = papers(read_drive(root))
    for name, data in written:
        write_bytes(root / name, data)
    sync_folder(root)
    for name, data in written:
        _compare(reader, root / name, data)


def _check_opens(folder: Path) -> None:
    """Open it as every reader will: something that was not signed may lie in an old folder."""
    medium = open_medium(folder)
    try:
        open_sealed(medium, accept_claimed)
    finally:
        medium.close()
