"""Writes a bundle's files onto a drive, each under a partial name until it is whole.

Bytes come from the bundle in chunks that were checked against what was signed. What an interrupted
run has left is kept as far as it hashes right. Flushes as it goes, so that progress is the drive's
and not the memory's.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

from bundler.drive.targets import Piece, Target
from bundler.progress import Progress, Stage
from manifests.bundle.chunks import verified_chunks
from manifests.bundle.driveform import PARTIAL
from manifests.bundle.medium import Medium
from manifests.digest import Digest
from manifests.release import CHUNK_SIZE

FLUSH_CHUNKS: Final = 8
"""Chunks after which a drive is made to write what it was given."""

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW


def write_target(target: Target, medium: Medium, progress: Progress) -> int:
    """Write the pieces that are not there; return the bytes that an earlier run had not written.

    Raises:
        BundleRefused: the bundle that is copied is damaged.
        OSError: the drive is full or fails.
    """
    progress.start(Stage.WRITE, target.name, sum(piece.size for piece in target.missing))
    chunks = verified_chunks(medium, target.file)
    written = 0
    for piece in target.pieces:
        mine = islice(chunks, len(piece.chunks) if piece.size else 0)
        if piece.there:
            deque(mine, maxlen=0)
        else:
            written += _write_piece(target, piece, mine, progress)
    progress.finish(Stage.WRITE, target.name)
    return written


def write_bytes(path: Path, data: bytes) -> bool:
    """Write a small file, unless it is there with these bytes; tell whether it was written."""
    with suppress(FileNotFoundError):
        if path.stat().st_size == len(data) and path.read_bytes() == data:
            return False
    partial = path.with_name(f"{path.name}{PARTIAL}")
    descriptor = os.open(partial, _FLAGS | os.O_TRUNC, 0o644)
    try:
        _write_at(descriptor, memoryview(data), 0)
        flush(descriptor)
    finally:
        os.close(descriptor)
    _settle(partial, path)
    return True


def flush(descriptor: int) -> None:
    """Make the drive write a file, and let the kernel forget its pages."""
    os.fsync(descriptor)
    _forget(descriptor)


def sync_folder(path: Path) -> None:
    """Make the drive write a folder's names, where its file system knows how."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(PermissionError):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write_piece(
    target: Target, piece: Piece, chunks: Iterator[memoryview], progress: Progress
) -> int:
    descriptor = os.open(piece.partial, _FLAGS, 0o644)
    written = 0
    try:
        kept = _kept(descriptor, piece)
        for number, chunk in enumerate(chunks):
            if number >= kept:
                _write_at(descriptor, chunk, number * CHUNK_SIZE)
                written += len(chunk)
                if number % FLUSH_CHUNKS == FLUSH_CHUNKS - 1:
                    flush(descriptor)
            progress.advance(Stage.WRITE, target.name, len(chunk))
        if os.fstat(descriptor).st_size > piece.size:
            os.ftruncate(descriptor, piece.size)
        flush(descriptor)
        if target.executable:
            with suppress(OSError):  # FAT has no such bit; release.json has it
                os.fchmod(descriptor, 0o755)
    finally:
        os.close(descriptor)
    _settle(piece.partial, piece.path)
    return written


def _kept(descriptor: int, piece: Piece) -> int:
    """Return how many chunks an earlier run has left that hash right, from the first on."""
    if not os.fstat(descriptor).st_size:
        return 0
    flush(descriptor)
    buffer = memoryview(bytearray(min(CHUNK_SIZE, piece.size)))
    for number, expected in enumerate(piece.chunks):
        start = number * CHUNK_SIZE
        view = buffer[: min(CHUNK_SIZE, piece.size - start)]
        if os.preadv(descriptor, [view], start) < len(view) or Digest.of(view) != expected:
            return number
    return len(piece.chunks)


def _write_at(descriptor: int, view: memoryview, offset: int) -> None:
    os.lseek(descriptor, offset, os.SEEK_SET)
    while view:
        view = view[os.write(descriptor, view) :]


def _settle(partial: Path, path: Path) -> None:
    """Give a whole file its name; what has it now is not what it should be."""
    path.unlink(missing_ok=True)
    partial.rename(path)


def _forget(descriptor: int) -> None:
    with suppress(OSError):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
