"""PackedBundle -> the same with parity files, and with what release.json says of them.

Reads what the bundle covers in slices across all its columns, so that memory is bounded whatever
its size; arithmetic and reading run in a few threads. The files lie in the cache's scratch folder
until they are written. What they are is specified in docs/bundle-format.md.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from bundler.cache import Cache, Incoming
from bundler.layers.pools import worker_pool
from bundler.pack import PackedBundle
from bundler.progress import Progress, Stage
from bundler.write import DamagedEntry, checked_pieces
from bundler.writing.entries import Entry, Witness, bytes_entry
from manifests.bundle import layout
from manifests.bundle.chunks import ChunkedFile, ChunkHasher
from manifests.bundle.paritycode import Code, checksum_rows
from manifests.bundle.parityrecord import CHECKSUMS, SIZED, ParityRecord, column_name
from manifests.bundle.paritystream import Shape, Stream, shape_of
from manifests.bundle.sums import Sums
from manifests.digest import Digest, new_hash
from manifests.release import CHUNK_SIZE, Release

SLICE: Final = 128 * 1024
"""Bytes of each column that are read at once: some 30 MiB of all."""
MAX_THREADS: Final = 3

_SUBJECT: Final = "parity"


@contextmanager
def protected(
    packed: PackedBundle, percent: int, cache: Cache, progress: Progress
) -> Iterator[PackedBundle]:
    """Give the bundle with parity, whose files are there until the block ends.

    Args:
        packed: the bundle without.
        percent: of the bundle that may be lost; with 0 it stays as it is.
        cache: where there is room for the files.
        progress: told of every byte that is covered.

    Raises:
        DamagedEntry: an entry's bytes are not what was hashed.
        UsageError: `parity-too-large`.
        SourceFailed: `cache-unusable`: no room.
    """
    if not percent:
        yield packed
        return
    covered = packed.entries[1:]
    _check(covered)
    shape = shape_of(sum(entry.file.size for entry in covered), percent)
    with ExitStack() as files:
        sinks = [_Sink(files.enter_context(cache.incoming())) for _ in range(shape.parity + 1)]
        _fill(_Slices(covered, shape), sinks, progress)
        yield _with_parity(packed, shape, sinks)


def _check(covered: Sequence[Entry]) -> None:
    """Read what an earlier run hashed: parity of damaged bytes would keep the damage."""
    for entry in covered:
        if entry.witness is None:
            deque(checked_pieces(entry), maxlen=0)


class _Sink:
    """A parity file on its way: written, and hashed as it is."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._whole = new_hash()
        self._chunks = ChunkHasher()
        self._size = 0

    def write(self, data: bytes) -> None:
        """Append `data`."""
        self._incoming.write(data)
        self._whole.update(data)
        self._chunks.update(data)
        self._size += len(data)

    def entry(self) -> Entry:
        """Return the finished file under no name yet, as this run has hashed it."""
        path, then = self._incoming.path, time.time_ns() - 10**9
        os.utime(path, ns=(then, then))  # as `Cache.saw_made` does, and why
        digests = tuple(map(Digest, self._chunks.finish()))
        file = ChunkedFile("", self._size, digests)
        return Entry(file, Digest.from_hash(self._whole), path, witness=Witness.of(path))


class _Slices:
    """What is covered, cut into columns, read a slice of all columns at a time."""

    def __init__(self, covered: Sequence[Entry], shape: Shape) -> None:
        self.shape = shape
        self.stream = Stream([(entry.name, entry.file.size) for entry in covered])
        self._entries = {entry.name: entry for entry in covered}
        self._code = Code(shape.columns, shape.parity)

    def parity(self, at: int) -> tuple[Sequence[bytes], bytes]:
        """Return the parity and the checksums of the slice that begins `at` bytes into a column."""
        length = min(SLICE, self.shape.length - at)
        with memoryview(bytearray(length * self.shape.columns)) as memory:
            data = [memory[n * length : (n + 1) * length] for n in range(self.shape.columns)]
            for number, view in enumerate(data):
                self._read(number * self.shape.length + at, view)
            parity = self._code.parity(data)
            return parity, checksum_rows([*data, *parity], self.shape.block)

    def _read(self, start: int, view: memoryview) -> None:
        for extent in self.stream.extents(start, len(view)):
            entry = self._entries[extent.name]
            part, view = view[: extent.length], view[extent.length :]
            if isinstance(entry.content, bytes):
                part[:] = entry.content[extent.offset : extent.offset + extent.length]
            else:
                _read_file(entry, entry.content, part, extent.offset)


