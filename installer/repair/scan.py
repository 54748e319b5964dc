"""Finds the damaged chunks of a bundle, and those of them that other copies have.

Reads everything once; a chunk is sound if its digest is what was signed, whatever the medium says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from installer.repair.mended import Mended
from installer.repair.places import Place
from installer.repair.wanted import Chunk, WantedFile
from manifests.digest import Digest
from manifests.release import CHUNK_SIZE

Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Fetched:
    """Chunks that came from another copy.

    Attributes:
        path: of the copy.
        chunks: proved, and in their slots.
    """

    path: str
    chunks: tuple[Chunk, ...]


def find_damage(mended: Mended, files: Iterable[WantedFile], advance: Advance) -> list[Chunk]:
    """Return every chunk that does not match, kept in its slot as far as it could be read.

    Raises:
        NotInstallableHere: `repair-room`.
    """
    bad: list[Chunk] = []
    buffer = _Buffer()
    for chunk in (chunk for file in files for chunk in file.chunks()):
        view = buffer.of(chunk.length)
        mended.raw(chunk.name, chunk.offset, view)
        if Digest.of(view) != chunk.digest:
            mended.keep(chunk, view)
            bad.append(chunk)
        advance(chunk.length)
    return bad


def fetch(
    mended: Mended, bad: Sequence[Chunk], others: Sequence[Place], advance: Advance
) -> tuple[list[Chunk], list[Fetched]]:
    """Take damaged chunks from other copies, which may be damaged elsewhere.

    Returns:
        What is still damaged, and what came from where.
    """
    left, fetched = list(bad), []
    for other in others:
        found = tuple(_found(mended, left, other, advance))
        if found:
            fetched.append(Fetched(other.path, found))
            there = set(found)
            left = [chunk for chunk in left if chunk not in there]
    return left, fetched


def _found(
    mended: Mended, wanted: Sequence[Chunk], other: Place, advance: Advance
) -> Iterator[Chunk]:
    buffer = _Buffer()
    for chunk in wanted:
        view = buffer.of(chunk.length)
        other.file(chunk.name, mended.files[chunk.name].size).read(chunk.offset, view)
        if Digest.of(view) == chunk.digest:
            mended.patch(chunk.name, chunk.offset, view)
            advance(chunk.length)
            yield chunk


class _Buffer:
    """One buffer for chunks of any length: a document may be longer than most."""

    def __init__(self) -> None:
        self._memory = bytearray(CHUNK_SIZE)

    def of(self, length: int) -> memoryview:
        """Return a view of so many bytes."""
        if length > len(self._memory):
            self._memory = bytearray(length)
        return memoryview(self._memory)[:length]
