"""The child process: lists a backend's devices and runs all cases on one of them.

It proves the device at once, and times it when its standard input ends. Tells everything on a pipe
as it happens, so that whatever kills it leaves what was done before.
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
from importlib import resources
from pathlib import Path
from typing import Final

import numpy as np

from selftest.backends import KNOWN, load_backend
from selftest.backends.base import Backend, BackendError, Missing, Session
from selftest.cases import Picture
from selftest.jsonform import from_json
from selftest.measure import best_rate, prove, time_case
from selftest.measured import Device, Yardsticks
from selftest.neighbours import look_around
from selftest.plaintext import printable
from selftest.selection import Selection
from selftest.suite import SUITES, Suite
from selftest.wire import WAITING, Devices, Done, Failed, Job, Message, Phase, encode

_PR_SET_PDEATHSIG: Final = 1


def main(arguments: list[str], known: Mapping[str, str] = KNOWN) -> None:
    """Do the job that the parent asked for.

    Args:
        arguments: the pipe's file descriptor and the job as JSON.
        known: the backends; tests give others.
    """
    _die_with_parent()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    job = from_json(Job, json.loads(arguments[1]))
    teller = Teller(int(arguments[0]))
    started = time.monotonic()
    try:
        _work(job, teller, load_backend(job.backend, known))
    except BackendError as error:
        missing = isinstance(error, Missing)
        teller.tell(Failed(error.code, printable(str(error)), error.evidence, missing))
        return
    except MemoryError:
        teller.tell(Failed("out-of-memory", "there is not enough memory", (), missing=False))
        return
    teller.tell(Done(time.monotonic() - started))


class Teller:
    """Writes messages to the parent."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def tell(self, message: Message) -> None:
        """Write one message, at once."""
        data = memoryview(encode(message))
        while data:
            data = data[os.write(self._descriptor, data) :]

    def begin(self, phase: str) -> None:
        """Say what comes next."""
        self.tell(Phase(phase))


def load_digests() -> Mapping[str, str]:
    """Return the digests that are shipped, by case."""
    text = resources.files("selftest").joinpath("digests.json").read_text()
    digests: dict[str, str] = json.loads(text)
    return digests


def _work(job: Job, teller: Teller, backend: Backend) -> None:
    teller.begin("listing devices")
    devices = backend.devices()
    teller.tell(Devices(tuple(devices)))
    if job.index is None:
        for remark in backend.remarks():
            teller.tell(remark)
    index = _choose(job, devices)
    if index is None:
        return
    teller.begin("asking who else uses the device")
    if neighbours := look_around(devices[index]):
        teller.tell(neighbours)
    teller.begin("opening the device")
    session = backend.open(index)
    teller.begin("compiling kernels")
    teller.tell(session.compile())
    suite = SUITES[job.suite]
    _prove_all(suite, teller, session)
    if job.pictures:
        teller.begin("filtering the picture")
        folder = Path(job.pictures)
        _filter_picture(session, folder, folder / devices[index].address.replace(":", "-"))
    teller.begin(WAITING)
    os.read(sys.stdin.fileno(), 1)
    _time_all(suite, teller, session, devices[index])
    teller.begin("closing the device")
    session.close()


def _choose(job: Job, devices: Sequence[Device]) -> int | None:
    """Return the number of the device to be tested; None for none."""
    if job.index is not None:
        if job.index < len(devices):
            return job.index
        raise BackendError("device-unknown", f"{job.backend}:{job.index} is there no longer")
    wanted = Selection(job.wanted).wants if job.wanted is not None else lambda _: False
    return next((device.index for device in devices if wanted(device)), None)


def _prove_all(suite: Suite, teller: Teller, session: Session) -> None:
    digests = load_digests()
    for case in suite.judged():
        teller.begin(case.name)
        teller.tell(prove(session, case, digests.get(case.name)))


def _time_all(suite: Suite, teller: Teller, session: Session, device: Device) -> None:
    teller.begin("measuring the device's limits")
    copied = suite.copied_bytes(device)
    before = best_rate(session.copying(copied))
    peak = best_rate(session.multiplying())
    for case in suite.timed(device):
        teller.begin(case.name)
        result, timing = time_case(session, case, suite.budget_s)
        teller.tell(result)
        teller.tell(timing)
    teller.begin("measuring the device's limits again")
    after = best_rate(session.copying(copied))
    peak = max(peak, best_rate(session.multiplying()))
    teller.tell(Yardsticks(before, after, peak))


def _filter_picture(session: Session, folder: Path, results: Path) -> None:
    """Convolve `picture.npy` with every `NAME.taps.npy` into `NAME.npy` of another folder."""
    results.mkdir(exist_ok=True)
    image = np.load(folder / "picture.npy", allow_pickle=False)
    for path in sorted(folder.glob("*.taps.npy")):
        task = session.task(Picture(image, np.load(path, allow_pickle=False)))
        task.upload()
        task.launch()
        np.save(results / path.name.replace(".taps", ""), task.download(), allow_pickle=False)
        task.release()


def _die_with_parent() -> None:
    """Ask the system to kill this process when its parent dies."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    main(sys.argv[1:])
    sys.stdout.flush()
    os._exit(0)  # all that computes is closed; taking a driver's compiler apart takes long
