"""Chunks: the unit in which a bundle's bytes are read, hashed and handed on.

A consumer gets a chunk only after its sha256 matched the signed one, from the very buffer that
was hashed; nothing is read twice. One thread reads and hashes ahead of the consumer.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from manifests.bundle.medium import Medium
from manifests.bundle.reading import read_exactly
from manifests.digest import Digest, new_hash
from manifests.errors import BundleRefused
from manifests.release import CHUNK_SIZE, Release

READ_AHEAD: Final = 2
"""Chunks that are read and hashed before the consumer asks."""


@dataclass(frozen=True, slots=True)
class ChunkedFile:
    """A file of the bundle and what its chunks must hash to.

    Attributes:
        name: in the bundle.
        size: bytes.
        chunks: digest of each 8 MiB, in order; of the whole when it is no larger than that.
    """

    name: str
    size: int
    chunks: tuple[Digest, ...]


def chunked_file(release: Release, name: str, size: int, digest: Digest) -> ChunkedFile:
    """Return what is signed about the file `name`."""
    table = release.chunks.files.get(name)
    chunks = (digest,) if table is None else tuple(map(Digest, table))
    return ChunkedFile(name, size, chunks)


class ChunkHasher:
    """Computes a chunk table while a file's bytes pass by."""

    def __init__(self) -> None:
        self._done: list[str] = []
        self._hash = new_hash()
        self._room = CHUNK_SIZE

    def update(self, data: bytes | memoryview) -> None:
        """Take the next bytes."""
        view = memoryview(data)
        while len(view) >= self._room:
            self._hash.update(view[: self._room])
            view = view[self._room :]
            self._done.append(self._hash.hexdigest())
            self._hash, self._room = new_hash(), CHUNK_SIZE
        if view:
            self._hash.update(view)
            self._room -= len(view)

    def finish(self) -> tuple[str, ...]:
        """Return the hexadecimal digest of every chunk."""
        if self._room < CHUNK_SIZE:
            self._done.append(self._hash.hexdigest())
            self._hash, self._room = new_hash(), CHUNK_SIZE
        return tuple(self._done)


def verified_chunks(medium: Medium, file: ChunkedFile) -> Iterator[memoryview]:
    """Yield the file's bytes in chunks, each checked.

    A view is valid until the one after the next is asked for.

    Raises:
        BundleRefused: `chunk-damaged`, `size-mismatch`, `bundle-truncated`, `file-missing`.
    """
    count = len(file.chunks) if file.size else 0
    buffers = [bytearray(min(CHUNK_SIZE, file.size)) for _ in range(min(count, READ_AHEAD + 2))]
    with medium.open(file.name) as stream, ThreadPoolExecutor(1, "read-ahead") as ahead:
        _check_size(medium, file)
        pending: list[Future[memoryview]] = []
        try:
            for number in range(count + READ_AHEAD):
                if number < count:
                    buffer = buffers[number % len(buffers)]
                    pending.append(ahead.submit(_read_chunk, stream, file, number, buffer))
                if number >= READ_AHEAD:
                    yield pending.pop(0).result()
        finally:
            for future in pending:
                future.cancel()


def _check_size(medium: Medium, file: ChunkedFile) -> None:
    """Refuse a file with other than its signed number of bytes; a pipe tells only when it comes."""
    found = medium.sizes[file.name]
    if found != file.size:
        raise BundleRefused(
            "size-mismatch",
            f"{file.name}: expected {file.size} bytes, found {found}",
            hint="copy the bundle again from where it came",
            file=file.name,
        )
    if not file.size and file.chunks != (Digest.of(b""),):
        raise damaged(file, 0, Digest.of(b""))


def _read_chunk(
    stream: io.RawIOBase, file: ChunkedFile, number: int, buffer: bytearray
) -> memoryview:
    start = number * CHUNK_SIZE
    view = memoryview(buffer)[: min(CHUNK_SIZE, file.size - start)]
    read_exactly(stream, view, file.name)
    if Digest.of(view) != file.chunks[number]:
        raise damaged(file, number, Digest.of(view))
    return view


def damaged(file: ChunkedFile, number: int, found: Digest) -> BundleRefused:
    """Build the error for a chunk that does not hash to what was signed."""
    start = number * CHUNK_SIZE
    end = min(start + CHUNK_SIZE, file.size)
    return BundleRefused(
        "chunk-damaged",
        f"{file.name}: bytes {start} to {end} do not match what was signed: "
        f"expected {file.chunks[number]}, found {found}",
        hint="copy the bundle again from where it came",
        file=file.name,
        chunk=number,
        offset=start,
    )


def find_damaged(medium: Medium, file: ChunkedFile) -> Sequence[int]:
    """Return the numbers of the chunks that do not match; reads the file once."""
    bad: list[int] = []
    with medium.open(file.name) as stream:
        for number in range(len(file.chunks) if file.size else 0):
            buffer = bytearray(min(CHUNK_SIZE, file.size - number * CHUNK_SIZE))
            try:
                _read_chunk(stream, file, number, buffer)
            except BundleRefused as error:
                if error.code != "chunk-damaged":
                    raise
                bad.append(number)
    return bad
