"""What parity covers: files of a bundle joined in one order, and cut into columns.

Pure arithmetic over names and sizes. Everything is covered but what parity itself depends on:
SHA256SUMS, its signatures, release.json, and the parity files.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from manifests.bundle.parityrecord import MAX_BLOCK, MAX_COLUMNS, MAX_LENGTH, MIN_BLOCK, SIZED
from manifests.errors import UsageError
from manifests.release import Release

MIN_ROWS: Final = 512
"""Blocks that a column has at least, where blocks can be made smaller."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a stream is cut.

    Attributes:
        columns: of data.
        parity: columns of parity.
        block: bytes that have a checksum of their own.
        length: bytes of a column.
    """

    columns: int
    parity: int
    block: int
    length: int


def shape_of(total: int, percent: int) -> Shape:
    """Choose how `total` bytes are cut, so that `percent` of them can be lost in one run.

    One column more than the percentage asks for makes up for the torn blocks at both ends.

    Raises:
        UsageError: `parity-too-large`.
    """
    fits = (k for k in range(MAX_COLUMNS, 0, -1) if k + _parity(k, percent) <= MAX_COLUMNS)
    columns = next(fits)
    block = MAX_BLOCK
    while block > MIN_BLOCK and block * MIN_ROWS * columns > total:
        block //= 2
    length = max(1, -(-total // (columns * block))) * block
    if length > MAX_LENGTH:
        raise UsageError(
            "parity-too-large",
            f"expected at most {MAX_LENGTH * columns} bytes to make parity of, found {total}",
            hint="build without --parity",
        )
    return Shape(columns, _parity(columns, percent), block, length)


def _parity(columns: int, percent: int) -> int:
    return -(-columns * percent // 100) + 1


@dataclass(frozen=True, slots=True)
class Extent:
    """Consecutive bytes of one file.

    Attributes:
        name: of the file in the bundle.
        offset: of the first byte in it.
        length: bytes.
    """

    name: str
    offset: int
    length: int


class Stream:
    """Files joined: which bytes of which file lie where.

    Attributes:
        total: bytes of all of them.
    """

    def __init__(self, files: Sequence[tuple[str, int]]) -> None:
        held = [(name, size) for name, size in files if size]
        self._names = [name for name, _ in held]
        self._sizes = [size for _, size in held]
        self._ends = list(accumulate(self._sizes))
        ends = zip(held, self._ends, strict=True)
        self._starts = {name: end - size for (name, size), end in ends}
        self.total = self._ends[-1] if held else 0

    def start(self, name: str) -> int:
        """Return where a file that is not empty begins."""
        return self._starts[name]

    def extents(self, start: int, length: int) -> Iterator[Extent]:
        """Yield what lies in a range; beyond the end, where zeros are meant, nothing."""
        end = min(start + length, self.total)
        at = bisect_right(self._ends, start)
        while start < end:
            offset = start - (self._ends[at] - self._sizes[at])
            count = min(end - start, self._sizes[at] - offset)
            yield Extent(self._names[at], offset, count)
            start += count
            at += 1


def covered_files(release: Release, sizes: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Return name and size of every file that parity covers, in the order of the one-file form.

    Args:
        release: what the bundle holds.
        sizes: of the documents that it does not tell the sizes of.
    """
    documents = {blob.digest for image in release.images for blob in image.documents}
    blobs = list(release.blobs())
    return (
        *((name, sizes[name]) for name in SIZED),
        *((blob.name, blob.size) for blob in blobs if blob.digest in documents),
        *((file.name, file.size) for file in release.carried),
        *((blob.name, blob.size) for blob in blobs if blob.digest not in documents),
    )
