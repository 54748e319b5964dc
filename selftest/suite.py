"""Which cases a run has, and how long its timings may take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from selftest.cases import Case, Convolution, Kind, exact_cases, float_cases, timed_cases
from selftest.measured import Device, DeviceKind

_LARGE_SIDE: Final = 8192
_MEMORY_SHARE: Final = 4
"""One part in so many of a device's memory is used by the largest timed case."""


@dataclass(frozen=True, slots=True)
class Suite:
    """What is run on every device.

    Attributes:
        name: `quick` or `full`.
        timed_side: pixels each way of the pictures that are timed.
        timed_radii: of the kernels that are timed.
        budget_s: seconds after which a timed case is not launched again.
        yardstick_s: seconds after which a yardstick is not launched again.
        thorough: whether graphics processors are timed on pictures beyond their caches, too, and
            the yardstick of arithmetic is used twice.
    """

    name: str
    timed_side: int
    timed_radii: tuple[int, ...]
    budget_s: float
    yardstick_s: float
    thorough: bool

    def judged(self) -> Sequence[Case]:
        """Return the cases that prove the arithmetic."""
        return (*exact_cases(), *float_cases())

    def copied_bytes(self, device: Device) -> int:
        """Return how much the copy yardstick moves: as much as the largest timed case."""
        return max(case.ideal_bytes for case in self.timed(device)) // 2

    def timed(self, device: Device) -> Sequence[Convolution]:
        """Return the cases that are timed on a device."""
        cases = list(timed_cases(self.timed_side, self.timed_radii))
        if device.backend == "numpy" and self.name == "quick":
            return [case for case in cases if case.kind is Kind.SEPARABLE]
        if self.thorough and device.kind is not DeviceKind.CPU:
            large = timed_cases(_LARGE_SIDE, (1, 7, 15))
            room = (device.memory_bytes or 0) // _MEMORY_SHARE
            cases += [case for case in large if 1.5 * case.ideal_bytes <= room]
        return cases


SUITES: Final = {
    "quick": Suite("quick", 1024, (7,), 0.05, 0.03, thorough=False),
    "full": Suite("full", 2048, (1, 3, 7, 15), 1.0, 0.05, thorough=True),
}
