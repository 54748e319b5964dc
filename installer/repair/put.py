"""Puts what was proved where it was asked for: onto the medium itself, or into a new folder.

Owns every write of a repair. Reads back what it wrote onto a medium, which was damaged once.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from installer.repair.mended import Mended
from installer.repair.places import Place
from installer.repair.staging import staged
from installer.repair.wanted import Chunk, WantedFile
from manifests.bundle import layout
from manifests.digest import Digest, digest_mismatch, new_hash
from manifests.errors import NotInstallableHere

Advance = Callable[[int], None]

_HINTS: Final = {
    errno.EACCES: "give a folder with -o beside which this user may write",
    errno.EROFS: "mount it writable, or give a folder with -o",
    errno.ENOSPC: "free some space, or give another place with -o",
    errno.EFBIG: "give a folder on another file system with -o",
}
_ELSEWHERE: Final = "don't trust this medium any more: give a folder on another one with -o"


def put_in_place(place: Place, mended: Mended, misfits: Sequence[str], advance: Advance) -> None:
    """Write the proved chunks over the damaged ones; what seals the bundle comes last.

    Args:
        place: the damaged bundle.
        mended: its proved bytes.
        misfits: files of a wrong size or kind.
        advance: told of bytes written.

    Raises:
        NotInstallableHere: `repair-write`: the medium is full, read-only or fails, or does not
            keep what was written.
    """
    chunks = sorted(mended.chunks, key=lambda chunk: _is_seal(chunk.name))
    changed = sorted({chunk.name for chunk in chunks} | (mended.files.keys() & set(misfits)))
    with _told(place.path):
        for chunk in chunks:
            _write(place, mended, chunk)
            advance(chunk.length)
        for name in changed:
            file = mended.files[name]
            place.file(name, file.size).settle(executable=file.executable)
        place.settle()
    for chunk in chunks:
        _read_back(place, mended, chunk)


def put_into(folder: Path, mended: Mended, advance: Advance) -> None:
    """Write the whole bundle into a new folder, which is there when all of it is, or not at all.

    Raises:
        NotInstallableHere: `repair-write`.
        UsageError: `output-busy`: another repair is writing there.
        BundleRefused: `digest-mismatch`: the damaged bundle changed meanwhile.
    """
    with _told(str(folder)), staged(folder) as staging:
        for file in sorted(mended.files.values(), key=lambda one: _is_seal(one.name)):
            _copy(staging, mended, file, advance)


def _is_seal(name: str) -> int:
    """Tell what is written last: the list, and after it the signatures."""
    return 2 if layout.is_signature(name) else int(name == layout.SUMS)


def _write(place: Place, mended: Mended, chunk: Chunk) -> None:
    data = memoryview(bytearray(chunk.length))
    mended.read(chunk.name, chunk.offset, data)
    place.file(chunk.name, mended.files[chunk.name].size).write(chunk.offset, data)


def _read_back(place: Place, mended: Mended, chunk: Chunk) -> None:
    data = memoryview(bytearray(chunk.length))
    place.file(chunk.name, mended.files[chunk.name].size).read(chunk.offset, data)
    if Digest.of(data) != chunk.digest:
        raise NotInstallableHere(
            "repair-write",
            f"{place.path}: {chunk.name} at {chunk.offset} reads back otherwise than it was"
            " written",
            hint=_ELSEWHERE,
            file=chunk.name,
            offset=chunk.offset,
        )


def _copy(folder: Path, mended: Mended, file: WantedFile, advance: Advance) -> None:
    path = folder / file.name
    path.parent.mkdir(parents=True, exist_ok=True)
    hasher = new_hash()
    with path.open("xb", buffering=0) as target:
        for piece in mended.pieces(file.name):
            hasher.update(piece)
            _write_all(target.fileno(), piece)
            advance(len(piece))
        os.fsync(target.fileno())
    if Digest.from_hash(hasher) != file.digest:
        raise digest_mismatch(file.name, file.digest, Digest.from_hash(hasher))
    if file.executable:
        with suppress(OSError):  # FAT has no such bit; release.json has it
            path.chmod(0o755)


def _write_all(descriptor: int, view: memoryview) -> None:
    while view:
        view = view[os.write(descriptor, view) :]


@contextmanager
def _told(where: str) -> Iterator[None]:
    """Tell what fails with the output in the block."""
    try:
        yield
    except OSError as error:
        hints: Mapping[int, str] = _HINTS
        raise NotInstallableHere(
            "repair-write",
            f"{where}: {error.strerror or error}",
            hint=hints.get(error.errno or 0, _ELSEWHERE),
        ) from error
