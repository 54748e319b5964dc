"""How large a tile of `cpu.cl` is, and how the weights lie that it is computed with."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

import numpy as np

from selftest.cases import Floats, Kind

ROWS_AT_ONCE: Final = 4  # NY of cpu.cl
_SPLIT: Final = 9
_FOLD: Final = 4
"""A large dense kernel is done in so many parts, each with one in so many of its rows."""

_SPLIT_FROM: Final = 4
"""Radius from which the parts are faster than the whole, and as tall as cpu.cl needs them."""

_VECTORS_AT_ONCE: Final = 4  # ROW of cpu.cl, the larger of its two


@dataclass(frozen=True, slots=True)
class Tile:
    """How much of the picture a work-group computes.

    Attributes:
        columns: floats.
        rows: rows of the picture.
        scratch: floats of local memory that it needs.
    """

    columns: int
    rows: int
    scratch: int


@dataclass(frozen=True, slots=True)
class TileShape:
    """What decides how large a tile is.

    Attributes:
        lanes: floats in a vector.
        reach: radius times channels.
        radius: of the kernel.
        kind: of the convolution; a dense one stages the whole input of the tile.
        parts: in which a dense convolution is done: 1 or 9.
    """

    lanes: int
    reach: int
    radius: int
    kind: Kind
    parts: int = 1

    @classmethod
    def find(cls, lanes: int, channels: int, picture_taps: tuple[int, int], room: int) -> TileShape:
        """Return the shape for weights of so many rows and columns: in parts where that pays."""
        radius = picture_taps[1] // 2
        kind = Kind.DENSE if picture_taps[0] == picture_taps[1] else Kind.SEPARABLE
        shape = cls(lanes, channels * radius, radius, kind)
        split = dataclasses.replace(shape, parts=_SPLIT)
        pays = kind is Kind.DENSE and radius >= _SPLIT_FROM
        least = split.scratch(lanes * _VECTORS_AT_ONCE, split.rows_at_once)
        return split if pays and 4 * least <= room else shape

    @property
    def fold(self) -> int:
        """Of how many rows of the picture each part has one."""
        return _FOLD if self.parts == _SPLIT else 1

    @property
    def side(self) -> int:
        """Rows of weights of a part."""
        return -(-(2 * self.radius + 1) // self.fold)

    @property
    def effort(self) -> float:
        """Operations of all parts, as a share of the whole's."""
        return self.parts * self.side / self.fold / (2 * self.radius + 1)

    @property
    def rows_at_once(self) -> int:
        """What the rows of a tile must be a multiple of."""
        return self.fold * ROWS_AT_ONCE

    def choose(self, row: int, height: int, room: int) -> Tile:
        """Return a tile for a picture of `height` rows of `row` floats in `room` bytes.

        Tall tiles waste little on the rows above and below them, wide ones little on their sides.
        """
        step = self.lanes * _VECTORS_AT_ONCE
        columns = min(512, _round_up(row, step))
        least = self.rows_at_once
        rows = min(128, _round_up(height, least))
        while 4 * self.scratch(columns, rows) > room and (columns > step or rows > least):
            if rows > 32 or columns <= step:
                rows = max(least, rows // 2 // least * least)
            else:
                columns = max(step, _round_up(columns // 2, step))
        return Tile(columns, rows, self.scratch(columns, rows))

    def scratch(self, columns: int, rows: int) -> int:
        """Return the floats of local memory of a tile, as cpu.cl divides it."""
        step = self.lanes * _VECTORS_AT_ONCE
        line = _round_up(columns + 2 * self.reach, self.lanes) + self.lanes
        tall = rows // self.fold + self.side - 1
        stride = line if self.kind is Kind.DENSE else columns
        found = ROWS_AT_ONCE * (columns + self.lanes)
        return 2 * self.fold * line + self.parts * (tall * stride + found) + step

    def arrange(self, taps: Floats) -> Floats:
        """Return the weights as cpu.cl wants them: of the row pass, then of every part."""
        if self.kind is Kind.SEPARABLE:
            return taps.ravel()
        parts = [np.pad(taps, ((0, self.fold * self.side - len(taps)), (0, 0)))]
        while len(parts) < self.parts:
            parts = [half for part in parts for half in _halve(part)]
        one = np.ones(1, np.float32)
        return np.concatenate([one, *(part.T.ravel() for part in parts)])


def _halve(taps: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the weights of the three half convolutions of cpu.cl."""
    even, odd = taps[0::2], taps[1::2]
    return even, even + odd, odd


def _round_up(count: int, step: int) -> int:
    return -(-count // step) * step
