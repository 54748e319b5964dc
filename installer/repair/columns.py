"""A bundle seen as columns of blocks: which blocks are lost, and what the others make of them.

Owns the arithmetic between chunks of files and blocks of columns. Believes no checksum: it only
says which blocks are worth using; the digests of the chunks decide.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from installer.repair.mended import Mended
from installer.repair.wanted import Chunk
from manifests.bundle.paritycode import Block, Code, checksum, checksum_offset, checksum_rows
from manifests.bundle.parityrecord import CHECKSUM_SIZE, CHECKSUMS, ParityRecord, column_name
from manifests.bundle.paritystream import Stream

SLICE: Final = 128 * 1024
"""Bytes of each column that are held at once."""
THREADS: Final = 2

Lost = Mapping[int, frozenset[int]]
"""Columns whose block of a row is lost, by row."""


@dataclass(frozen=True, slots=True)
class Group:
    """Consecutive rows that have lost the blocks of the same columns."""

    first: int
    count: int
    lost: frozenset[int]


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive blocks of one column."""

    column: int
    first: int
    count: int


class Columns:
    """The columns of one bundle."""

    def __init__(self, record: ParityRecord, stream: Stream, mended: Mended) -> None:
        self._record = record
        self._stream = stream
        self._mended = mended
        self._code = Code(record.columns, len(record.parity))
        count = len(record.parity)
        self._parity = {column_name(n + 1): record.columns + n for n in range(count)}

    def lost(
        self, chunks: Iterable[Chunk], doubted: Collection[Chunk], tables: Collection[Chunk]
    ) -> Lost:
        """Return the lost blocks of damaged chunks.

        Args:
            chunks: of files that are covered, and of parity columns.
            doubted: those of them of which no block is to be used.
            tables: damaged chunks of both tables: their checksums say nothing.
        """
        lost: dict[int, set[int]] = defaultdict(set)
        for chunk in chunks:
            for run in self._runs(chunk):
                every = range(run.first, run.first + run.count)
                for row in every if chunk in doubted else self._unsound(run, tables):
                    lost[row].add(run.column)
        return {row: frozenset(columns) for row, columns in sorted(lost.items())}

    def beyond(self, lost: Lost) -> int:
        """Return how many bytes are lost that the other columns can't give."""
        blocks = 0
        for columns in lost.values():
            data = sum(column < self._record.columns for column in columns)
            left = len(self._record.parity) - (len(columns) - data)
            blocks += max(0, data - left)
        return blocks * self._record.block

    def restore(self, lost: Lost, advance: Callable[[int], None]) -> None:
        """Compute the lost blocks, and write them into the chunks that they belong to.

        Raises:
            NotInstallableHere: `repair-room`.
        """
        waiting: deque[tuple[Group, Future[None]]] = deque()
        with ThreadPoolExecutor(THREADS, "restore") as pool:
            for group in _groups(lost, max(1, SLICE // self._record.block)):
                waiting.append((group, pool.submit(self._restore, group)))
                if len(waiting) > THREADS:
                    self._await(*waiting.popleft(), advance)
            while waiting:
                self._await(*waiting.popleft(), advance)

    def rebuild_tables(self, tables: Iterable[Chunk]) -> None:
        """Compute damaged parts of both tables anew, once all columns are whole.

        Raises:
            NotInstallableHere: `repair-room`.
        """
        width = self._record.all_columns * CHECKSUM_SIZE
        step = max(1, SLICE // self._record.block)
        for table in tables:
            end = -(-(table.offset + table.length) // width)
            for first in range(table.offset // width, end, step):
                made = self._checksums(first, min(step, end - first))
                self._mended.patch(table.name, first * width, memoryview(made))

    def _await(self, group: Group, future: Future[None], advance: Callable[[int], None]) -> None:
        future.result()
        advance(group.count * len(group.lost) * self._record.block)

    def _runs(self, chunk: Chunk) -> Iterator[Run]:
        """Yield every block that a chunk has bytes in, those of a column together."""
        block, rows = self._record.block, self._record.rows
        if (column := self._parity.get(chunk.name)) is not None:
            start = column * self._record.length
        else:
            start = self._stream.start(chunk.name)
        number = (start + chunk.offset) // block
        end = (start + chunk.offset + chunk.length - 1) // block + 1
        while number < end:
            count = min(end - number, rows - number % rows, max(1, SLICE // block))
            yield Run(number // rows, number % rows, count)
            number += count

    def _unsound(self, run: Run, tables: Collection[Chunk]) -> Iterator[int]:
        """Yield the rows whose block does not have its checksum, or has none."""
        width, block = self._record.all_columns * CHECKSUM_SIZE, self._record.block
        table = memoryview(bytearray(run.count * width))
        self._mended.read(CHECKSUMS[0], run.first * width, table)
        with memoryview(self._read(run.first, run.count, run.column)) as data:
            for number in range(run.count):
                row, at = run.first + number, number * width + run.column * CHECKSUM_SIZE
                found = checksum(data[number * block : (number + 1) * block])
                if found != table[at : at + CHECKSUM_SIZE] or self._is_lost(row, run, tables):
                    yield row

    def _is_lost(self, row: int, run: Run, tables: Collection[Chunk]) -> bool:
        """Tell whether no table has a block's checksum."""
        offset = checksum_offset(row, run.column, self._record.all_columns)
        return any(one.offset <= offset < one.offset + one.length for one in tables)

    def _restore(self, group: Group) -> None:
        wanted = group.lost
        data = [n for n in range(self._record.columns) if n not in wanted]
        spare = [n for n in self._parity.values() if n not in wanted]
        chosen = [*data, *spare[: self._record.columns - len(data)]]
        known: dict[int, Block] = {n: self._read(group.first, group.count, n) for n in chosen}
        for column, made in self._code.restore(known, wanted).items():
            self._patch(group.first, column, memoryview(made))

    def _checksums(self, first: int, count: int) -> bytes:
        columns = [self._read(first, count, n) for n in range(self._record.all_columns)]
        return checksum_rows(columns, self._record.block)

    def _read(self, row: int, count: int, column: int) -> bytearray:
        """Return consecutive blocks of a column; zeros where the stream has ended."""
        data = bytearray(count * self._record.block)
        with memoryview(data) as view:
            for name, offset, part in self._places(row, column, view):
                self._mended.read(name, offset, part)
        return data

    def _patch(self, row: int, column: int, view: memoryview) -> None:
        for name, offset, part in self._places(row, column, view):
            self._mended.patch(name, offset, part)

    def _places(
        self, row: int, column: int, view: memoryview
    ) -> Iterator[tuple[str, int, memoryview]]:
        """Yield the files that consecutive blocks lie in: name, offset, and the part of `view`."""
        at = row * self._record.block
        if column >= self._record.columns:
            yield column_name(column - self._record.columns + 1), at, view
            return
        for extent in self._stream.extents(column * self._record.length + at, len(view)):
            yield extent.name, extent.offset, view[: extent.length]
            view = view[extent.length :]


def _groups(lost: Lost, most: int) -> Iterator[Group]:
    """Yield the rows in order, together where they follow each other and have lost the same."""
    group: Group | None = None
    for row, columns in lost.items():
        follows = group is not None and row == group.first + group.count
        if group is not None and follows and columns == group.lost and group.count < most:
            group = Group(group.first, group.count + 1, columns)
            continue
        if group is not None:
            yield group
        group = Group(row, 1, columns)
    if group is not None:
        yield group
