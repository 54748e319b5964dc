"""Follows the frames of a zstd stream, block by block, without inflating anything.

The library that inflates does not tell a stream that ends within a frame from one that ends after
it; here the frames are counted out. Source: RFC 8878, 3.1, "Frames".
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from typing import Final

_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = b"\x2a\x4d\x18"
"""The last bytes of a skippable frame's magic number; the first is 0x50 to 0x5f."""
_REPEATED: Final = 1
"""Block type: one byte that stands for many."""
_DICTIONARY_BYTES: Final = (0, 1, 2, 4)
_CONTENT_SIZE_BYTES: Final = (0, 2, 4, 8)


class BrokenFrames(ValueError):
    """Something that is no frame, or an end within one."""


def whole_frames(source: Iterable[bytes]) -> Iterator[bytes]:
    """Pass on what comes.

    Raises:
        BrokenFrames: it turns out not to be whole frames, at the latest at its end.
    """
    frames = _Frames()
    for data in source:
        frames.feed(data)
        yield data
    if not frames.is_complete:
        raise BrokenFrames("its zstd data ends too early")


class _Frames:
    """Where a stream is in its grammar."""

    def __init__(self) -> None:
        self._inside = False
        self._seen = b""
        self._steps = self._follow()
        self._wanted = next(self._steps)
        self._passing = 0

    @property
    def is_complete(self) -> bool:
        """Whether the last frame has ended and no other has begun."""
        return not self._inside and not self._seen

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        at = 0
        while at < len(data):
            count = min(len(data) - at, self._passing or self._wanted - len(self._seen))
            if self._passing:
                self._passing -= count
            else:
                self._seen += data[at : at + count]
            at += count
            if not self._passing and len(self._seen) == self._wanted:
                self._step()

    def _step(self) -> None:
        wish = self._steps.send(self._seen)
        self._seen, self._wanted, self._passing = b"", max(wish, 0), max(-wish, 0)

    def _follow(self) -> Generator[int, bytes, None]:
        """Ask for bytes to look at, or, by a negative number, for bytes to be passed over."""
        while True:
            self._inside = False
            magic = yield 4
            self._inside = True
            if magic == _MAGIC:
                yield from _frame((yield 1)[0])
            elif magic[1:] == _SKIPPABLE and magic[0] >> 4 == 5:
                yield from _pass(int.from_bytes((yield 4), "little"))
            else:
                raise BrokenFrames("it is not zstd: there is no frame where one should begin")


def _frame(descriptor: int) -> Generator[int, bytes, None]:
    """RFC 8878, 3.1.1: header, blocks, checksum."""
    is_single = descriptor >> 5 & 1
    size = _CONTENT_SIZE_BYTES[descriptor >> 6] or is_single
    yield from _pass((not is_single) + _DICTIONARY_BYTES[descriptor & 3] + size)
    is_last = False
    while not is_last:
        block = int.from_bytes((yield 3), "little")
        is_last = bool(block & 1)
        yield from _pass(1 if block >> 1 & 3 == _REPEATED else block >> 3)
    yield from _pass(descriptor >> 2 & 1 and 4)


def _pass(count: int) -> Generator[int, bytes, None]:
    if count:
        yield -count
