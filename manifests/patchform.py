"""The grammar of a patch: how a new layer's tar is put together from an old one's and new bytes.

Specified in docs/bundle-format.md, section 14. A patch is read strictly and once, in order: what it
asks for lies within the old tar, and what comes of it has exactly the signed size.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Protocol

from manifests.errors import BundleRefused

MAGIC: Final = b"moonlift patch 1"
MAX_OPERATIONS: Final = 4 * 1024 * 1024
PIECE: Final = 1024 * 1024
"""Bytes that are handed on at once."""
HEAD_BYTES: Final = 17

_HEAD: Final = struct.Struct("<BQQ")
_END, _COPY, _DATA = 0, 1, 2


class Readable(Protocol):
    """What a patch is read from."""

    def readinto(self, buffer: Any, /) -> int | None:
        """Fill some of a buffer; 0 at the end."""


ReadOld = Callable[[int, memoryview], None]
"""Fills a buffer with the old tar's bytes from an offset on."""


def copy_head(offset: int, length: int) -> bytes:
    """Return the operation that takes bytes of the old tar."""
    return _HEAD.pack(_COPY, offset, length)


def data_head(length: int) -> bytes:
    """Return the operation that takes the bytes that follow it."""
    return _HEAD.pack(_DATA, 0, length)


def end_head() -> bytes:
    """Return the operation that ends a patch."""
    return _HEAD.pack(_END, 0, 0)


@dataclass(frozen=True, slots=True)
class PatchSizes:
    """What is signed about a patch.

    Attributes:
        name: its file, for messages.
        old: bytes of the old tar.
        new: bytes of the new one.
    """

    name: str
    old: int
    new: int


def apply_patch(sizes: PatchSizes, patch: Readable, read_old: ReadOld) -> Iterator[memoryview]:
    """Yield the new tar in pieces; a view is valid until the next.

    Raises:
        BundleRefused: `patch-malformed`.
    """
    view = memoryview(bytearray(min(PIECE, max(1, sizes.new))))
    if _exactly(sizes, patch, len(MAGIC)) != MAGIC:
        raise malformed(sizes.name, "it does not begin as a patch does")
    left = sizes.new
    for _ in range(MAX_OPERATIONS):
        kind, offset, length = _HEAD.unpack(_exactly(sizes, patch, HEAD_BYTES))
        if kind == _END:
            _check_end(sizes, patch, left, offset or length)
            return
        _check_operation(sizes, kind, offset, length, left)
        left -= length
        for start in range(0, length, len(view)):
            piece = view[: min(len(view), length - start)]
            if kind == _COPY:
                read_old(offset + start, piece)
            else:
                _fill(sizes, patch, piece)
            yield piece
    raise malformed(sizes.name, f"it has more than {MAX_OPERATIONS} operations")


def _check_operation(sizes: PatchSizes, kind: int, offset: int, length: int, left: int) -> None:
    if kind not in (_COPY, _DATA) or (kind == _DATA and offset):
        raise malformed(sizes.name, f"an operation of unknown kind {kind}")
    if not 0 < length <= left:
        raise malformed(sizes.name, f"an operation of {length} bytes where {left} are left")
    if kind == _COPY and offset + length > sizes.old:
        raise malformed(sizes.name, f"bytes {offset} to {offset + length} of {sizes.old} old ones")


def _check_end(sizes: PatchSizes, patch: Readable, left: int, odd: int) -> None:
    if left or odd:
        raise malformed(sizes.name, f"it ends {left} bytes too early")
    if patch.readinto(bytearray(1)):
        raise malformed(sizes.name, "it goes on after its end")


def _exactly(sizes: PatchSizes, patch: Readable, count: int) -> bytes:
    data = bytearray(count)
    _fill(sizes, patch, memoryview(data))
    return bytes(data)


def _fill(sizes: PatchSizes, patch: Readable, view: memoryview) -> None:
    while view:
        count = patch.readinto(view)
        if not count:
            raise malformed(sizes.name, "it is cut off")
        view = view[count:]


def malformed(name: str, reason: str) -> BundleRefused:
    """Build the error for a patch that breaks its grammar, or makes something else."""
    return BundleRefused(
        "patch-malformed",
        f"{name}: expected a patch that makes the signed layer: {reason}",
        hint="ask the maker for a new bundle: what was signed is not what it holds",
        file=name,
    )
