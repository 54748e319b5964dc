"""The child process: lists a backend's devices and has one of them tried.

Tells everything on a pipe. Numpy is not loaded before a device is tried: a driver that is missing
is told at once.
Started by `runner` as `python -m selftest.worker PIPE JOB`.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final

from selftest.backends import KNOWN, load_backend
from selftest.backends.base import Backend, BackendError, Missing, Session
from selftest.jsonform import from_json
from selftest.measured import Device
from selftest.plaintext import printable
from selftest.selection import Selection
from selftest.wire import Devices, Done, Failed, Job, Teller

_PR_SET_PDEATHSIG: Final = 1


def main(arguments: list[str], known: Mapping[str, str] = KNOWN) -> Session | None:
    """Do the job that the parent asked for.

    Args:
        arguments: the pipe's file descriptor and the job as JSON.
        known: the backends; tests give others.

    Returns:
        What is still opened, to be kept until the process ends: the system takes a driver and its
        compiler apart in no time, they themselves take a sixth of a second.
    """
    _die_with_parent()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    job = from_json(Job, json.loads(arguments[1]))
    teller = Teller(int(arguments[0]))
    started = time.monotonic()
    try:
        opened = _work(job, teller, load_backend(job.backend, known))
    except BackendError as error:
        missing = isinstance(error, Missing)
        teller.tell(Failed(error.code, printable(str(error)), error.evidence, missing))
        return None
    except MemoryError:
        teller.tell(Failed("out-of-memory", "there is not enough memory", (), missing=False))
        return None
    teller.tell(Done(time.monotonic() - started))
    return opened


def _work(job: Job, teller: Teller, backend: Backend) -> Session | None:
    teller.begin("listing devices")
    devices = backend.devices()
    teller.tell(Devices(tuple(devices)))
    if job.index is None:
        for remark in backend.remarks():
            teller.tell(remark)
    device = _choose(job, devices)
    if device is None:
        return None
    from selftest.trial import try_device  # noqa: PLC0415 - it loads numpy

    return try_device(job, device, backend, teller)


def _choose(job: Job, devices: Sequence[Device]) -> Device | None:
    """Return the device to be tested; None for none."""
    if job.index is not None:
        if job.index < len(devices):
            return devices[job.index]
        raise BackendError("device-unknown", f"{job.backend}:{job.index} is there no longer")
    wanted = Selection(job.wanted).wants if job.wanted is not None else lambda _: False
    return next(filter(wanted, devices), None)


def _die_with_parent() -> None:
    """Ask the system to kill this process when its parent dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    _opened = main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)
