"""A whole run: has the devices surveyed, and puts the report together."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from selftest.host import Activity, describe_host, judge_noise, package_version, usable_cores
from selftest.isolation import judge_count, nvidia_nodes
from selftest.judge import judge_device
from selftest.measured import Device, DeviceKind, Timing, Verdict
from selftest.model import SCHEMA, DeviceReport, Finding, Noise, Ratio, Report, worst
from selftest.remedies import remedy
from selftest.runner import Runner
from selftest.survey import Request, Survey, Tell, count_by_nvml, survey


def examine(request: Request, runner: Runner, tell: Tell) -> Report:
    """Test every device asked for.

    Args:
        request: what is to be done.
        runner: how children are started.
        tell: called with what comes next, for people who wait.
    """
    now, started = datetime.now(UTC), time.monotonic()
    before = Activity.read()
    found = survey(request, runner, tell)
    counted = count_by_nvml(request, runner)
    noise = judge_noise(before, Activity.read(), usable_cores())
    reports = tuple(judge_device(device, run, noise) for device, run in found.runs)
    findings = (*found.findings, *_judge_run(request, found, counted, reports, noise))
    verdicts = [*(one.verdict for one in reports), *(one.verdict for one in findings)]
    return Report(
        schema=SCHEMA,
        tool_version=package_version("moonlift"),
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


def _judge_run(
    request: Request,
    found: Survey,
    counted: Survey,
    reports: Sequence[DeviceReport],
    noise: Noise,
) -> Iterator[Finding]:
    if not reports:
        text = "expected a device to test, found none"
        yield Finding(Verdict.FAIL, "no-devices", text, (), remedy("no-devices"))
    if request.expect_gpus is not None:
        yield from counted.findings if nvidia_nodes() else ()
        asked = (*request.wanted_backends, *(["nvml"] if not counted.findings else []))
        yield from judge_count(request.expect_gpus, (*found.devices, *counted.devices), asked)
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
