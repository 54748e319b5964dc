"""Cuts a layer's tar where its content says, so that equal content is cut alike wherever it lies.

Each header of the tar is a piece of its own, since it changes with every date; what follows it is
cut at places that eight bytes of the content choose: an insertion moves the cuts with it. A stream
that is no tar is cut by content alone. Memory does not grow with the stream.

Source: content-defined chunking as in LBFS (Muthitacharoen et al., 2001), with a multiplicative
hash of eight bytes in place of Rabin's fingerprint; POSIX.1-2001 pax for the headers.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from manifests.bundle.tarform import BLOCK

_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)
_WINDOW: Final = 8
_FINEST: Final = 13
"""Base-2 logarithm of the smallest mean piece."""
_COARSEST: Final = 20
_PIECES_LOG: Final = 17
"""Base-2 logarithm of how many pieces a stream is cut into, where it is large enough."""
LOOK_BYTES: Final = 1024 * 1024
"""Bytes that are looked at together, at least."""
_LINK_TYPES: Final = (tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE)


@dataclass(frozen=True, slots=True)
class Cutting:
    """How finely a stream is cut; both streams of a comparison are cut alike.

    Attributes:
        bits: base-2 logarithm of the mean length of a piece in bytes.
    """

    bits: int

    @classmethod
    def of_size(cls, size: int) -> Cutting:
        """Return the cutting that suits a stream of `size` bytes."""
        return cls(min(max(size.bit_length() - _PIECES_LOG, _FINEST), _COARSEST))

    @property
    def least(self) -> int:
        """Bytes of the shortest piece that is not the last of its file."""
        return 1 << (self.bits - 2)

    @property
    def most(self) -> int:
        """Bytes of the longest piece."""
        return 1 << (self.bits + 2)

    def pieces(self, stream: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the stream in pieces, headers of a tar by themselves."""
        source = _Buffered(stream)
        while block := source.take(BLOCK):
            yield block
            content = _content_bytes(block)
            yield from self._cut(source, content)

    def _cut(self, source: _Buffered, left: int | None) -> Iterator[bytes]:
        """Cut `left` bytes, or all that comes."""
        window = max(self.most * 2, LOOK_BYTES)
        while left is None or left > 0:
            wanted = window if left is None else min(window, left)
            data = source.look(wanted)
            if not data:
                return
            final = len(data) < window
            used = 0
            for end in self._ends(data, final=final):
                yield data[used:end]
                used = end
            source.drop(used)
            left = None if left is None else left - used

    def _ends(self, data: bytes, *, final: bool) -> Iterator[int]:
        """Yield where pieces end; what may go on beyond `data` is left for the next look."""
        hits, at, start = self._hits(data), 0, 0
        while len(data) - start > self.most or (final and start < len(data)):
            at = int(np.searchsorted(hits, start + self.least))
            end = int(hits[at]) if at < len(hits) else len(data)
            start = min(end, start + self.most, len(data))
            yield start

    def _hits(self, data: bytes) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return every place before which eight bytes stand that a cut may follow."""
        limit = np.uint64((1 << 64) - (1 << (64 - self.bits)))
        found = []
        for shift in range(min(_WINDOW, max(0, len(data) - _WINDOW + 1))):
            count = (len(data) - shift) // _WINDOW
            words = np.frombuffer(data, "<u8", count, shift)
            found.append(np.flatnonzero(words * _MULTIPLIER > limit) * _WINDOW + shift + _WINDOW)
        return np.sort(np.concatenate(found)) if found else np.empty(0, np.int64)


def _content_bytes(block: bytes) -> int | None:
    """Return how many bytes follow a header; None for what is no header."""
    if block == bytes(BLOCK):
        return 0
    try:
        info = tarfile.TarInfo.frombuf(block, "utf-8", "replace")
    except tarfile.HeaderError:
        return None
    if info.type in _LINK_TYPES:
        return 0
    return info.size + -info.size % BLOCK


class _Buffered:
    """A stream of which any number of bytes can be looked at before they are taken."""

    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = iter(stream)
        self._data = b""

    def look(self, count: int) -> bytes:
        """Return the next `count` bytes, fewer at the end."""
        if len(self._data) < count:
            parts, have = [self._data], len(self._data)
            for piece in self._stream:
                parts.append(bytes(piece))
                have += len(piece)
                if have >= count:
                    break
            self._data = b"".join(parts)
        return self._data[:count]

    def drop(self, count: int) -> None:
        """Pass over bytes that were looked at."""
        self._data = self._data[count:]

    def take(self, count: int) -> bytes:
        """Return the next bytes and pass over them."""
        found = self.look(count)
        self.drop(count)
        return found
