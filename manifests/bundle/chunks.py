"""Chunks: the unit in which a bundle's bytes are read, hashed and handed on.

A consumer gets a chunk only after its sha256 matched the signed one, from the very buffer that
was hashed; nothing is read twice but what did not come right. One thread reads and hashes ahead of
the consumer.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from manifests.bundle.medium import Medium
from manifests.bundle.reading import FAULTS, Patience, PatientFile
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


@dataclass(frozen=True, slots=True)
class Examined:
    """A file that was read to its end, whatever was wrong with it.

    Attributes:
        faults: of each chunk that can't be had as it was signed, in order.
        digest: of the whole file; means nothing where there are faults.
    """

    faults: tuple[BundleRefused, ...]
    digest: Digest


def verified_chunks(medium: Medium, file: ChunkedFile) -> Generator[memoryview, None, None]:
    """Yield the file's bytes in chunks, each checked.

    A view is valid until the one after the next is asked for.

    Raises:
        BundleRefused: `chunk-damaged`, `size-mismatch`, `bundle-truncated`, `file-missing`,
            `medium-unreadable`, `medium-gone`.
    """
    count = len(file.chunks) if file.size else 0
    buffers = [bytearray(min(CHUNK_SIZE, file.size)) for _ in range(min(count, READ_AHEAD + 2))]
    with (
        closing(PatientFile(medium, file.name)) as source,
        ThreadPoolExecutor(1, "read-ahead") as ahead,
    ):
        _check_size(medium, file)
        pending: list[Future[memoryview]] = []
        try:
            for number in range(count + READ_AHEAD):
                if number < count:
                    buffer = buffers[number % len(buffers)]
                    pending.append(ahead.submit(_read_chunk, source, file, number, buffer))
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
    source: PatientFile, file: ChunkedFile, number: int, buffer: bytearray
) -> memoryview:
    start = number * CHUNK_SIZE
    view = memoryview(buffer)[: min(CHUNK_SIZE, file.size - start)]

    def judge(view: memoryview) -> BundleRefused | None:
        found = Digest.of(view)
        return None if found == file.chunks[number] else damaged(file, number, found)

    try:
        source.fill(view, start, judge)
    except BundleRefused as error:
        raise _placed(error, file, number) from error
    return view


def damaged(file: ChunkedFile, number: int, found: Digest) -> BundleRefused:
    """Build the error for a chunk that does not hash to what was signed."""
    start, end = _range(file, number)
    return BundleRefused(
        "chunk-damaged",
        f"{file.name}: bytes {start} to {end} do not match what was signed: "
        f"expected {file.chunks[number]}, found {found}",
        hint="copy the bundle again from where it came",
        file=file.name,
        chunk=number,
        offset=start,
        length=end - start,
        found=f"other bytes: {found}",
    )


def _placed(error: BundleRefused, file: ChunkedFile, number: int) -> BundleRefused:
    """Return the error with the place where it was met."""
    if error.code not in FAULTS:
        return error
    start, end = _range(file, number)
    text = str(error)
    if error.code == "medium-unreadable":
        text = f"{file.name}: bytes {start} to {end}: {error.context['found']}"
    facts = dict(error.context)
    facts |= {"chunk": number, "offset": start, "length": end - start}
    return BundleRefused(error.code, text, hint=error.hint, parts=(), **facts)


def _range(file: ChunkedFile, number: int) -> tuple[int, int]:
    start = number * CHUNK_SIZE
    return start, min(start + CHUNK_SIZE, file.size)


def examine(
    medium: Medium, file: ChunkedFile, patience: Patience, advance: Callable[[int], None]
) -> Examined:
    """Read a file once, and find every chunk that can't be had.

    Args:
        medium: where it lies; not a pipe.
        file: what is signed about it.
        patience: of this medium.
        advance: called before every chunk with 0; may raise to break off.

    Raises:
        BundleRefused: `medium-gone`.
    """
    faults: list[BundleRefused] = []
    whole = new_hash()
    buffer = bytearray(min(CHUNK_SIZE, file.size))
    with closing(PatientFile(medium, file.name, patience)) as source:
        for number in range(len(file.chunks) if file.size else 0):
            advance(0)
            try:
                whole.update(_read_chunk(source, file, number, buffer))
            except BundleRefused as error:
                if error.code not in FAULTS:
                    raise
                faults.append(error)
    return Examined(tuple(faults), Digest.from_hash(whole))
