"""How cases are laid out for `conv.cu`: planes of one channel each, blocks of 32 x 8 threads.

The kernels take their weights from constant memory, each run of them padded with zeros, and their
shared memory from whoever launches them; both are measured out here as the kernels expect them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from selftest.backends.cudaqueue import BLOCK, ROW, Queue
from selftest.cases import Factors, Floats, Picture, Work

_WIDE, _TALL, _ = BLOCK
_SIDE: Final = 32  # of conv.cu's matrix tiles
_PRODUCT_SHARED: Final = 2 * 4 * _SIDE * (_SIDE + 1)
_FEW_BELOW: Final = 7  # weights a side; fewer are too few for eight outputs a thread
_VECTOR_BYTES: Final = 16


class PassTask:
    """A convolution in one pass over planes; a separable one goes by way of shared memory."""

    effort = 1.0

    def __init__(self, queue: Queue, picture: Picture) -> None:
        self._queue = queue
        self._picture = picture
        height, width, channels = picture.image.shape
        side = picture.taps.shape[1]
        dense = picture.taps.shape[0] == side
        outputs = 8 if side >= _FEW_BELOW else 4
        self._kernel = f"{'dense' if dense else 'separable'}{outputs}"
        self._grid = (-(-width // _WIDE), -(-height // (_TALL * outputs)), channels)
        self._taps = pad_taps(picture.taps.T if dense else picture.taps, outputs)
        self._shared = 4 * (
            dense_floats(side, outputs) if dense else separable_floats(side, outputs)
        )
        self._sizes = (width, height, side // 2)
        self._image = queue.buffer(picture.image.nbytes)
        self._out = queue.buffer(picture.image.nbytes)

    def upload(self) -> None:
        """Bring the picture's planes to the device."""
        self._queue.write(self._image, np.moveaxis(self._picture.image, 2, 0))

    def poison(self) -> None:
        """Fill the output with NaN."""
        self._queue.poison(self._out)

    def launch(self) -> int:
        """Convolve."""
        self._queue.weigh(self._taps)
        arguments = (self._image, self._out, *self._sizes)
        return self._queue.launch(self._kernel, self._grid, BLOCK, arguments, self._shared)

    def download(self) -> Floats:
        """Return the convolved picture."""
        height, width, channels = self._picture.image.shape
        planes = self._queue.read(self._out, (channels, height, width))
        return np.ascontiguousarray(np.moveaxis(planes, 0, 2))

    def release(self) -> None:
        """Give the buffers back."""
        self._image.release()
        self._out.release()


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
        grid = (-(-width // _SIDE), -(-height // _SIDE), 1)
        arguments = (self._left, self._right, self._out, width, height, depth)
        return self._queue.launch("product", grid, BLOCK, arguments, _PRODUCT_SHARED)

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

    def __init__(self, queue: Queue, size: int) -> None:
        self._queue = queue
        block = ROW[0] * _VECTOR_BYTES
        self._blocks = max(1, size // block)
        self.amount = 2 * self._blocks * block
        self._from = queue.buffer(self.amount // 2)
        self._to = queue.buffer(self.amount // 2)
        queue.poison(self._from)

    def launch(self) -> int:
        """Copy once."""
        return self._queue.launch("copy", (self._blocks, 1, 1), ROW, (self._from, self._to))

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
    _CHAINS = 8  # of conv.cu
    _BLOCKS = 16  # a multiprocessor

    def __init__(self, queue: Queue, units: int) -> None:
        self._queue = queue
        self._blocks = self._BLOCKS * units
        threads = ROW[0] * self._blocks
        self.amount = 2 * self._CHAINS * self._ROUNDS * threads
        self._out = queue.filled(np.full(threads + 1, 0.5, np.float32))

    def launch(self) -> int:
        """Multiply and add."""
        return self._queue.launch("peak", (self._blocks, 1, 1), ROW, (self._out, self._ROUNDS))

    def release(self) -> None:
        """Give the buffer back."""
        self._out.release()


def make_task(queue: Queue, work: Work) -> PassTask | ProductTask:
    """Return the task that computes a case's input."""
    if isinstance(work, Factors):
        return ProductTask(queue, work)
    return PassTask(queue, work)


def pad_taps(runs: Floats, outputs: int) -> Floats:
    """Return each run of weights with the zeros that `outputs` outputs a thread need."""
    count, side = runs.shape
    padded = np.zeros((count, (_chunks(side, outputs) + 1) * outputs - 1), np.float32)
    padded[:, outputs - 1 : outputs - 1 + side] = runs
    return padded


def dense_floats(side: int, outputs: int) -> int:
    """Return the values of the tile of a dense kernel."""
    return _rows(side, outputs) * (_WIDE + side - 1)


def separable_floats(side: int, outputs: int) -> int:
    """Return the values of both tiles of a separable kernel."""
    columns = _WIDE - outputs + _chunks(side, outputs) * outputs
    return _rows(side, outputs) * ((columns | 1) + _WIDE + 1)


def _rows(side: int, outputs: int) -> int:
    return (_TALL - 1 + _chunks(side, outputs)) * outputs


def _chunks(side: int, outputs: int) -> int:
    """Return how many groups of `outputs` values that many neighbours depend on."""
    return (side + 2 * outputs - 2) // outputs
