"""What every backend can do; the worker knows nothing else of them.

A backend is used in a child process of its own and may import its binding only when it is used:
importing the module must not fail where the binding is missing. A new backend is a module with a
class that has these methods, listed in `selftest.backends`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from selftest.measured import Compiled, Device, Remark

if TYPE_CHECKING:  # numpy, which it needs, is not loaded where there is no driver
    from selftest.cases import Floats, Work


class BackendError(Exception):
    """Something that did not work, in the backend's words.

    Attributes:
        code: stable and documented.
        evidence: lines quoted from the driver.
    """

    def __init__(self, code: str, message: str, evidence: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.evidence = tuple(evidence)


class Missing(BackendError):
    """Nothing is there to be tested: no binding, no platform, no device."""


class Task(Protocol):
    """One case on one device, with its own buffers; every method raises BackendError."""

    @property
    def effort(self) -> float:
        """Operations really done, as a share of the plain formula's."""

    def upload(self) -> None:
        """Bring the input to the device."""

    def poison(self) -> None:
        """Fill the output with NaN, so that a pixel that nothing writes is seen."""

    def launch(self) -> int:
        """Compute; return the nanoseconds that it took on the device's clock."""

    def download(self) -> Floats:
        """Return the result in the shape that `arithmetic.compute` gives it."""

    def release(self) -> None:
        """Give the buffers back."""


class Yardstick(Protocol):
    """A measurement of the device's own limit."""

    @property
    def amount(self) -> int:
        """Bytes moved, or operations done, by one launch."""

    def launch(self) -> int:
        """Do it once; return nanoseconds."""

    def release(self) -> None:
        """Give the buffers back."""


class Session(Protocol):
    """An opened device."""

    def compile(self) -> Compiled:
        """Make the kernels ready."""

    def task(self, work: Work) -> Task:
        """Return the task that computes a case's input."""

    def copying(self, size: int) -> Yardstick:
        """Return a copy of about `size` bytes."""

    def multiplying(self) -> Yardstick:
        """Return fused multiply-adds that depend on nothing."""

    def close(self) -> None:
        """Leave the device."""


class Backend(Protocol):
    """A way to devices."""

    def devices(self) -> Sequence[Device]:
        """Return what is there.

        Raises:
            Missing: nothing is there, with the reason.
        """

    def remarks(self) -> Sequence[Remark]:
        """Return what `devices` found that is worth telling and stops nothing."""

    def open(self, index: int) -> Session:
        """Open a device by its number."""
