"""The worker itself, on the machine's own devices, with a few small cases."""

from __future__ import annotations

import os
import sys

from selftest import worker
from tests.selftest.fewcases import make_small

CHILD = (sys.executable, "-P", "-X", "faulthandler", "-m", "tests.selftest.quickchild")

if __name__ == "__main__":
    make_small()
    worker.main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # as the worker does
