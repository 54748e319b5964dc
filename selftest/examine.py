"""A whole run: finds devices, has each tested by a child, and puts the report together."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from selftest.backends import BACKENDS
from selftest.fallback import environment_of, list_again
from selftest.host import Activity, describe_host, judge_noise, usable_cores
from selftest.isolation import judge_count, nvidia_nodes
from selftest.judge import judge_device, judge_ending, judge_remarks
from selftest.loader import explain_no_platform
from selftest.measured import Device, DeviceKind, Timing, Verdict
from selftest.model import SCHEMA, DeviceReport, Finding, Noise, Ratio, Report, worst
from selftest.remedies import remedy
from selftest.runner import LIST_DEADLINE_S, ChildRun, Runner
from selftest.selection import EVERYTHING, Selection
from selftest.suite import SUITES
from selftest.wire import Devices, Job

Tell: TypeAlias = Callable[[str], object]


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
class Listing:
    """What a backend has.

    Attributes:
        devices: those there are, asked for or not.
        findings: why there are none, or none could be listed.
    """

    devices: tuple[Device, ...]
    findings: tuple[Finding, ...]


def list_devices(request: Request, runner: Runner) -> Listing:
    """Return the devices of all backends asked for."""
    wanted = request.wanted_backends
    with ThreadPoolExecutor(len(wanted) or 1) as pool:
        listings = list(pool.map(lambda one: _list_backend(one, request, runner), wanted))
    return Listing(
        tuple(device for listing in listings for device in listing.devices),
        tuple(finding for listing in listings for finding in listing.findings),
    )


def examine(request: Request, runner: Runner, tell: Tell) -> Report:
    """Test every device asked for.

    Args:
        request: what is to be done.
        runner: how children are started.
        tell: called with what comes next, for people who wait.
    """
    now, started = datetime.now(UTC), time.monotonic()
    before = Activity.read()
    tell("looking for devices")
    listing = list_devices(request, runner)
    counted = _count_by_nvml(request, runner)
    runs = list(_run_all(listing, request, runner, tell))
    noise = judge_noise(before, Activity.read(), usable_cores())
    reports = tuple(judge_device(device, run, noise) for device, run in runs)
    found = _judge_run(request, listing, counted, reports, noise)
    findings = (*listing.findings, *found)
    verdicts = [*(one.verdict for one in reports), *(one.verdict for one in findings)]
    return Report(
        schema=SCHEMA,
        tool_version=_version(),
        run_id=str(uuid.uuid4()),
        started_utc=now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        wall_s=time.monotonic() - started,
        mode=request.suite,
        verdict=overall(verdicts),
        host=describe_host(),
        noise=noise,
        devices=reports,
        findings=findings,
        ratios=tuple(compare_devices(reports)),
    )


def overall(verdicts: Sequence[Verdict]) -> Verdict:
    """Return the worst verdict; what was skipped was not asked for and does not count."""
    return worst([one for one in verdicts if one is not Verdict.SKIP])


def add_findings(report: Report, findings: Sequence[Finding]) -> Report:
    """Return the report with more findings, and its verdict anew."""
    verdict = overall([report.verdict, *(one.verdict for one in findings)])
    every = (*report.findings, *findings)
    return dataclasses.replace(report, findings=every, verdict=verdict)


def compare_devices(reports: Sequence[DeviceReport]) -> Iterator[Ratio]:
    """Yield how each device stands to a CPU on the same cases: numpy, or the best for a GPU."""
    cpus = [one for one in reports if one.device.kind is DeviceKind.CPU]
    for report in reports:
        numpy = report.device.kind is DeviceKind.CPU
        rivals = [one for one in cpus if one.device.backend == "numpy"] if numpy else cpus
        for timing in report.timings if report.device.backend != "numpy" else ():
            best = _fastest(rivals, timing.case)
            if best is not None:
                yield _ratio(report.device, timing, *best)


def _list_backend(backend: str, request: Request, runner: Runner) -> Listing:
    deadline = min(request.deadline_s or LIST_DEADLINE_S, LIST_DEADLINE_S)
    job = Job(backend, None, request.suite)
    run = runner.run(job, deadline)
    findings = (*judge_ending(run), *judge_remarks(run))
    if any(one.code == "opencl-no-platform" for one in findings):
        findings = tuple(explain_no_platform(one, runner, request.suite) for one in findings)
    if request.selection.names_backend(backend) or _expects(backend, request.expect_gpus):
        findings = tuple(map(_wanted, findings))
    found = run.last(Devices)
    return Listing(found.found if found else list_again(job, run, runner, deadline), findings)


def _count_by_nvml(request: Request, runner: Runner) -> Listing:
    """Return the GPUs that NVML sees, where GPUs are counted at all."""
    if request.expect_gpus is None:
        return Listing((), ())
    run = runner.run(Job("nvml", None, request.suite), LIST_DEADLINE_S)
    found = run.last(Devices)
    return Listing(found.found if found else (), judge_ending(run))


def _expects(backend: str, gpus: int | None) -> bool:
    """Tell whether graphics processors that must be there must be there for this backend."""
    return bool(gpus) and (backend != "cuda" or nvidia_nodes() > 0)


def _wanted(finding: Finding) -> Finding:
    """Return a finding as it counts for something that was asked for."""
    if finding.verdict is not Verdict.SKIP:
        return finding
    return dataclasses.replace(finding, verdict=Verdict.FAIL)


def _run_all(
    listing: Listing, request: Request, runner: Runner, tell: Tell
) -> Iterator[tuple[Device, ChildRun]]:
    suite = SUITES[request.suite]
    for device in filter(request.selection.wants, listing.devices):
        tell(f"testing {device.address}, {device.name}")
        job = Job(device.backend, device.index, suite.name, request.pictures)
        deadline = request.deadline_s or suite.deadline_s
        yield device, runner.run(job, deadline, environment_of(device))


def _judge_run(
    request: Request,
    listing: Listing,
    counted: Listing,
    reports: Sequence[DeviceReport],
    noise: Noise,
) -> Iterator[Finding]:
    if not reports:
        text = "expected a device to test, found none"
        yield Finding(Verdict.FAIL, "no-devices", text, (), remedy("no-devices"))
    if request.expect_gpus is not None:
        yield from counted.findings if nvidia_nodes() else ()
        asked = (*request.wanted_backends, *(["nvml"] if not counted.findings else []))
        yield from judge_count(request.expect_gpus, (*listing.devices, *counted.devices), asked)
    if noise.reasons:
        text = f"the machine was busy: {'; '.join(noise.reasons)}"
        yield Finding(Verdict.PASS, "noisy", text, (), remedy("noisy"))


def _fastest(rivals: Sequence[DeviceReport], case: str) -> tuple[Device, Timing] | None:
    timings = [
        (one.device, timing) for one in rivals for timing in one.timings if timing.case == case
    ]
    return min(timings, key=lambda pair: pair[1].kernel_ms_min, default=None)


def _ratio(device: Device, timing: Timing, rival: Device, reference: Timing) -> Ratio:
    return Ratio(
        case=timing.case,
        device=device.address,
        reference=rival.address,
        reference_cores=usable_cores(),
        kernel=reference.kernel_ms_min / timing.kernel_ms_min,
        end_to_end=reference.end_to_end_ms / timing.end_to_end_ms,
    )


def _version() -> str:
    try:
        return importlib.metadata.version("moonlift")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
