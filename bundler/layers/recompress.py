"""One layer's bytes on their way into the cache: inflate, hash, compress, hash, all overlapped.

Reads a stream once, in order, and holds a few megabytes beside zstd's window, whatever the size
of the layer. Knows neither where bytes come from nor where they go.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from typing import IO, Any, Final, cast

import zstandard
from isal import isal_zlib

from bundler.layers.zstdframes import BrokenFrames, whole_frames
from manifests.bundle.chunks import ChunkHasher
from manifests.digest import Digest, new_hash
from manifests.errors import SourceFailed
from manifests.mediatype import Compression

PIECE: Final = 120 * 1024
"""Bytes of tar that are handled at once: still in a core's cache when they are hashed, and small
enough that the C library's allocator does not ask the kernel for fresh pages each time."""
BATCH: Final = 8
"""Pieces that change threads together."""
WINDOW_LOG_MAX: Final = 27
"""Largest zstd window that we read: 128 MiB, what `zstd -d` takes without being asked."""
LONG_MATCH_RATE_LOG: Final = 10
"""One position in 2^10 enters the table of long matches: see docs/adr/0003."""
QUEUED_BATCHES: Final = 4
LONG_MATCH_MINIMUM: Final = 64
"""Bytes of the shortest long match: zstd's default, said so that it can be asked for memory."""
_GZIP = 31
"""zlib's wbits for a gzip wrapper."""
_IsalError = cast("type[Exception]", isal_zlib.error)


class MalformedLayer(SourceFailed):
    """A layer that can't be what its image says; says what is wrong, not with which layer."""


@dataclass(frozen=True, slots=True)
class ZstdSettings:
    """How layers are compressed; part of the name under which the cache keeps the result.

    Attributes:
        level: zstd's level, 1 to 19.
        window_log: base-2 logarithm of the window in bytes; matches reach that far back.
    """

    level: int = 6
    window_log: int = 26

    @property
    def key(self) -> str:
        """Stable name: the same key makes the same bytes."""
        version = ".".join(map(str, zstandard.ZSTD_VERSION))
        return f"zstd-{self.level}-{self.window_log}-{LONG_MATCH_RATE_LOG}-{version}"

    @property
    def memory(self) -> int:
        """Bytes that one compressor takes: its tables and its window."""
        return int(self._parameters().estimated_compression_context_size()) + (1 << self.window_log)

    def compressor(self) -> zstandard.ZstdCompressor:
        """Return a compressor: one thread, so that its output depends on nothing else."""
        return zstandard.ZstdCompressor(compression_params=self._parameters())

    def _parameters(self) -> zstandard.ZstdCompressionParameters:
        return zstandard.ZstdCompressionParameters.from_level(
            self.level,
            window_log=self.window_log,
            enable_ldm=True,
            ldm_hash_log=self.window_log - LONG_MATCH_RATE_LOG,
            ldm_hash_rate_log=LONG_MATCH_RATE_LOG,
            ldm_min_match=LONG_MATCH_MINIMUM,
            ldm_bucket_size_log=1,
        )


@dataclass(frozen=True, slots=True)
class Inflated:
    """What a layer's tar turned out to be.

    Attributes:
        diff_id: its digest.
        size: its bytes.
    """

    diff_id: Digest
    size: int


@dataclass(frozen=True, slots=True)
class Stored:
    """What was written.

    Attributes:
        digest: of the bytes.
        size: bytes.
        chunks: hexadecimal sha256 of each 8 MiB.
    """

    digest: Digest
    size: int
    chunks: tuple[str, ...]


