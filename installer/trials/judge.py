"""What came of a container of the self-test, and of all of them together; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from installer.engines.containers import ContainerRefused, Said
from installer.trials.layers import Layer, first_failure, layer_of_refusal
from installer.trials.refusals import explain
from installer.trials.reports import FAIL, ReportedFinding, TrialReport, read_report
from installer.trials.ways import Way
from manifests.errors import SelftestFailed
from manifests.safetext import safe_line

_LINES: Final = 12
_REPORTING: Final = (0, 13)
"""Statuses with which the self-test ends after it printed a report."""


class Standing(StrEnum):
    """What came of one way."""

    PASSED = "pass"
    FAILED = "fail"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Granted:
    """What a container was to get.

    Attributes:
        gpus: how many; None when that can't be known before.
        host_has_driver: whether the host's driver shows GPUs.
    """

    gpus: int | None
    host_has_driver: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one way.

    Attributes:
        way: how the container came to GPUs.
        standing: what came of it.
        granted: how many GPUs it was to get; None for all there are, whatever their number.
        seconds: wall time.
        layer: the first that fails; None when none does, or it is none of them.
        code: stable; empty when it passed.
        text: what was found, in the words of whoever found it.
        remedy: what to do.
        evidence: lines quoted.
        report: the self-test's; None when it did not come so far.
    """

    way: Way
    standing: Standing
    granted: int | None
    seconds: float = 0.0
    layer: Layer | None = None
    code: str = ""
    text: str = ""
    remedy: str = ""
    evidence: tuple[str, ...] = ()
    report: TrialReport | None = None


def judge_refusal(way: Way, granted: Granted, refusal: ContainerRefused) -> Trial:
    """Return what it means that an engine did not start a container.

    A way to GPUs that the engine does not know, or that does not work here, is not available;
    a container without GPUs must start everywhere.
    """
    known = explain(refusal.words)
    return Trial(
        way=way,
        standing=Standing.FAILED if way is Way.NONE else Standing.UNAVAILABLE,
        granted=granted.gpus,
        layer=layer_of_refusal(known),
        code=known.code,
        text=refusal.words,
        remedy=known.remedy,
    )


def judge_said(way: Way, granted: Granted, said: Said) -> Trial:
    """Return what came of a container that ran."""
    trial = Trial(way, Standing.FAILED, granted.gpus, evidence=_last_lines(said.err))
    if broken := _broken(said):
        return replace(trial, code=broken[0], text=broken[1], remedy=broken[2])
    try:
        return judge_report(way, granted, read_report(said.out))
    except SelftestFailed as error:
        return replace(trial, code=error.code, text=str(error), remedy=error.hint)


def judge_report(way: Way, granted: Granted, report: TrialReport) -> Trial:
    """Return what a report means for a way."""
    failures = [*report.failures, *_missing(way, granted, report)]
    worst = first_failure(failures, host_has_driver=granted.host_has_driver)
    if worst is None:
        standing = Standing.FAILED if report.verdict == FAIL else Standing.PASSED
        return Trial(way, standing, granted.gpus, report.wall_s, report=report)
    layer, found = worst
    where = f"{found.device}: " if found.device else ""
    return Trial(
        way=way,
        standing=Standing.FAILED,
        granted=granted.gpus,
        seconds=report.wall_s,
        layer=layer,
        code=found.code,
        text=f"{where}{found.text}",
        remedy=found.remedy,
        evidence=found.evidence[-_LINES:],
        report=report,
    )


def judge_all(trials: Sequence[Trial], expected: int) -> Standing:
    """Return what all ways come to together.

    Args:
        trials: in the order in which they ran.
        expected: how many GPUs this host must be able to give a container; 0 when it need not.

    Where GPUs are expected, one way that gives them is enough.
    """
    if any(one.standing is Standing.FAILED for one in trials):
        return Standing.FAILED
    given = any(one.way is not Way.NONE and one.standing is Standing.PASSED for one in trials)
    return Standing.FAILED if expected and not given else Standing.PASSED


def _missing(way: Way, granted: Granted, report: TrialReport) -> list[ReportedFinding]:
    """Return what the self-test did not call a failure, and what is one here.

    The image brings OpenCL for processors along: without a device of it, something in the image
    is broken. And the number of GPUs is counted here once more.
    """
    found: list[ReportedFinding] = []
    if not any(one.backend == "opencl" for one in report.devices):
        told = [one for one in report.findings if one.code.startswith("opencl-")]
        found += told or [
            ReportedFinding(FAIL, "opencl-no-platform", "no OpenCL device was tested")
        ]
    least, most = _range(way, granted)
    if not least <= report.gpus <= most:
        code = "gpus-missing" if report.gpus < least else "gpus-extra"
        text = f"expected {_count_text(least, most)}, found {report.gpus}"
        told = [one for one in report.failures if one.code == code]
        found += [] if told else [ReportedFinding(FAIL, code, text, _COUNT_REMEDY[code])]
    return found


_COUNT_REMEDY: Final = {
    "gpus-missing": "The engine granted GPUs that the container does not see: NVIDIA's OpenCL needs"
    " libnvidia-opencl.so.1 in it, thus the capability `compute`.",
    "gpus-extra": "The container sees GPUs that it was not granted: look at the engine's default"
    " runtime and at NVIDIA_VISIBLE_DEVICES in the image (docker inspect).",
}


def _range(way: Way, granted: Granted) -> tuple[int, float]:
    if granted.gpus is not None:
        return granted.gpus, granted.gpus
    return (0, 0) if way is Way.NONE else (1, float("inf"))


def _count_text(least: int, most: float) -> str:
    return f"{least} GPUs" if least == most else f"{least} GPU or more"


def _broken(said: Said) -> tuple[str, str, str] | None:
    """Return code, text and remedy for a container that could not tell how it went."""
    if said.timed_out:
        text = "the container did not end within its deadline and was killed"
        return "container-timeout", text, "A device hangs: look at dmesg; or allow more: --deadline"
    if said.too_much:
        return "container-output", "the container said more than a report has", _WRONG_IMAGE
    if said.out_of_memory:
        text = "the kernel killed the container for lack of memory"
        return "container-memory", text, "Free memory on this host: free -m; dmesg | tail"
    if said.status not in _REPORTING:
        text = f"the container ended with status {said.status} and without a report"
        return "container-ended", text, _WRONG_IMAGE
    return None


_WRONG_IMAGE: Final = (
    "The image must be one that `bundle selftest-image` made; run it by hand with --list"
)


def _last_lines(said: bytes) -> tuple[str, ...]:
    lines = said.decode(errors="replace").splitlines()[-_LINES:]
    return tuple(safe_line(line, limit=300) for line in lines)
