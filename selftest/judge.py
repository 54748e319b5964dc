"""Makes verdicts of what a child told: its results, its end, its timings.

Correctness never depends on how busy the machine is; timings of a busy machine are not judged.
"""

from __future__ import annotations

import dataclasses
import signal
from collections.abc import Sequence
from typing import Final

from selftest.measured import (
    CaseResult,
    Compiled,
    Device,
    Difference,
    Neighbours,
    Remark,
    Timing,
    Verdict,
    Yardsticks,
)
from selftest.model import DeviceReport, Finding, Noise, worst
from selftest.neighbours import BUSY_PCT
from selftest.remedies import remedy
from selftest.runner import ChildRun
from selftest.wire import Done, Failed

COPY_DRIFT_LIMIT: Final = 0.15
"""Share by which the copy yardstick may change within a run before its timings are noise."""

COPY_FLOOR: Final = 0.6
"""Share of its own copy speed that a GPU's separable convolution should reach."""

GPU_BUSY: Final = "gpu-busy"
"""Code of the note that others use a device: nothing is compared with its timings."""

_CRASHES: Final = (signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)


def judge_case(result: CaseResult) -> CaseResult:
    """Return a case's result with its verdict."""
    code, text = _fault(result)
    if code is None:
        return result
    return dataclasses.replace(result, verdict=Verdict.FAIL, code=code, text=text)


def judge_device(device: Device, run: ChildRun, noise: Noise) -> DeviceReport:
    """Return a device's report from what its child told."""
    cases = tuple(map(judge_case, run.all(CaseResult)))
    yardsticks = run.last(Yardsticks) or Yardsticks()
    timings = tuple(_against_limits(timing, yardsticks) for timing in run.all(Timing))
    neighbours = run.last(Neighbours)
    busy = judge_neighbours(neighbours)
    findings = [*judge_ending(run), *busy]
    if not busy:
        findings += _judge_speed(device, timings, yardsticks, noise)
    verdicts = [*(one.verdict for one in cases), *(one.verdict for one in findings)]
    return DeviceReport(
        device=device,
        verdict=worst(verdicts),
        findings=tuple(findings),
        compiled=run.last(Compiled),
        cases=cases,
        timings=timings,
        yardsticks=yardsticks,
        wall_s=run.wall_s,
        neighbours=neighbours,
    )


def judge_ending(run: ChildRun) -> tuple[Finding, ...]:
    """Return what a child's end says; nothing when it did all that was asked."""
    failed = run.last(Failed)
    if failed is not None:
        verdict = Verdict.SKIP if failed.missing else Verdict.FAIL
        evidence = failed.evidence or run.output
        while_doing = "" if failed.missing else f" while {_doing(run.phase)}"
        text = failed.text + while_doing
        return (Finding(verdict, failed.code, text, evidence, remedy(failed.code)),)
    code, text = _unfinished(run)
    if code is None:
        return ()
    text = f"{text} while {_doing(run.phase)}"
    return (Finding(Verdict.FAIL, code, text, run.output, remedy(code)),)


def judge_neighbours(neighbours: Neighbours | None) -> list[Finding]:
    """Return a note when others use the device: then its timings are not judged."""
    if neighbours is None:
        return []
    busy_pct, processes = neighbours.busy_pct or 0, neighbours.processes or 0
    if busy_pct < BUSY_PCT and not processes:
        return []
    text = f"others use this GPU: {processes} processes, busy {busy_pct}% of the time"
    return [
        Finding(Verdict.PASS, GPU_BUSY, f"{text}: timings are not judged", (), remedy(GPU_BUSY))
    ]


def judge_remarks(run: ChildRun) -> tuple[Finding, ...]:
    """Return what a child told beside its devices."""
    return tuple(
        Finding(one.verdict, one.code, one.text, one.evidence, remedy(one.code))
        for one in run.all(Remark)
    )


