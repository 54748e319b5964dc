"""When pycuda takes its process along: asks for CUDA's devices again, without it.

That a package crashes while it is loaded says nothing of the driver. The crash stays a failure;
whether the driver computes is told beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from selftest.backends.cudanames import CTYPES, WITHOUT_PYCUDA
from selftest.measured import Device
from selftest.runner import ChildRun, Deadline, Runner
from selftest.wire import Devices, Failed, Job

_ENVIRON: Final = {WITHOUT_PYCUDA: "1"}


def list_again(job: Job, run: ChildRun, runner: Runner, deadline: Deadline) -> tuple[Device, ...]:
    """Return the devices that are found without pycuda, when the child with it ended badly."""
    if job.backend != "cuda" or run.last(Devices) is not None or run.last(Failed) is not None:
        return ()
    found = runner.run(job, deadline, _ENVIRON).last(Devices)
    return found.found if found else ()


def environment_of(device: Device) -> Mapping[str, str]:
    """Return what a child needs to test a device in the way in which it was found."""
    return _ENVIRON if device.backend == "cuda" and device.binding == CTYPES else {}
