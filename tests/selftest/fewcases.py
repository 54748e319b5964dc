"""A suite of a few small cases, one of each kind, for tests of what is around the arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from unittest.mock import patch

from selftest.backends import cpu
from selftest.cases import Case, Convolution, Kind, Mode, Product
from selftest.suite import SUITES, Suite

FEW: Sequence[Case] = (
    Convolution(Kind.SEPARABLE, 1, 4, 61, 47),
    Convolution(Kind.SEPARABLE, 15, 1, 3, 200),
    Convolution(Kind.DENSE, 3, 1, 83, 41),
    Convolution(Kind.DENSE, 15, 4, 1, 1),
    Product(127, 257, 65),
    Convolution(Kind.SEPARABLE, 3, 4, 64, 64, Mode.FLOAT),
)
SIDE = 100


class SmallSuite(Suite):
    def judged(self) -> Sequence[Case]:
        return FEW


def make_small(kind: type[Suite] = SmallSuite) -> None:
    """Let this worker run a small suite when it is asked for the quick one, and time it shortly."""
    SUITES["quick"] = kind("quick", SIDE, (7,), 0.0, 0.0, thorough=False)
    patch.object(cpu, "_PRODUCT_SIDE", SIDE).start()  # until this process ends
