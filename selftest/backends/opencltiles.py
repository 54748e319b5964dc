"""How cases are laid out for `cpu.cl`: a tile of the picture for each work-group of one item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from selftest.backends.openclqueue import Buffer, Queue
from selftest.cases import Factors, Floats, Picture, Work

_ONE: Final = (1, 1)
_ROWS_AT_ONCE: Final = 4  # NY of cpu.cl
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
        dense: whether the whole input of the tile is staged, or a row at a time.
    """

    lanes: int
    reach: int
    radius: int
    dense: bool

    def choose(self, row: int, height: int, room: int) -> Tile:
        """Return a tile for a picture of `height` rows of `row` floats in `room` bytes.

        Tall tiles waste little on the rows above and below them, wide ones little on their sides.
        """
        step = self.lanes * _VECTORS_AT_ONCE
        columns = min(512, _round_up(row, step))
        rows = min(128, _round_up(height, _ROWS_AT_ONCE))
        while 4 * self.scratch(columns, rows) > room and (columns > step or rows > _ROWS_AT_ONCE):
            if rows > 32 or columns <= step:
                rows = max(_ROWS_AT_ONCE, rows // 2)
            else:
                columns = max(step, _round_up(columns // 2, step))
        return Tile(columns, rows, self.scratch(columns, rows))

    def scratch(self, columns: int, rows: int) -> int:
        """Return the floats of local memory of a tile; as LINE of cpu.cl."""
        line = _round_up(columns + 2 * self.reach, self.lanes) + self.lanes
        tall = rows + 2 * self.radius
        return line * tall if self.dense else line + columns * tall


class TilePlan:
    """Tasks and yardsticks of a processor."""

    source = "cpu.cl"
    kernels = ("dense", "separable", "product", "copy", "peak")

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
    """A convolution: the picture goes to the device as it is."""

    def __init__(self, plan: TilePlan, picture: Picture) -> None:
        self._queue = plan.queue
        self._picture = picture
        height, width, channels = picture.image.shape
        self._dense = picture.taps.shape[0] == picture.taps.shape[1]
        radius = picture.taps.shape[1] // 2
        shape = TileShape(plan.lanes, radius * channels, radius, self._dense)
        tile = shape.choose(width * channels, height, plan.room)
        self._groups = (-(-width * channels // tile.columns), -(-height // tile.rows))
        taps = picture.taps.T if self._dense else picture.taps
        self._image, self._out, self._taps = (
            self._queue.buffer(picture.image.nbytes),
            self._queue.buffer(picture.image.nbytes),
            self._queue.filled(np.ascontiguousarray(taps)),
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
        name = "dense" if self._dense else "separable"
        return self._queue.launch(name, self._groups, _ONE, self._arguments)

    def download(self) -> Floats:
        """Return the convolved picture."""
        return self._queue.read(self._out, self._picture.image.shape)

    def release(self) -> None:
        """Give the buffers back."""
        for buffer in (self._image, self._out, self._taps):
            buffer.release()


class ProductTask:
    """A matrix product."""

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


def _round_up(count: int, step: int) -> int:
    return -(-count // step) * step