def copy_drift(yardsticks: Yardsticks) -> float:
    """Return by what share the copy yardstick changed within the run."""
    before, after = yardsticks.copy_gbps_before, yardsticks.copy_gbps_after
    if not before or not after:
        return 0.0
    return abs(before - after) / max(before, after)


def _unfinished(run: ChildRun) -> tuple[str | None, str]:
    ending = run.ending
    if ending.timed_out:
        return "timeout", f"the device did not answer for {run.wall_s:.0f} s"
    if ending.signal is not None:
        return _name_signal(ending.signal)
    if ending.garbled:
        return "garbled", "the child process said something that is not a result"
    if ending.status or run.last(Done) is None:
        return "ended", f"the process ended early with status {ending.status}"
    return None, ""


def _name_signal(number: int) -> tuple[str, str]:
    if number == signal.SIGABRT:
        return "aborted", "the driver aborted the process"
    if number in _CRASHES:
        return "crashed", f"the driver crashed ({signal.Signals(number).name})"
    return "killed", f"the process was ended by signal {number}"


def _doing(phase: str) -> str:
    """Return a phase as it follows `while`."""
    return phase if " " in phase or phase == "starting" else f"running {phase}"


def _fault(result: CaseResult) -> tuple[str | None, str]:
    if len(set(result.digests)) > 1:
        where = f": {_where(result.difference)}" if result.difference else ""
        return "not-deterministic", f"the same work gave different results{where}"
    if result.difference is not None:
        return _name_difference(result.difference, result.tolerance)
    if result.expected is not None and result.digests and result.digests[0] != result.expected:
        return "wrong-digest", "the result's digest is not the one that is shipped"
    return None, ""


def _name_difference(found: Difference, tolerance: float | None) -> tuple[str, str]:
    if found.not_numbers:
        return "not-a-number", f"{found.not_numbers} values are no numbers: {_where(found)}"
    if found.one_bit:
        return "flipped-bit", f"one bit of one value is wrong: {_where(found)}"
    count = f"{found.wrong} of {found.total} values are wrong"
    if found.at_border:
        return "wrong-border", f"{count}, all of them near the border: {_where(found)}"
    if tolerance:
        return "out-of-tolerance", f"{count} by more than {tolerance:.1e}: {_where(found)}"
    return "wrong-result", f"{count}: {_where(found)}"


def _where(found: Difference) -> str:
    names = ("row", "column", "channel")
    place = ", ".join(f"{name} {at}" for name, at in zip(names, found.first, strict=False))
    value = "no number" if found.found is None else f"{found.found:.9g}"
    return f"at {place} expected {found.expected:.9g}, found {value}"


def _against_limits(timing: Timing, yardsticks: Yardsticks) -> Timing:
    copies = (yardsticks.copy_gbps_before or 0, yardsticks.copy_gbps_after or 0)
    copy, peak = max(copies), yardsticks.peak_gflops
    return dataclasses.replace(
        timing,
        fraction_of_copy=timing.gbps / copy if copy else None,
        fraction_of_peak=timing.gflops * timing.effort / peak if peak else None,
    )


def _judge_speed(
    device: Device, timings: Sequence[Timing], yardsticks: Yardsticks, noise: Noise
) -> list[Finding]:
    drift = copy_drift(yardsticks)
    if drift > COPY_DRIFT_LIMIT:
        text = f"the copy yardstick changed by {drift:.0%} within the run: timings are not judged"
        return [Finding(Verdict.PASS, "noisy-device", text, (), remedy("noisy-device"))]
    if noise.reasons or device.kind == "cpu":
        return []
    return [finding for timing in timings if (finding := _slow(timing)) is not None]


def _slow(timing: Timing) -> Finding | None:
    share = timing.fraction_of_copy
    if share is None or share >= COPY_FLOOR or not timing.case.startswith("separable"):
        return None
    text = f"{timing.case} reached {share:.0%} of the device's own copy speed"
    return Finding(Verdict.WARN, "slow", text, (), remedy("slow"))