def _read_file(entry: Entry, path: Path, view: memoryview, offset: int) -> None:
    try:
        with path.open("rb", buffering=0) as file:
            if os.preadv(file.fileno(), [view], offset) < len(view):
                raise DamagedEntry(entry)
    except OSError as error:
        raise DamagedEntry(entry, f"can't be read again: {error.strerror or error}") from error


def _fill(slices: _Slices, sinks: Sequence[_Sink], progress: Progress) -> None:
    """Write the table into the first sink, the parity columns into the others."""
    total, length = slices.stream.total, slices.shape.length
    progress.expect(Stage.PACK, total)
    progress.start(Stage.PACK, _SUBJECT, total)
    threads, done = min(MAX_THREADS, os.cpu_count() or 1), 0
    with worker_pool(threads, "parity") as pool:
        for at, (parity, checksums) in _in_order(pool, slices, threads + 1):
            for sink, data in zip(sinks, (checksums, *parity), strict=True):
                sink.write(data)
            now = total * min(at + SLICE, length) // length
            progress.advance(Stage.PACK, _SUBJECT, now - done)
            done = now
    progress.finish(Stage.PACK, _SUBJECT)


def _in_order(
    pool: ThreadPoolExecutor, slices: _Slices, ahead: int
) -> Iterator[tuple[int, tuple[Sequence[bytes], bytes]]]:
    """Yield each slice's place and what is made of it; `ahead` of them are in memory at most."""
    begun: deque[tuple[int, Future[tuple[Sequence[bytes], bytes]]]] = deque()
    for at in range(0, slices.shape.length, SLICE):
        begun.append((at, pool.submit(slices.parity, at)))
        if len(begun) == ahead:
            first, future = begun.popleft()
            yield first, future.result()
    for first, future in begun:
        yield first, future.result()


def _with_parity(packed: PackedBundle, shape: Shape, sinks: Sequence[_Sink]) -> PackedBundle:
    table, *columns = (sink.entry() for sink in sinks)
    sizes = {entry.name: entry.file.size for entry in packed.entries if entry.name in SIZED}
    record = ParityRecord(
        columns=shape.columns,
        block=shape.block,
        length=shape.length,
        sizes=sizes,
        checksums=table.digest,
        parity=tuple(column.digest for column in columns),
    )
    first, last = (_named(table, name) for name in CHECKSUMS)
    numbered = (_named(one, column_name(n)) for n, one in enumerate(columns, start=1))
    parity = (first, *numbered, last)
    release = _release(packed.release, record, parity)
    document = bytes_entry(layout.RELEASE, release.canonical())
    entries = (document, *packed.entries[1:], *parity)
    sums = Sums({entry.name: entry.digest for entry in entries}).render()
    return PackedBundle(release, sums, entries)


def _named(entry: Entry, name: str) -> Entry:
    file = ChunkedFile(name, entry.file.size, entry.file.chunks)
    return Entry(file, entry.digest, entry.content, witness=entry.witness)


def _release(release: Release, record: ParityRecord, parity: Sequence[Entry]) -> Release:
    table = dict(release.chunks.files)
    for file in (entry.file for entry in parity):
        if file.size > CHUNK_SIZE:
            table[file.name] = tuple(digest.hex for digest in file.chunks)
    chunks = release.chunks.model_copy(update={"files": table})
    return Release.model_validate({**dict(release), "parity": record, "chunks": chunks})
