"""A child process with pictures small enough for a processor that plays a GPU: see fakecuda.c.

With the variable CASES set to `all` every case is there, otherwise one of each kind.
"""

from __future__ import annotations

import os
import sys

from selftest import worker
from selftest.suite import Suite
from tests.selftest.fewcases import SmallSuite, make_small

if __name__ == "__main__":
    make_small(Suite if os.environ.get("CASES") == "all" else SmallSuite)
    worker.main(sys.argv[1:])
