"""One CUDA device's memory and kernels, by whatever binding; nothing here knows a case.

Every failure of the driver becomes a BackendError here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from selftest.backends.cudabinding import Context, Memory, Shape
from selftest.backends.cudalibrary import reported
from selftest.cases import Floats

BLOCK: Final = (32, 8, 1)
"""Threads of a block of every kernel in conv.cu; yardsticks take them in one row."""
ROW: Final = (256, 1, 1)

_NAN: Final = 0x7FC00000
_TAPS: Final = "taps"


class Buffer:
    """Memory of the device.

    Attributes:
        memory: as the binding knows it.
        size: bytes.
    """

    def __init__(self, queue: Queue, memory: Memory, size: int) -> None:
        self._queue = queue
        self.memory = memory
        self.size = size

    def release(self) -> None:
        """Give it back."""
        self._queue.free(self)


class Queue:
    """An opened device whose kernels are loaded."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._taps: Memory = None
        self._loaded: bytes = b""

    def load(self, image: bytes) -> str:
        """Load the kernels; return what the driver's compiler said."""
        with reported("cuda-build"):
            log = self._context.load(image)
            self._taps = self._context.constant(_TAPS)
        return log

    def buffer(self, size: int) -> Buffer:
        """Return memory of the device; at least one float."""
        with reported("cuda-transfer"):
            return Buffer(self, self._context.allocate(max(size, 4)), max(size, 4))

    def free(self, buffer: Buffer) -> None:
        """Give memory back."""
        with reported("cuda-transfer"):
            self._context.free(buffer.memory)

    def filled(self, array: Floats) -> Buffer:
        """Return memory of the device that holds a copy of `array`."""
        buffer = self.buffer(array.nbytes)
        self.write(buffer, array)
        return buffer

    def write(self, buffer: Buffer, array: Floats) -> None:
        """Copy to the device."""
        with reported("cuda-transfer"):
            self._context.write(buffer.memory, np.ascontiguousarray(array))

    def read(self, buffer: Buffer, shape: tuple[int, ...]) -> Floats:
        """Copy from the device."""
        array = np.empty(shape, np.float32)
        with reported("cuda-transfer"):
            self._context.read(array, buffer.memory)
        return array

    def poison(self, buffer: Buffer) -> None:
        """Fill with NaN."""
        with reported("cuda-transfer"):
            self._context.fill(buffer.memory, _NAN, buffer.size // 4)

    def weigh(self, taps: Floats) -> None:
        """Put weights into constant memory, unless they are there."""
        wanted = taps.tobytes()
        if wanted != self._loaded:
            with reported("cuda-transfer"):
                self._context.write(self._taps, np.ascontiguousarray(taps))
            self._loaded = wanted

    def launch(
        self, name: str, grid: Shape, block: Shape, arguments: Sequence[Any], shared: int = 0
    ) -> int:
        """Launch a kernel; return nanoseconds by the device's clock.

        Args:
            name: of the kernel.
            grid: blocks each way.
            block: threads of a block each way.
            arguments: buffers and integers; integers are passed as 32 bits.
            shared: bytes of memory that the threads of a block share.
        """
        passed = [one.memory if isinstance(one, Buffer) else np.int32(one) for one in arguments]
        with reported("cuda-launch"):
            return round(1e6 * self._context.launch(name, grid, block, shared, passed))
