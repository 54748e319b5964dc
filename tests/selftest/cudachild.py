"""A child process with pictures small enough for a processor that plays a GPU: see fakecuda.c.

With the variable CASES set to `all` every case is there, otherwise one of each kind.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from selftest import worker
from selftest.cases import Case, Convolution, Kind, Product
from selftest.measured import Device
from selftest.suite import SUITES, Suite

FEW: Sequence[Case] = (
    Convolution(Kind.SEPARABLE, 1, 4, 61, 47),
    Convolution(Kind.SEPARABLE, 15, 1, 3, 200),
    Convolution(Kind.DENSE, 3, 1, 83, 41),
    Product(127, 257, 65),
)
SIDE = 100


class SmallSuite(Suite):
    def judged(self) -> Sequence[Case]:
        return super().judged() if os.environ.get("CASES") == "all" else FEW

    def timed(self, device: Device) -> Sequence[Convolution]:  # noqa: ARG002
        return [Convolution(kind, 7, 4, SIDE, SIDE) for kind in Kind]


if __name__ == "__main__":
    SUITES["quick"] = SmallSuite("quick", SIDE, (7,), 0.01, large=False)
    worker.main(sys.argv[1:])
