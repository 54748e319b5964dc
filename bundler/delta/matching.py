"""Finds what of a new layer's tar an old one has: copies and data, by content.

Owns the index of the old tar: a few bytes for each piece, at most `MAX_INDEX` of them. A piece is
taken for equal only after its bytes were compared.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from typing import Final

from bundler.delta.segments import Cutting
from manifests.bundle.tarform import BLOCK
from manifests.patchform import HEAD_BYTES, MAGIC, copy_head, data_head, end_head

MAX_INDEX: Final = 400_000
"""Pieces of the old tar that are remembered."""
TRIMMED: Final = 2048
"""Bytes of a piece from which on its ends are compared: zstd does better with the small ones."""
DATA_BYTES: Final = 1024 * 1024
"""Bytes of new data that become one operation at most."""


class OldTar:
    """An old layer's tar in an open file, and where its pieces are."""

    def __init__(self, descriptor: int, cutting: Cutting) -> None:
        self._descriptor = descriptor
        self._cutting = cutting
        self._index: dict[bytes, int] = {}

    def take(self, stream: Iterable[bytes]) -> None:
        """Write the tar to the file, and remember its pieces."""
        offset = 0
        for piece in self._cutting.pieces(stream):
            if len(piece) >= BLOCK and len(self._index) < MAX_INDEX:
                self._index.setdefault(_key(piece), offset)
            _write_all(self._descriptor, piece)
            offset += len(piece)

    def has(self, piece: bytes, offset: int) -> bool:
        """Tell whether the bytes at `offset` are those of `piece`."""
        return os.pread(self._descriptor, len(piece), offset) == piece

    def find(self, piece: bytes) -> int | None:
        """Return where these bytes are; None if that is not known."""
        offset = self._index.get(_key(piece))
        return offset if offset is not None and self.has(piece, offset) else None

    def patch(self, new: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the operations that make the tar that `new` is."""
        yield MAGIC
        joined = _Joined()
        cursor: int | None = None
        for piece in self._cutting.pieces(new):
            if cursor is None or not self.has(piece, cursor):
                found = self.find(piece)
                if found is None:
                    yield from self._changed(joined, piece, cursor)
                    cursor = None if cursor is None else cursor + len(piece)
                    continue
                cursor = found
            yield from joined.copy(cursor, len(piece))
            cursor += len(piece)
        yield from joined.flush()
        yield end_head()

    def _changed(self, joined: _Joined, piece: bytes, cursor: int | None) -> Iterator[bytes]:
        """Take a piece as new, but for what its ends have of the old bytes in its place."""
        if cursor is None or len(piece) < TRIMMED:
            yield from joined.data(piece)
            return
        old = os.pread(self._descriptor, len(piece), cursor)
        head = _common(piece, old)
        tail = _common(piece[head:][::-1], old[head:][::-1]) if len(old) == len(piece) else 0
        end = len(piece) - tail
        if head:
            yield from joined.copy(cursor, head)
        yield from joined.data(piece[head:end])
        if tail:
            yield from joined.copy(cursor + end, tail)


class _Joined:
    """Operations that follow each other, made one where they can be."""

    def __init__(self) -> None:
        self._start = 0
        self._length = 0
        self._data = bytearray()

    def copy(self, offset: int, length: int) -> Iterator[bytes]:
        """Take a copy."""
        if self._data or self._start + self._length != offset:
            yield from self.flush()
            self._start = offset
        self._length += length

    def data(self, piece: bytes) -> Iterator[bytes]:
        """Take new bytes."""
        if self._length or len(self._data) + len(piece) > DATA_BYTES:
            yield from self.flush()
        self._data += piece

    def flush(self) -> Iterator[bytes]:
        """Yield what was taken."""
        if self._length:
            yield copy_head(self._start, self._length)
        if self._data:
            yield data_head(len(self._data)) + bytes(self._data)
        self._length = 0
        self._data.clear()


def _common(one: bytes, other: bytes) -> int:
    """Return how many bytes two texts have in common from their start on; 0 for a few."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low if low > HEAD_BYTES else 0


def _key(piece: bytes) -> bytes:
    return hashlib.blake2b(piece, digest_size=12).digest()


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
