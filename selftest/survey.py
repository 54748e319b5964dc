"""Finds the devices and has each tested by a child process.

numpy, which has no driver, is proved beside the others. Drivers are tested one after the other, so
that the fault of one is not told of another. Every device is timed alone. Judges nothing but what
kept a backend from telling its devices.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeAlias

from selftest.backends import BACKENDS
from selftest.judge import judge_ending
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
    with ThreadPoolExecutor(len(request.backends)) as pool:
        ask = pool.map(lambda one: _list(one, request, runner), _backends(request))
        return _join(list(ask))


def survey(request: Request, runner: Runner, tell: Tell) -> Survey:
    """Test every device asked for.

    Args:
        request: what is to be done.
        runner: how children are started; an interrupt ends all of them.
        tell: called with what comes next, for people who wait; from more than one thread.
    """
    turns = Turns()
    beside, rest = _lanes(request)

    def test(lane: Sequence[str]) -> list[Survey]:
        return [_test_backend(one, request, runner, turns, tell) for one in lane]

    with ThreadPoolExecutor(1) as pool:
        started = pool.submit(test, beside)
        try:
            found = test(rest)
            return _join([*started.result(), *found])
        except BaseException:
            runner.stop.set()
            raise


def _lanes(request: Request) -> tuple[list[str], list[str]]:
    """Return the backends that are tested beside others, and the others."""
    names = _backends(request)
    beside = [one for one in names if one == _DRIVERLESS and len(names) > 1]
    return beside, [one for one in names if one not in beside]


def _backends(request: Request) -> list[str]:
    return [one for one in request.backends if request.selection.wants_backend(one)]


def _join(parts: Sequence[Survey]) -> Survey:
    return Survey(
        tuple(device for part in parts for device in part.devices),
        tuple(finding for part in parts for finding in part.findings),
        tuple(run for part in parts for run in part.runs),
    )


def _list(backend: str, request: Request, runner: Runner) -> Survey:
    run = runner.run(Job(backend, None, request.suite), Deadline.of(request.deadline_s))
    found = run.last(Devices)
    return Survey(found.found if found else (), _explain(backend, request, runner, run))


def _test_backend(
    backend: str, request: Request, runner: Runner, turns: Turns, tell: Tell
) -> Survey:
    """List a backend's devices and test those that are wanted: the first in the same child."""
    tell(f"testing {backend}")
    words = request.selection.words
    first = _run(Job(backend, None, request.suite, request.pictures, words), request, runner, turns)
    found = first.last(Devices)
    devices = found.found if found else ()
    wanted = [device for device in devices if request.selection.wants(device)]
    if not wanted:
        return Survey(devices, _explain(backend, request, runner, first))
    runs = [(wanted[0], first)]
    for device in wanted[1:]:
        tell(f"testing {device.address}, {device.name}")
        job = Job(backend, device.index, request.suite, request.pictures)
        runs.append((device, _run(job, request, runner, turns)))
    return Survey(devices, (), tuple(runs))


def _run(job: Job, request: Request, runner: Runner, turns: Turns) -> ChildRun:
    deadline = Deadline.of(request.deadline_s, _DEADLINE_S[request.suite])
    with turns.take() as turn:
        return runner.run(job, deadline, await_turn=turn.wait_alone)


def _explain(backend: str, request: Request, runner: Runner, run: ChildRun) -> tuple[Finding, ...]:
    """Return why a backend told no devices, as it counts for what was asked."""
    findings = judge_ending(run)
    if any(one.code == "opencl-no-platform" for one in findings):
        findings = tuple(explain_no_platform(one, runner, request.suite) for one in findings)
    if request.selection.names_backend(backend) or request.expect_gpus:
        findings = tuple(map(_wanted, findings))
    return findings


def _wanted(finding: Finding) -> Finding:
    """Return a finding as it counts for something that was asked for."""
    if finding.verdict is not Verdict.SKIP:
        return finding
    return dataclasses.replace(finding, verdict=Verdict.FAIL)
