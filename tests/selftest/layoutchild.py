"""A child process whose OpenCL device is laid out as another: by the variable LAYOUT.

`groups` runs the kernels for graphics processors on the processor; `lanes=8` takes other vectors;
`room=32768` pretends that a work-group has less memory. Every case is proved; the timings
are short.
"""

from __future__ import annotations

import os
import sys

import pyopencl as cl

from selftest import worker
from selftest.backends.opencl import OpenclBackend, OpenclSession
from selftest.backends.openclgroups import GroupPlan
from selftest.backends.opencltiles import TilePlan
from selftest.suite import Suite
from tests.selftest.fewcases import make_small


class OtherBackend(OpenclBackend):
    def open(self, index: int) -> OpenclSession:
        session = super().open(index)
        device = cl.get_platforms()[0].get_devices()[index]
        kind, _, value = os.environ["LAYOUT"].partition("=")
        if kind == "groups":
            session._plan = GroupPlan(session._queue, device)
            return session
        plan = TilePlan(session._queue, device)
        if kind == "lanes":
            plan.lanes = int(value)
            plan.options = (f"-DLANES={value}",)
        else:
            plan.room = int(value)
        session._plan = plan
        return session


if __name__ == "__main__":
    make_small(Suite)
    worker.main(sys.argv[1:], {"opencl": "tests.selftest.layoutchild:OtherBackend"})
    sys.stdout.flush()
    os._exit(0)  # as the worker does