class StoredHasher:
    """Hashes a blob whole and in chunks while it is written."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._whole = new_hash()
        self._chunks = ChunkHasher()
        self._size = 0

    def take(self, data: bytes) -> None:
        """Hash and write the next bytes."""
        self._whole.update(data)
        self._chunks.update(data)
        self._size += len(data)
        self._write(data)

    def finish(self) -> Stored:
        """Return what was written."""
        return Stored(Digest.from_hash(self._whole), self._size, self._chunks.finish())


def recompress(
    source: Iterable[bytes],
    compression: Compression,
    settings: ZstdSettings,
    write: Callable[[bytes], object],
) -> tuple[Inflated, Stored]:
    """Turn a layer into zstd.

    Args:
        source: the layer's bytes.
        compression: how they are wrapped.
        settings: how they shall be.
        write: takes the zstd bytes in order.

    Raises:
        MalformedLayer: `layer-malformed`.
    """
    stored = StoredHasher(write)
    compress = settings.compressor().compressobj()
    inflater = Inflater(source, compression)
    with closing(_ahead(_batches(inflater))) as batches:
        for piece in chain.from_iterable(batches):
            if data := compress.compress(piece):
                stored.take(data)
    stored.take(compress.flush())
    return inflater.result(), stored.finish()


class Inflater:
    """Iterates over a layer's tar in pieces, and knows its diff ID and size at the end."""

    def __init__(self, source: Iterable[bytes], compression: Compression) -> None:
        self._source = source
        self._compression = compression
        self._hash = new_hash()
        self._size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in inflate(self._source, self._compression):
            self._hash.update(piece)
            self._size += len(piece)
            yield piece

    def result(self) -> Inflated:
        """Return what was seen."""
        return Inflated(Digest.from_hash(self._hash), self._size)


def inflate(source: Iterable[bytes], compression: Compression) -> Iterator[bytes]:
    """Yield a layer's tar in pieces of at most `PIECE` bytes.

    Several gzip members or zstd frames in a row are one layer (RFC 1952, RFC 8878); anything
    else after the last, or an end within one, is refused.

    Raises:
        MalformedLayer: `layer-malformed`.
    """
    unwrap = {Compression.GZIP: _gunzip, Compression.ZSTD: _unzstd}.get(compression, _cut)
    yield from unwrap(source)


def _cut(source: Iterable[bytes]) -> Iterator[bytes]:
    for data in source:
        yield from (data[at : at + PIECE] for at in range(0, len(data), PIECE))


def _gunzip(source: Iterable[bytes]) -> Iterator[bytes]:
    member = None
    for data in source:
        rest = data
        while rest:
            member = member or isal_zlib.decompressobj(wbits=_GZIP)
            yield from _feed(member, rest)
            rest = member.unused_data if member.eof else b""
            member = None if member.eof else member
    if member is not None:
        raise MalformedLayer("layer-malformed", "its gzip data ends too early")


def _feed(member: Any, data: bytes) -> Iterator[bytes]:
    try:
        while data:
            if piece := member.decompress(data, PIECE):
                yield piece
            data = b"" if member.eof else member.unconsumed_tail
    except _IsalError as error:
        raise MalformedLayer("layer-malformed", f"it is not gzip: {error}") from error


def _unzstd(source: Iterable[bytes]) -> Iterator[bytes]:
    reader = zstandard.ZstdDecompressor(max_window_size=2**WINDOW_LOG_MAX).stream_reader(
        cast("IO[bytes]", _Readable(whole_frames(source))), read_across_frames=True
    )
    try:
        while piece := reader.read(PIECE):
            yield piece
    except BrokenFrames as error:
        raise MalformedLayer("layer-malformed", str(error)) from error
    except zstandard.ZstdError as error:
        raise MalformedLayer("layer-malformed", f"it is not zstd: {error}") from error


class _Readable:
    """An iterator of bytes in a file's clothes; gives what comes, whatever size is asked for."""

    def __init__(self, source: Iterator[bytes]) -> None:
        self._source = source

    def read(self, size: int = -1, /) -> bytes:  # noqa: ARG002 - zstandard takes any amount
        return next(filter(None, self._source), b"")


def _batches(pieces: Iterable[bytes]) -> Iterator[Sequence[bytes]]:
    iterator = iter(pieces)
    while batch := tuple(islice(iterator, BATCH)):
        yield batch


def _ahead(batches: Iterable[Sequence[bytes]]) -> Generator[Sequence[bytes], None, None]:
    """Let `batches` run in a thread of their own, a few ahead of the consumer.

    A consumer that gives up does not wait for that thread: it may be waiting for the network.
    """
    iterator = iter(batches)
    pool = ThreadPoolExecutor(1, "inflate")
    try:
        pending = deque(pool.submit(next, iterator, None) for _ in range(QUEUED_BATCHES))
        while (batch := pending.popleft().result()) is not None:
            pending.append(pool.submit(next, iterator, None))
            yield batch
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
