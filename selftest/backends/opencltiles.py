"""How cases are laid out for `cpu.cl`: a tile of the picture for each work-group of one item."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from selftest.backends.openclqueue import Buffer, Queue
from selftest.cases import Factors, Floats, Kind, Picture, Work

_ONE: Final = (1, 1)
_ROWS_AT_ONCE: Final = 4  # NY of cpu.cl
_HALVED_FROM: Final = 10
"""Radius from which the three half convolutions of cpu.cl are faster than one."""

_VECTORS_AT_ONCE: Final = 4  # ROW of cpu.cl, the larger of its two
_SCRATCH_LIMIT: Final = 768 * 1024
"""Bytes of a tile: it should stay in a core's second-level cache."""


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
        halved: whether a dense convolution is done in three halves.
    """

    lanes: int
    reach: int
    radius: int
    kind: Kind
    halved: bool = False

    @classmethod
    def find(cls, lanes: int, channels: int, picture_taps: tuple[int, int], room: int) -> TileShape:
        """Return the shape for weights of so many rows and columns: halved where that pays."""
        radius = picture_taps[1] // 2
        kind = Kind.DENSE if picture_taps[0] == picture_taps[1] else Kind.SEPARABLE
        shape = cls(lanes, channels * radius, radius, kind)
        halved = dataclasses.replace(shape, halved=True)
        pays = kind is Kind.DENSE and radius >= _HALVED_FROM
        least = halved.scratch(lanes * _VECTORS_AT_ONCE, halved.rows_at_once)
        return halved if pays and 4 * least <= room else shape

    @property
    def rows_at_once(self) -> int:
        """What the rows of a tile must be a multiple of."""
        return 2 * _ROWS_AT_ONCE if self.halved else _ROWS_AT_ONCE

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
        """Return the floats of local memory of a tile; as LINE of cpu.cl."""
        line = _round_up(columns + 2 * self.reach, self.lanes) + self.lanes
        tall = rows + 2 * self.radius
        if self.kind is Kind.SEPARABLE:
            return line + columns * tall
        return line * (tall + tall // 2) if self.halved else line * tall


class TilePlan:
    """Tasks and yardsticks of a processor."""

    source = "cpu.cl"
    kernels = ("dense", "halved", "separable", "product", "copy", "peak")

    def __init__(self, queue: Queue, device: Any) -> None:
        self.queue = queue
        self.lanes = native_lanes(device.native_vector_width_float)
        self.options: tuple[str, ...] = (f"-DLANES={self.lanes}", "-cl-mad-enable")
        self.room = min(device.local_mem_size, _SCRATCH_LIMIT)
        self._units = device.max_compute_units

    def task(self, work: Work) -> TileTask | ProductTask:
        """Return the task that computes a case's input."""
        if isinstance(work, Factors):
            return ProductTask(self.queue, work)
        return TileTask(self, work)

    def copying(self, size: int) -> Copy:
        """Return a copy of about `size` bytes."""
        return Copy(self.queue, size)

    def multiplying(self) -> Peak:
        """Return independent fused multiply-adds on all cores."""
        return Peak(self.queue, self.lanes, self._units)


