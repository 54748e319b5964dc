"""Finds the devices and has each tested by a child process.

numpy, which has no driver, and CUDA where there is no card for one, are tried beside the others.
Drivers are tested one after the other, so that the fault of one is not told of another. Every
device is timed alone. Judges nothing but what kept a backend from telling its devices.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeAlias

from selftest.backends import BACKENDS
from selftest.fallback import environment_of, list_again
from selftest.isolation import nvidia_nodes
from selftest.judge import judge_ending, judge_remarks
from selftest.loader import explain_no_platform
from selftest.measured import Device, Verdict
from selftest.model import Finding
from selftest.runner import ChildRun, Deadline, Runner
from selftest.selection import EVERYTHING, Selection
from selftest.turns import Turns
from selftest.wire import Devices, Job

Tell: TypeAlias = Callable[[str], object]

_DRIVERLESS: Final = "numpy"
_DEADLINE_S: Final = {"quick": 180.0, "full": 1200.0}
"""Seconds that a device may take, by suite; numpy and another are proved at the same time."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be done.

    Attributes:
        suite: `quick` or `full`.
        selection: which devices.
        deadline_s: seconds that a device may take; null for the suite's own.
        expect_gpus: how many graphics processors there must be; null for any number.
        pictures: folder where every device filters the picture; null for no picture.
        backends: the ways to devices.
    """

    suite: str = "quick"
    selection: Selection = EVERYTHING
    deadline_s: float | None = None
    expect_gpus: int | None = None
    pictures: str | None = None
    backends: Mapping[str, str] = dataclasses.field(default_factory=lambda: BACKENDS)

    @property
    def wanted_backends(self) -> Sequence[str]:
        """The backends that any wanted device may be of."""
        return [one for one in self.backends if self.selection.wants_backend(one)]


@dataclass(frozen=True, slots=True)
class Survey:
    """What was found of a backend, or of all.

    Attributes:
        devices: those there are, asked for or not.
        findings: why there are none, or none could be listed.
        runs: of the devices that were tested, what their child told.
    """

    devices: tuple[Device, ...] = ()
    findings: tuple[Finding, ...] = ()
    runs: tuple[tuple[Device, ChildRun], ...] = ()


def list_devices(request: Request, runner: Runner) -> Survey:
    """Return the devices of all backends asked for, untested."""
    wanted = request.wanted_backends
    with ThreadPoolExecutor(len(wanted) or 1) as pool:
        return _join(list(pool.map(lambda one: _list(one, request, runner), wanted)))


def count_by_nvml(request: Request, runner: Runner) -> Survey:
    """Return the GPUs that NVML sees, where GPUs are counted at all."""
    if request.expect_gpus is None:
        return Survey()
    run = runner.run(Job("nvml", None, request.suite), Deadline.of(request.deadline_s))
    found = run.last(Devices)
    return Survey(found.found if found else (), judge_ending(run))


def survey(request: Request, runner: Runner, tell: Tell) -> Survey:
    """Test every device asked for.

    Args:
        request: what is to be done.
        runner: how children are started; an interrupt ends all of them.
        tell: called with what comes next, for people who wait; from more than one thread.
    """
    turns = Turns()
    lanes = _lanes(request)

    def test(lane: Sequence[str]) -> dict[str, Survey]:
        return {one: _test_backend(one, request, runner, turns, tell) for one in lane}

    with ThreadPoolExecutor(len(lanes)) as pool:
        started = [pool.submit(test, lane) for lane in lanes[1:]]
        try:
            found = test(lanes[0])
            for one in started:
                found |= one.result()
        except BaseException:
            runner.stop.set()
            raise
    return _join([found[name] for name in request.wanted_backends])


def _lanes(request: Request) -> list[list[str]]:
    """Return the backends that are tested one after the other, and those beside them."""
    names = request.wanted_backends
    beside = [one for one in names if one == _DRIVERLESS or (one == "cuda" and not nvidia_nodes())]
    return [[one for one in names if one not in beside], *([one] for one in beside)]


def _join(parts: Sequence[Survey]) -> Survey:
    return Survey(
        tuple(device for part in parts for device in part.devices),
        tuple(finding for part in parts for finding in part.findings),
        tuple(run for part in parts for run in part.runs),
    )


def _list(backend: str, request: Request, runner: Runner) -> Survey:
    job = Job(backend, None, request.suite)
    run = runner.run(job, Deadline.of(request.deadline_s))
    return Survey(_devices(job, run, request, runner), _explain(backend, request, runner, run))


def _test_backend(
    backend: str, request: Request, runner: Runner, turns: Turns, tell: Tell
) -> Survey:
    """List a backend's devices and test those that are wanted: the first in the same child."""
    tell(f"testing {backend}")
    words = request.selection.words
    asking = Job(backend, None, request.suite, request.pictures, words)
    first = _run(asking, {}, request, runner, turns)
    devices = _devices(asking, first, request, runner)
    wanted = [device for device in devices if request.selection.wants(device)]
    told = first.last(Devices) is not None
    findings = (
        judge_remarks(first) if told and wanted else _explain(backend, request, runner, first)
    )
    runs = [(wanted[0], first)] if told and wanted else []
    for device in wanted[len(runs) :]:
        tell(f"testing {device.address}, {device.name}")
        job = Job(backend, device.index, request.suite, request.pictures)
        runs.append((device, _run(job, environment_of(device), request, runner, turns)))
    return Survey(devices, findings, tuple(runs))


def _devices(job: Job, run: ChildRun, request: Request, runner: Runner) -> tuple[Device, ...]:
    """Return what a child found; what is found without pycuda where that took it along."""
    found = run.last(Devices)
    if found is not None:
        return found.found
    listing = dataclasses.replace(job, pictures=None, wanted=None)
    return list_again(listing, run, runner, Deadline.of(request.deadline_s))


def _run(
    job: Job, environ: Mapping[str, str], request: Request, runner: Runner, turns: Turns
) -> ChildRun:
    deadline = Deadline.of(request.deadline_s, _DEADLINE_S[request.suite])
    with turns.take() as turn:
        return runner.run(job, deadline, environ, turn.wait_alone)


def _explain(backend: str, request: Request, runner: Runner, run: ChildRun) -> tuple[Finding, ...]:
    """Return why a backend told no devices, as it counts for what was asked."""
    findings = (*judge_ending(run), *judge_remarks(run))
    if any(one.code == "opencl-no-platform" for one in findings):
        findings = tuple(explain_no_platform(one, runner, request.suite) for one in findings)
    if request.selection.names_backend(backend) or _expects(backend, request.expect_gpus):
        findings = tuple(map(_wanted, findings))
    return findings


def _expects(backend: str, gpus: int | None) -> bool:
    """Tell whether graphics processors that must be there must be there for this backend."""
    return bool(gpus) and (backend != "cuda" or nvidia_nodes() > 0)


def _wanted(finding: Finding) -> Finding:
    """Return a finding as it counts for something that was asked for."""
    if finding.verdict is not Verdict.SKIP:
        return finding
    return dataclasses.replace(finding, verdict=Verdict.FAIL)
