"""One OpenCL device's queue: buffers, kernels, launches; nothing here knows a case.

Buffers are filled by copies, never by pointing at numpy's memory: a driver may want an alignment
that numpy does not give, and crash.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np

from selftest.cases import Floats
from selftest.plaintext import printable

Buffer: TypeAlias = Any
Shape: TypeAlias = tuple[int, ...]

_NAN: Final = np.float32("nan")


class Queue:
    """A context and an in-order queue with profiling on one device.

    Attributes:
        cl: the pyopencl module.
    """

    def __init__(self, cl: Any, device: Any) -> None:
        self.cl = cl
        self._context = cl.Context([device])
        profiling = cl.command_queue_properties.PROFILING_ENABLE
        self._queue = cl.CommandQueue(self._context, properties=profiling)
        self._program: Any = None
        self._kernels: dict[str, Any] = {}

    def build(self, source: str, options: Sequence[str]) -> str:
        """Build the program; return what the compiler said."""
        self._program = self.cl.Program(self._context, source).build(list(options))
        info = self.cl.program_build_info.LOG
        (device,) = self._context.devices
        return printable(self._program.get_build_info(device, info) or "")

    def ready(self, names: Sequence[str]) -> None:
        """Make kernels."""
        for name in names:
            self._kernels[name] = self.cl.Kernel(self._program, name)

    def buffer(self, size: int) -> Buffer:
        """Return memory of the device; at least one float."""
        return self.cl.Buffer(self._context, self.cl.mem_flags.READ_WRITE, max(size, 4))

    def filled(self, array: Floats) -> Buffer:
        """Return memory of the device that holds a copy of `array`."""
        buffer = self.buffer(array.nbytes)
        self.write(buffer, array)
        return buffer

    def write(self, buffer: Buffer, array: Floats) -> None:
        """Copy to the device."""
        self.cl.enqueue_copy(self._queue, buffer, np.ascontiguousarray(array), is_blocking=True)

    def read(self, buffer: Buffer, shape: Shape) -> Floats:
        """Copy from the device."""
        array = np.empty(shape, np.float32)
        self.cl.enqueue_copy(self._queue, array, buffer, is_blocking=True)
        return array

    def poison(self, buffer: Buffer) -> None:
        """Fill with NaN."""
        size = buffer.size
        self.cl.enqueue_fill_buffer(self._queue, buffer, _NAN, 0, size).wait()

    def launch(self, name: str, groups: Shape, group: Shape, arguments: Sequence[Any]) -> int:
        """Launch `groups` work-groups of shape `group`; return nanoseconds by the device's clock.

        Integers are passed as 32 bits; the rest as it is.
        """
        kernel = self._kernels[name]
        for number, value in enumerate(arguments):
            kernel.set_arg(number, np.int32(value) if isinstance(value, int) else value)
        items = tuple(count * size for count, size in zip(groups, group, strict=True))
        event = self.cl.enqueue_nd_range_kernel(self._queue, kernel, items, group)
        event.wait()
        return int(event.profile.end - event.profile.start)

    def local(self, floats: int) -> Any:
        """Return a kernel argument that stands for memory of a work-group."""
        return self.cl.LocalMemory(4 * floats)

    def finish(self) -> None:
        """Wait until all is done."""
        self._queue.finish()
