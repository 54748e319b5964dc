"""A bundle's bytes as they are, and over them those that were repaired; the medium stays as it is.

Owns a temporary file with one slot for each damaged chunk: at first what could be read of it, then
what it should be. Whoever fills a slot has to prove it. Several threads may read and write.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from installer.repair.places import Place
from installer.repair.wanted import Chunk, WantedFile
from manifests.digest import Digest, new_hash
from manifests.errors import NotInstallableHere

STEP: Final = 1024 * 1024
_FALLBACK: Final = Path("/var/tmp")  # noqa: S108 - a file without a name is made there
"""Where there is more room than in a folder that may lie in memory."""


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where a chunk's bytes are in the temporary file."""

    chunk: Chunk
    at: int


class Mended:
    """The bytes of a bundle.

    Attributes:
        files: those that it must have, by name.
        chunks: the damaged ones.
    """

    def __init__(self, place: Place, files: Mapping[str, WantedFile]) -> None:
        self.files = files
        self._homes = {name: place.file(name, one.size) for name, one in files.items()}
        self._slots: dict[tuple[str, int], _Slot] = {}
        self._end = 0
        folder = None if "TMPDIR" in os.environ or not _FALLBACK.is_dir() else _FALLBACK
        self._spool = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `close`

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """The damaged chunks."""
        return tuple(slot.chunk for slot in self._slots.values())

    def raw(self, name: str, offset: int, view: memoryview) -> None:
        """Read from the medium itself; what can't be read is zeros."""
        self._homes[name].read(offset, view)

    def keep(self, chunk: Chunk, view: memoryview) -> None:
        """Make a slot for a damaged chunk with what could be read of it.

        Raises:
            NotInstallableHere: `repair-room`.
        """
        self._slots[chunk.name, chunk.number] = _Slot(chunk, self._end)
        self._end += chunk.length
        self.patch(chunk.name, chunk.offset, view)

    def read(self, name: str, offset: int, view: memoryview) -> None:
        """Fill `view` from slots where there are some, else from the medium."""
        for slot, at, piece in self._pieces(name, offset, view):
            if slot is None:
                self.raw(name, at, piece)
            else:
                os.preadv(self._spool.fileno(), [piece], slot.at + at - slot.chunk.offset)

    def patch(self, name: str, offset: int, view: memoryview) -> None:
        """Write into the slots that the bytes belong to; those of sound chunks are as they are.

        Raises:
            NotInstallableHere: `repair-room`.
        """
        for slot, at, piece in self._pieces(name, offset, view):
            if slot is not None:
                self._write(piece, slot.at + at - slot.chunk.offset)

    def proved(self, chunk: Chunk) -> bool:
        """Tell whether a chunk has the bytes that were signed."""
        data = memoryview(bytearray(chunk.length))
        self.read(chunk.name, chunk.offset, data)
        return Digest.of(data) == chunk.digest

    def pieces(self, name: str) -> Iterator[memoryview]:
        """Yield a file's bytes; a view is valid until the next is asked for."""
        size = self.files[name].size
        buffer = memoryview(bytearray(min(STEP, size)))
        for offset in range(0, size, STEP):
            view = buffer[: min(STEP, size - offset)]
            self.read(name, offset, view)
            yield view

    def digest(self, name: str) -> Digest:
        """Return what a file hashes to."""
        hasher = new_hash()
        for piece in self.pieces(name):
            hasher.update(piece)
        return Digest.from_hash(hasher)

    def close(self) -> None:
        """Remove the temporary file."""
        self._spool.close()

    def _pieces(
        self, name: str, offset: int, view: memoryview
    ) -> Iterator[tuple[_Slot | None, int, memoryview]]:
        """Cut a range at the edges of chunks; yield the slot, the offset in the file, the part."""
        file = self.files[name]
        while view:
            number = file.chunk_at(offset)
            count = min(len(view), file.chunk_end(number) - offset)
            yield self._slots.get((name, number)), offset, view[:count]
            view, offset = view[count:], offset + count

    def _write(self, view: memoryview, at: int) -> None:
        try:
            while view:
                count = os.pwrite(self._spool.fileno(), view, at)
                view, at = view[count:], at + count
        except OSError as error:
            raise NotInstallableHere(
                "repair-room",
                f"no room for {self._end} bytes that are damaged: {error.strerror or error}",
                hint="set TMPDIR to a folder with more room",
            ) from error