class TileTask:
    """A convolution: the picture goes to the device as it is.

    Attributes:
        effort: three halves are less than one whole.
    """

    def __init__(self, plan: TilePlan, picture: Picture) -> None:
        self._queue = plan.queue
        self._picture = picture
        height, width, channels = picture.image.shape
        radius = picture.taps.shape[1] // 2
        rows, columns = picture.taps.shape
        shape = TileShape.find(plan.lanes, channels, (rows, columns), plan.room)
        self._kernel = "halved" if shape.halved else str(shape.kind)
        self.effort = 3 * (radius + 1) / (2 * (2 * radius + 1)) if shape.halved else 1.0
        tile = shape.choose(width * channels, height, plan.room)
        self._groups = (-(-width * channels // tile.columns), -(-height // tile.rows))
        self._image, self._out, self._taps = (
            self._queue.buffer(picture.image.nbytes),
            self._queue.buffer(picture.image.nbytes),
            self._queue.filled(_arrange(picture.taps, shape)),
        )
        sizes = (width, height, channels, radius, tile.columns, tile.rows)
        local = self._queue.local(tile.scratch)
        self._arguments = (self._image, self._out, self._taps, *sizes, local)

    def upload(self) -> None:
        """Bring the picture to the device."""
        self._queue.write(self._image, self._picture.image)

    def poison(self) -> None:
        """Fill the output with NaN."""
        self._queue.poison(self._out)

    def launch(self) -> int:
        """Convolve."""
        return self._queue.launch(self._kernel, self._groups, _ONE, self._arguments)

    def download(self) -> Floats:
        """Return the convolved picture."""
        return self._queue.read(self._out, self._picture.image.shape)

    def release(self) -> None:
        """Give the buffers back."""
        for buffer in (self._image, self._out, self._taps):
            buffer.release()


class ProductTask:
    """A matrix product."""

    effort = 1.0

    def __init__(self, queue: Queue, factors: Factors) -> None:
        self._queue = queue
        self._factors = factors
        self._shape = (factors.left.shape[0], factors.right.shape[1])
        self._left: Buffer = queue.buffer(factors.left.nbytes)
        self._right: Buffer = queue.buffer(factors.right.nbytes)
        self._out: Buffer = queue.buffer(4 * self._shape[0] * self._shape[1])

    def upload(self) -> None:
        """Bring both factors to the device."""
        self._queue.write(self._left, self._factors.left)
        self._queue.write(self._right, self._factors.right)

    def poison(self) -> None:
        """Fill the output with NaN."""
        self._queue.poison(self._out)

    def launch(self) -> int:
        """Multiply."""
        height, width = self._shape
        depth = self._factors.left.shape[1]
        arguments = (self._left, self._right, self._out, width, height, depth)
        return self._queue.launch("product", (-(-height // _ROWS_AT_ONCE),), (1,), arguments)

    def download(self) -> Floats:
        """Return the product."""
        return self._queue.read(self._out, self._shape)

    def release(self) -> None:
        """Give the buffers back."""
        for buffer in (self._left, self._right, self._out):
            buffer.release()


class Copy:
    """The yardstick of memory.

    Attributes:
        amount: bytes read and written.
    """

    _FLOATS = 4096  # of one work-item

    def __init__(self, queue: Queue, size: int) -> None:
        self._queue = queue
        self._groups = max(1, size // 4 // self._FLOATS)
        self.amount = 2 * 4 * self._FLOATS * self._groups
        self._from = queue.buffer(self.amount // 2)
        self._to = queue.buffer(self.amount // 2)
        queue.poison(self._from)  # memory that nobody wrote may not be there yet

    def launch(self) -> int:
        """Copy once."""
        arguments = (self._from, self._to, self._FLOATS)
        return self._queue.launch("copy", (self._groups,), (1,), arguments)

    def release(self) -> None:
        """Give the buffers back."""
        self._from.release()
        self._to.release()


class Peak:
    """The yardstick of arithmetic.

    Attributes:
        amount: operations of one launch.
    """

    _ROUNDS = 10_000
    _CHAINS = 12  # of cpu.cl

    def __init__(self, queue: Queue, lanes: int, units: int) -> None:
        self._queue = queue
        self._groups = 32 * units
        self.amount = 2 * lanes * self._CHAINS * self._ROUNDS * self._groups
        factors = np.full(lanes * (self._groups + 1), 0.5, np.float32)
        self._out = queue.filled(factors)

    def launch(self) -> int:
        """Multiply and add."""
        return self._queue.launch("peak", (self._groups,), (1,), (self._out, self._ROUNDS))

    def release(self) -> None:
        """Give the buffer back."""
        self._out.release()


def native_lanes(width: int) -> int:
    """Return the vector width that the kernels are built for: 4, 8 or 16 floats."""
    return max(lanes for lanes in (4, 8, 16) if lanes <= max(width, 4))


def _arrange(taps: Floats, shape: TileShape) -> Floats:
    """Return the weights as cpu.cl wants them."""
    if shape.kind is Kind.SEPARABLE:
        return taps
    if not shape.halved:
        return np.ascontiguousarray(taps.T)
    even, odd = taps[0::2], np.zeros_like(taps[0::2])
    odd[1:] = taps[1::2]
    return np.stack([even.T, odd.T, (even + odd).T])


def _round_up(count: int, step: int) -> int:
    return -(-count // step) * step
