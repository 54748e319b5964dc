"""Where each file of a bundle lies on a drive, or is to lie: whole or in pieces.

Looks at names and sizes only: what is there is believed after it was read (`readback`).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from bundler.drive.filesystem import FileSystem
from manifests.bundle import layout
from manifests.bundle.chunks import ChunkedFile, chunked_file
from manifests.bundle.driveform import PARTIAL
from manifests.bundle.pieces import MAX_PIECES, PIECE_SIZE, piece_name
from manifests.bundle.pool import FOLDER
from manifests.digest import Digest
from manifests.errors import SourceFailed
from manifests.release import CHUNK_SIZE
from manifests.seals.seal import SealedRelease


@dataclass(frozen=True, slots=True)
class Piece:
    """One file on the drive: all of a bundle's file, or consecutive chunks of it.

    Attributes:
        path: where.
        first: number of its first chunk.
        chunks: digest of each chunk.
        size: bytes.
        there: whether a file of this size is there.
    """

    path: Path
    first: int
    chunks: tuple[Digest, ...] = field(repr=False)
    size: int
    there: bool

    @property
    def partial(self) -> Path:
        """Its name until it is whole."""
        return self.path.with_name(f"{self.path.name}{PARTIAL}")


@dataclass(frozen=True, slots=True)
class Target:
    """A blob, or a file that the app carries.

    Attributes:
        file: its name in the bundle, its size and chunks.
        digest: of the whole.
        pieces: where it lies, in order.
        executable: whether it gets an executable bit.
    """

    file: ChunkedFile = field(repr=False)
    digest: Digest
    pieces: tuple[Piece, ...]
    executable: bool = False

    @property
    def name(self) -> str:
        """Its path in the bundle."""
        return self.file.name

    @property
    def missing(self) -> tuple[Piece, ...]:
        """What is yet to be written."""
        return tuple(piece for piece in self.pieces if not piece.there)


def targets_of(sealed: SealedRelease, folder: Path, system: FileSystem) -> tuple[Target, ...]:
    """Return every blob, then every carried or parity file, with where it is or is to be.

    Raises:
        SourceFailed: `drive-file-too-large`.
    """
    release, sums = sealed.release, sealed.sums.files
    blobs = [(blob.name, blob.size) for blob in release.blobs()]
    targets = [_blob(sealed, name, size, folder, system) for name, size in blobs]
    for record in (*release.carried, *release.parity_files):
        if system.max_file is not None and record.size > system.max_file:
            raise _too_large(record.name, record.size, system)
        file = chunked_file(release, record.name, record.size, sums[record.name])
        whole = _whole(file, folder / record.name)
        targets.append(Target(file, record.digest, (whole,), record.executable))
    return tuple(targets)


def _too_large(name: str, size: int, system: FileSystem) -> SourceFailed:
    return SourceFailed(
        "drive-file-too-large",
        f"{name}: {system.kind} takes files of at most {system.max_file} bytes, this has {size};"
        " only blobs of images are stored in pieces",
        hint="format the drive with exFAT or ext4, or carry the file in smaller parts",
        file=name,
    )


def _blob(sealed: SealedRelease, name: str, size: int, folder: Path, system: FileSystem) -> Target:
    digest = sealed.sums.files[name]
    file = chunked_file(sealed.release, name, size, digest)
    pool = folder.parent / FOLDER / digest.hex
    for path in (folder / name, pool):
        for pieces in ((_whole(file, path),), tuple(_found_pieces(file, path))):
            if pieces and all(one.there for one in pieces):
                return Target(file, digest, pieces)
    if system.max_file is None or size <= system.max_file:
        return Target(file, digest, (_whole(file, pool),))
    return Target(file, digest, _new_pieces(file, pool, system.max_file))


def _whole(file: ChunkedFile, path: Path) -> Piece:
    return Piece(path, 0, file.chunks, file.size, _has(path, file.size))


def _has(path: Path, size: int) -> bool:
    """Tell whether a regular file of that size is there."""
    try:
        status = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == size


def _found_pieces(file: ChunkedFile, path: Path) -> Iterator[Piece]:
    """Yield the pieces that are there, whoever cut them, if together they have the right size."""
    sizes: list[int] = []
    for number in range(1, MAX_PIECES + 1):
        try:
            sizes.append(os.lstat(path.with_name(piece_name(path.name, number))).st_size)
        except (FileNotFoundError, NotADirectoryError):
            break
    if sum(sizes) != file.size:
        return
    for number, size in enumerate(sizes, start=1):
        yield Piece(path.with_name(piece_name(path.name, number)), 0, (), size, there=True)


def _new_pieces(file: ChunkedFile, path: Path, max_file: int) -> tuple[Piece, ...]:
    chunks = min(max_file, PIECE_SIZE) // CHUNK_SIZE
    if not chunks or len(file.chunks) > chunks * MAX_PIECES:
        raise SourceFailed(
            "drive-file-too-large", f"{file.name}: more than {MAX_PIECES} pieces", file=file.name
        )
    return tuple(_cut(file, path, first, chunks) for first in range(0, len(file.chunks), chunks))


def _cut(file: ChunkedFile, path: Path, first: int, chunks: int) -> Piece:
    start = first * CHUNK_SIZE
    size = min(file.size - start, chunks * CHUNK_SIZE)
    at = path.with_name(piece_name(path.name, first // chunks + 1))
    return Piece(at, first, file.chunks[first : first + chunks], size, _has(at, size))


def renewed(target: Target, system: FileSystem) -> Target:
    """Return where something is to be written that is there and wrong."""
    path = target.pieces[0].path
    if target.name.startswith(layout.BLOBS):
        path = path.with_name(target.digest.hex)
    if system.max_file is None or target.file.size <= system.max_file:
        pieces: tuple[Piece, ...] = (_whole(target.file, path),)
    else:
        pieces = _new_pieces(target.file, path, system.max_file)
    return replace(target, pieces=tuple(replace(piece, there=False) for piece in pieces))


DOCUMENTS: Final = (
    layout.RELEASE,
    layout.OCI_LAYOUT,
    layout.INDEX,
    layout.DOCKER_MANIFEST,
    layout.SUMS,
)
"""The small files of a release's folder, in the order in which they are written."""


def bytes_to_write(targets: Sequence[Target]) -> int:
    """Return the bytes of everything that is not there."""
    return sum(piece.size for target in targets for piece in target.missing)
