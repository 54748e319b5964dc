"""A child process whose device has the fault that the variable FAULT names.

The device is numpy, so that everything but the fault is right; it also goes by the name of opencl.
The cases are few and small.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
import time
from collections.abc import Sequence

import numpy as np

from selftest import trial, worker
from selftest.backends.base import BackendError, Missing
from selftest.backends.cpu import NumpyBackend, NumpySession, NumpyTask
from selftest.cases import Floats, Picture, Work
from selftest.measured import Compiled, Device, DeviceKind
from tests.selftest.fewcases import make_small

_WORDS = os.environ["FAULT"].split()
FAULT = _WORDS[-1] if len(_WORDS) == 1 or f'"{_WORDS[0]}"' in sys.argv[2] else "none"
"""Of every device; behind the name of a backend, of that backend's."""

UUID = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
"""As OpenCL gives it; of the GPU of tests/installer/checks/fake_nvml.c."""

LARGE = 1000
"""Values of a picture above which the faults of pixels are made: where there is a middle."""


class FaultyTask(NumpyTask):
    launches = 0

    def __init__(self, work: Work) -> None:
        super().__init__(work)
        self._radius = work.taps.shape[1] // 2 if isinstance(work, Picture) else 0

    def launch(self) -> int:
        match FAULT:
            case "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "abort":
                os.abort()
            case "hang":
                time.sleep(3600)
            case "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            case "exit":
                os._exit(3)
            case "refused":
                raise BackendError("opencl-launch", "out of resources", ("driver: no",))
            case "no-memory":
                raise MemoryError
            case "nothing":
                return 1
        FaultyTask.launches += 1
        return super().launch()

    def download(self) -> Floats:
        result = super().download().copy()
        if result.ndim == 3 and result.size > LARGE:
            spoil(result, FAULT)
        return result


def spoil(result: Floats, fault: str) -> None:
    match fault:
        case "bit":
            result.view(np.uint32)[20, 30, 0] ^= np.uint32(1 << 12)
        case "border":
            result[0, :, 0] += 1
        case "nan":
            result[5, 6, 0] = np.nan
        case "half":
            result[:] = result.astype(np.float16)
        case "shift":
            result[:] = np.roll(result, 1, axis=1)
        case "flaky" if FaultyTask.launches % 2:
            result[7, 8, 0] += 1


class FaultySession(NumpySession):
    def compile(self) -> Compiled:
        if FAULT == "build":
            raise BackendError("opencl-build", "the compiler refused", ("line 1: no",))
        return super().compile()

    def task(self, work: Work) -> NumpyTask:
        return FaultyTask(work)


class FaultyBackend(NumpyBackend):
    def devices(self) -> Sequence[Device]:
        match FAULT:
            case "missing":
                raise Missing("opencl-no-device", "there is a platform, but it has no device")
            case "listing":
                os.abort()
            case "garbage":
                os.write(int(sys.argv[1]), b"\xff\x00 garbage\n[1, 2]\n")
        return super().devices()

    def open(self, index: int) -> NumpySession:
        super().open(index)
        return FaultySession()


class OtherBackend(FaultyBackend):
    def devices(self) -> Sequence[Device]:
        found = [dataclasses.replace(one, backend="opencl") for one in super().devices()]
        if FAULT == "others":
            return [dataclasses.replace(one, kind=DeviceKind.GPU, uuid=UUID) for one in found]
        return found


if __name__ == "__main__":
    make_small()
    digests = dict.fromkeys(trial.load_digests(), "0" * 64)
    if FAULT == "digests":
        trial.load_digests = lambda: digests
    room = "tests.selftest.faultychild"
    worker.main(sys.argv[1:], {"numpy": f"{room}:FaultyBackend", "opencl": f"{room}:OtherBackend"})
