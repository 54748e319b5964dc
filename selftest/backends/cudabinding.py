"""What a binding to CUDA's driver must do for the self-test; there are two.

`cudapycuda` is pycuda, which people use; `cudactypes` needs no package and shows whether it is the
driver or only pycuda that does not work.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

from selftest.cases import Floats

Memory: TypeAlias = Any
"""Memory of a device, as its binding knows it."""
Shape: TypeAlias = tuple[int, int, int]


class Context(Protocol):
    """An opened device; every method raises CudaFailure."""

    def load(self, image: bytes) -> str:
        """Load kernels; return what the driver's compiler said."""

    def constant(self, name: str) -> Memory:
        """Return the constant memory of the loaded kernels that has a name."""

    def allocate(self, size: int) -> Memory:
        """Return memory of the device."""

    def free(self, memory: Memory) -> None:
        """Give memory back."""

    def write(self, memory: Memory, array: Floats) -> None:
        """Copy to the device."""

    def read(self, array: Floats, memory: Memory) -> None:
        """Copy from the device."""

    def fill(self, memory: Memory, word: int, count: int) -> None:
        """Set `count` words of 32 bits."""

    def launch(
        self, name: str, grid: Shape, block: Shape, shared: int, arguments: Sequence[Any]
    ) -> float:
        """Launch a kernel and wait for its end.

        Args:
            name: of the kernel.
            grid: blocks each way.
            block: threads of a block each way.
            shared: bytes of memory that the threads of a block share.
            arguments: memory, and integers as `numpy.int32`.

        Returns:
            Milliseconds by the device's clock.
        """

    def close(self) -> None:
        """Leave the device; does nothing the second time."""


class Binding(Protocol):
    """A way to the driver."""

    @property
    def label(self) -> str:
        """The package and its version."""

    def open(self, index: int) -> Context:
        """Open a device by its number."""
