"""Reed-Solomon over GF(256), and the checksums that tell which blocks are damaged.

A code word has one byte of each column: the bytes of data are values of a polynomial, the bytes
of parity further values of the same one (docs/bundle-format.md). The arithmetic is zfec's. Knows
blocks and columns, no files.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import zfec

from manifests.bundle.parityrecord import CHECKSUM_SIZE

Block = bytes | bytearray | memoryview

_CHECKSUM: Final = struct.Struct(">I")


class Code:
    """The code of so many columns of data and of parity. Safe to use from several threads."""

    def __init__(self, columns: int, parity: int) -> None:
        self._columns = columns
        self._encoder = zfec.Encoder(columns, columns + parity)
        self._decoder = zfec.Decoder(columns, columns + parity)
        self._parity = tuple(range(columns, columns + parity))

    def parity(self, data: Sequence[Block]) -> list[bytes]:
        """Return the parity of a block of each column; all are of one length."""
        return list(self._encoder.encode(data, self._parity))

    def restore(self, known: Mapping[int, Block], wanted: Collection[int]) -> dict[int, Block]:
        """Return the wanted columns' blocks.

        Args:
            known: undamaged blocks by column; at least as many as there are columns of data.
            wanted: columns of data or, counted on from them, of parity.
        """
        data = self._data(known)
        parity = tuple(column for column in wanted if column >= self._columns)
        made = self._encoder.encode(data, parity) if parity else ()
        restored = dict(zip(parity, made, strict=True))
        return restored | {column: data[column] for column in wanted if column < self._columns}

    def _data(self, known: Mapping[int, Block]) -> Sequence[Block]:
        """Return every column of data; parity stands in where one is not known."""
        spare = iter([column for column in self._parity if column in known])
        chosen = [c if c in known else next(spare) for c in range(self._columns)]
        if chosen == list(range(self._columns)):
            return [known[column] for column in chosen]
        return list(self._decoder.decode([known[column] for column in chosen], chosen))


def checksum(block: Block) -> bytes:
    """Return the CRC-32 of one block, as the table holds it."""
    return _CHECKSUM.pack(zlib.crc32(block))


def checksum_rows(columns: Sequence[Block], block: int) -> bytes:
    """Return the checksums of some rows, row by row.

    Args:
        columns: consecutive blocks of every column.
        block: bytes of one.
    """
    views = [memoryview(column) for column in columns]
    starts = range(0, len(views[0]), block)
    return b"".join(checksum(view[at : at + block]) for at in starts for view in views)


def checksum_offset(row: int, column: int, all_columns: int) -> int:
    """Return where a block's checksum lies in the table."""
    return (row * all_columns + column) * CHECKSUM_SIZE
