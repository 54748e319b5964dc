"""What is done with one device: proves it at once, and times it when the standard input ends.

Tells everything as it happens, so that whatever kills the process leaves what was done before.
Judges nothing.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import numpy as np

from selftest.backends.base import Backend, Session
from selftest.cases import Picture
from selftest.measure import best_rate, prove, time_case
from selftest.measured import Device, Yardsticks
from selftest.neighbours import look_around
from selftest.suite import SUITES, Suite
from selftest.wire import WAITING, Job, Teller


def try_device(job: Job, device: Device, backend: Backend, teller: Teller) -> Session:
    """Do all of a job with one device; return its session, closed.

    Raises:
        BackendError: the device can't do what it should.
        MemoryError: the host has not enough.
    """
    teller.begin("asking who else uses the device")
    if neighbours := look_around(device):
        teller.tell(neighbours)
    teller.begin("opening the device")
    session = backend.open(device.index)
    teller.begin("compiling kernels")
    teller.tell(session.compile())
    suite, digests = SUITES[job.suite], load_digests()
    _prove_all(suite, teller, session, digests)
    if job.pictures:
        teller.begin("filtering the picture")
        folder = Path(job.pictures)
        _filter_picture(session, folder, folder / device.address.replace(":", "-"))
    teller.begin(WAITING)
    os.read(sys.stdin.fileno(), 1)
    _time_all(suite, teller, session, device, digests)
    teller.begin("closing the device")
    session.close()
    return session


def load_digests() -> Mapping[str, str]:
    """Return the digests that are shipped, by case."""
    text = resources.files("selftest").joinpath("digests.json").read_text()
    digests: dict[str, str] = json.loads(text)
    return digests


def _prove_all(suite: Suite, teller: Teller, session: Session, digests: Mapping[str, str]) -> None:
    for case in suite.judged():
        teller.begin(case.name)
        teller.tell(prove(session, case, digests.get(case.name)))


def _time_all(
    suite: Suite, teller: Teller, session: Session, device: Device, digests: Mapping[str, str]
) -> None:
    teller.begin("measuring the device's limits")
    copied = suite.copied_bytes(device)
    before = best_rate(session.copying(copied), suite.yardstick_s)
    peak = best_rate(session.multiplying(), suite.yardstick_s)
    for case in suite.timed(device):
        teller.begin(case.name)
        result, timing = time_case(session, case, suite.budget_s, digests.get(case.name))
        teller.tell(result)
        teller.tell(timing)
    teller.begin("measuring the device's limits again")
    after = best_rate(session.copying(copied), suite.yardstick_s)
    if suite.thorough:  # what clocks do under load shows in runs that take longer than a second
        peak = max(peak, best_rate(session.multiplying(), suite.yardstick_s))
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
