"""Unpacks a layer while it streams: zstd, gzip or nothing, never more than was signed.

Owns the bounds: a window of at most 128 MiB, output in small pieces, and an end where the signed
size says. Does not hash: what comes in was checked, and unpacking is a function of it.

Sources: RFC 8878 (zstd), RFC 1952 (gzip; several members are one stream).
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, Final, Protocol, cast

import zstandard
from isal import igzip, isal_zlib

from manifests.base import PATCH_TYPE, PatchRecord
from manifests.errors import BundleRefused
from manifests.mediatype import LAYER_COMPRESSION, Compression
from manifests.release import LayerRecord

Packed = LayerRecord | PatchRecord
"""A blob that is signed with what it unpacks to."""

PIECE: Final = 1024 * 1024
"""Bytes handed on at once."""
MAX_WINDOW: Final = 2**27
"""Bytes of memory that a zstd frame may ask for."""
_READ: Final = 256 * 1024

_DAMAGE: Final[tuple[type[Exception], ...]] = (
    zstandard.ZstdError,
    cast("type[Exception]", isal_zlib.IsalError),
    zlib.error,
    EOFError,
    OSError,
)


class _Readable(Protocol):
    def readinto(self, buffer: Any, /) -> int | None: ...


def expand(layer: Packed, chunks: Iterator[memoryview]) -> Iterator[memoryview]:
    """Yield a layer's tar, exactly `layer.uncompressed` bytes; a view is valid until the next.

    Args:
        layer: what is signed about it; or a patch, whose operations are yielded.
        chunks: its bytes as the bundle has them.

    Raises:
        BundleRefused: `layer-malformed`, `layer-size`.
    """
    compression = _COMPRESSION.get(layer.media_type)
    if compression is None:
        raise _malformed(layer, f"its media type {layer.media_type} is no layer's")
    reader = _OPENERS[compression](ChunkReader(chunks))
    view, left = memoryview(bytearray(PIECE)), layer.uncompressed
    while count := _read(layer, reader, view):
        left -= count
        if left < 0:
            break
        yield view[:count]
    if left:
        raise BundleRefused(
            "layer-size",
            f"{layer.name}: expected {layer.uncompressed} bytes unpacked, "
            f"found {'more' if left < 0 else layer.uncompressed - left}",
            hint="ask the maker for a new bundle: what was signed is not what it holds",
            file=layer.name,
        )


class ChunkReader(io.RawIOBase):
    """Chunks as a file."""

    def __init__(self, chunks: Iterator[memoryview]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Copy what is left of the present chunk, or begin the next."""
        if not self._rest:
            self._rest = next(self._chunks, memoryview(b""))
        with memoryview(buffer) as view:
            count = min(len(view), len(self._rest))
            view[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _read(layer: Packed, reader: _Readable, view: memoryview) -> int:
    try:
        return reader.readinto(view) or 0
    except _DAMAGE as error:
        raise _malformed(layer, str(error)) from error


def _zstd(raw: ChunkReader) -> _Readable:
    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW)
    return decompressor.stream_reader(
        cast("IO[bytes]", raw), read_size=_READ, read_across_frames=True
    )


def _gzip(raw: ChunkReader) -> _Readable:
    untyped: Any = igzip.IGzipFile
    opened: _Readable = untyped(fileobj=raw, mode="rb")
    return opened


def _plain(raw: ChunkReader) -> _Readable:
    return raw


_COMPRESSION: Final = {**LAYER_COMPRESSION, PATCH_TYPE: Compression.ZSTD}
_OPENERS: Final[dict[Compression, Callable[[ChunkReader], _Readable]]] = {
    Compression.ZSTD: _zstd,
    Compression.GZIP: _gzip,
    Compression.NONE: _plain,
}


def _malformed(layer: Packed, reason: str) -> BundleRefused:
    return BundleRefused(
        "layer-malformed",
        f"{layer.name}: expected a layer that can be unpacked: {reason}",
        hint="ask the maker for a new bundle: what was signed is not what it holds",
        file=layer.name,
    )
