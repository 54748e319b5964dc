"""How cases are laid out for `cpu.cl`: a tile of the picture for each work-group of one item."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from selftest.backends.openclqueue import Buffer, Queue
from selftest.backends.opencltileshape import ROWS_AT_ONCE, TileShape
from selftest.cases import Factors, Floats, Kind, Picture, Work

_ONE: Final = (1, 1)
_SCRATCH_LIMIT: Final = 768 * 1024
"""Bytes of a tile: it should stay in a core's second-level cache."""


class TilePlan:
    """Tasks and yardsticks of a processor."""

    source = "cpu.cl"
    kernels = ("convolve", "product", "copy", "peak")

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
        effort: nine parts of a quarter of the rows are less than four wholes.
    """

    def __init__(self, plan: TilePlan, picture: Picture) -> None:
        self._queue = plan.queue
        self._picture = picture
        height, width, channels = picture.image.shape
        shape = TileShape.find(plan.lanes, channels, picture.taps.shape, plan.room)
        self.effort = shape.effort
        tile = shape.choose(width * channels, height, plan.room)
        self._groups = (-(-width * channels // tile.columns), -(-height // tile.rows))
        self._image, self._out, self._taps = (
            self._queue.buffer(picture.image.nbytes),
            self._queue.buffer(picture.image.nbytes),
            self._queue.filled(shape.arrange(picture.taps)),
        )
        side = picture.taps.shape[1]
        passes = (1, side) if shape.kind is Kind.DENSE else (side, 1)
        sizes = (width, height, channels, shape.radius, *passes, shape.parts)
        local = self._queue.local(tile.scratch)
        buffers = (self._image, self._out, self._taps)
        self._arguments = (*buffers, *sizes, tile.columns, tile.rows, local)

    def upload(self) -> None:
        """Bring the picture to the device."""
        self._queue.write(self._image, self._picture.image)

    def poison(self) -> None:
        """Fill the output with NaN."""
        self._queue.poison(self._out)

    def launch(self) -> int:
        """Convolve."""
        return self._queue.launch("convolve", self._groups, _ONE, self._arguments)

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
        return self._queue.launch("product", (-(-height // ROWS_AT_ONCE),), (1,), arguments)

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
