"""How cases are laid out for `gpu.cl`: planes of one channel each, work-groups of 32 x 8."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from selftest.backends.openclqueue import Queue
from selftest.cases import Factors, Floats, Picture, Work

_GROUP: Final = (32, 8, 1)
_PER_ITEM: Final = 8  # outputs of one work-item in gpu.cl's row and column passes
_SIDE: Final = 32  # of gpu.cl's matrix tiles


class GroupPlan:
    """Tasks and yardsticks of a graphics processor or accelerator."""

    source = "gpu.cl"
    options = ("-cl-mad-enable",)
    kernels = ("rows", "columns", "dense4", "dense8", "product", "copy", "peak")

    def __init__(self, queue: Queue, device: Any) -> None:
        self._queue = queue
        self._units = device.max_compute_units

    def task(self, work: Work) -> PassTask | ProductTask:
        """Return the task that computes a case's input."""
        if isinstance(work, Factors):
            return ProductTask(self._queue, work)
        return PassTask(self._queue, work)

    def copying(self, size: int) -> Copy:
        """Return a copy of about `size` bytes."""
        return Copy(self._queue, size)

    def multiplying(self) -> Peak:
        """Return independent fused multiply-adds on all units."""
        return Peak(self._queue, self._units)


class PassTask:
    """A convolution in one pass (dense) or two (separable) over planes."""

    effort = 1.0

    def __init__(self, queue: Queue, picture: Picture) -> None:
        self._queue = queue
        self._picture = picture
        height, width, channels = picture.image.shape
        taps = picture.taps
        size = picture.image.nbytes
        self._image, self._out = queue.buffer(size), queue.buffer(size)
        self._sizes = (width, height, taps.shape[1] // 2)
        tall = -(-height // (_GROUP[1] * _PER_ITEM))
        if taps.shape[0] == taps.shape[1]:
            rows = 8 if taps.shape[0] >= 7 else 4
            groups = (-(-width // _GROUP[0]), -(-height // (_GROUP[1] * rows)), channels)
            self._between = None
            self._passes = [(f"dense{rows}", groups, self._image, self._out)]
            self._taps = [queue.filled(np.ascontiguousarray(taps.T))]
            return
        wide = -(-width // (_GROUP[0] * _PER_ITEM))
        self._between = queue.buffer(size)
        self._passes = [
            ("rows", (wide, -(-height // _GROUP[1]), channels), self._image, self._between),
            ("columns", (-(-width // _GROUP[0]), tall, channels), self._between, self._out),
        ]
        self._taps = [queue.filled(taps[0]), queue.filled(taps[1])]

    def upload(self) -> None:
        """Bring the picture's planes to the device."""
        self._queue.write(self._image, np.moveaxis(self._picture.image, 2, 0))

    def poison(self) -> None:
        """Fill the output, and what lies between the passes, with NaN."""
        for buffer in filter(None, (self._between, self._out)):
            self._queue.poison(buffer)

    def launch(self) -> int:
        """Convolve; the time is that of both passes."""
        return sum(
            self._queue.launch(name, groups, _GROUP, (image, out, taps, *self._sizes))
            for (name, groups, image, out), taps in zip(self._passes, self._taps, strict=True)
        )

    def download(self) -> Floats:
        """Return the convolved picture."""
        height, width, channels = self._picture.image.shape
        planes = self._queue.read(self._out, (channels, height, width))
        return np.ascontiguousarray(np.moveaxis(planes, 0, 2))

    def release(self) -> None:
        """Give the buffers back."""
        for buffer in filter(None, (self._image, self._between, self._out, *self._taps)):
            buffer.release()


class ProductTask:
    """A matrix product."""

    effort = 1.0

    def __init__(self, queue: Queue, factors: Factors) -> None:
        self._queue = queue
        self._factors = factors
        self._shape = (factors.left.shape[0], factors.right.shape[1])
        self._left = queue.buffer(factors.left.nbytes)
        self._right = queue.buffer(factors.right.nbytes)
        self._out = queue.buffer(4 * self._shape[0] * self._shape[1])

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
        groups = (-(-width // _SIDE), -(-height // _SIDE), 1)
        arguments = (self._left, self._right, self._out, width, height, depth)
        return self._queue.launch("product", groups, _GROUP, arguments)

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

    _ITEMS = 256  # of a work-group; each copies 16 bytes

    def __init__(self, queue: Queue, size: int) -> None:
        self._queue = queue
        self._groups = max(1, size // 16 // self._ITEMS)
        self.amount = 2 * 16 * self._ITEMS * self._groups
        self._from = queue.buffer(self.amount // 2)
        self._to = queue.buffer(self.amount // 2)
        queue.poison(self._from)

    def launch(self) -> int:
        """Copy once."""
        return self._queue.launch("copy", (self._groups,), (self._ITEMS,), (self._from, self._to))

    def release(self) -> None:
        """Give the buffers back."""
        self._from.release()
        self._to.release()


class Peak:
    """The yardstick of arithmetic.

    Attributes:
        amount: operations of one launch.
    """

    _ROUNDS = 4096
    _ITEMS = 256  # of a work-group
    _CHAINS = 8  # of gpu.cl

    def __init__(self, queue: Queue, units: int) -> None:
        self._queue = queue
        self._groups = 16 * units
        items = self._ITEMS * self._groups
        self.amount = 2 * self._CHAINS * self._ROUNDS * items
        self._out = queue.filled(np.full(items + 1, 0.5, np.float32))

    def launch(self) -> int:
        """Multiply and add."""
        arguments = (self._out, self._ROUNDS)
        return self._queue.launch("peak", (self._groups,), (self._ITEMS,), arguments)

    def release(self) -> None:
        """Give the buffer back."""
        self._out.release()
