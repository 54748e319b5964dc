"""What the self-test found, in lines: a device each, its timings, bars against its limits; pure.

Of the report only what is shown is read, and nothing in it is believed to be of any type.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from installer.stream.testevents import DeviceTested
from installer.trials.reports import ReportedFinding, TrialReport
from installer.tui.gauges import bar_text, cut_text, percent_text
from installer.tui.lines import Line, Mark, blank, head
from manifests.quantities import seconds_text
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue

_MARKS: Final = {"pass": Mark.GOOD, "warn": Mark.WARN, "fail": Mark.BAD}
_NAME: Final = 100
_CASE: Final = 27
"""Cells of a case's name."""
_PERCENT: Final = 21
"""Cells of what stands around a bar."""
_BAR: Final = 30
_BAR_LEAST: Final = 6


@dataclass(frozen=True, slots=True)
class Timed:
    """How fast a device did one case.

    Attributes:
        case: its name.
        kernel_ms: on the device's own clock, the least.
        whole_ms: with transfers; None where that was not told.
        share: of the device's own limit that binds: its copy or its arithmetic; None if unknown.
        limit: which of both.
    """

    case: str
    kernel_ms: float
    whole_ms: float | None
    share: float | None
    limit: str


def report_lines(report: TrialReport, width: int) -> Iterator[Line]:
    """Say what was found on every device, `width` cells wide."""
    yield verdict_line(report)
    yield blank()
    listed = report.document.get("devices")
    timings = [_timings(one) for one in listed] if isinstance(listed, list) else []
    if any(timings):
        yield columns_line()
    for at, device in enumerate(report.devices):
        mark = _MARKS.get(device.verdict, Mark.PLAIN)
        name = safe_line(device.name, limit=_NAME)
        yield Line(f"{device.verdict.upper():<5} {device.address}  {name}", mark=mark)
        for timed in timings[at] if at < len(timings) else ():
            yield _timed_line(timed, width)
    for finding in report.findings:
        yield from _finding_lines(finding)


def tested_lines(tested: Sequence[DeviceTested], width: int) -> Iterator[Line]:
    """Say what was found on the devices that containers got."""
    if any(one.figures for one in tested):
        yield columns_line()
    for one in tested:
        mark = _MARKS.get(one.verdict, Mark.PLAIN)
        name = safe_line(f"{one.place}: {one.address}  {one.name}", limit=_NAME)
        yield Line(f"{safe_line(one.verdict).upper():<5} {name}", mark=mark)
        for figure in one.figures:
            timed = Timed(figure.case, figure.milliseconds, None, figure.fraction, "its limit")
            yield _timed_line(timed, width)


def verdict_line(report: TrialReport) -> Line:
    """Say what all of it comes to."""
    mark = _MARKS.get(report.verdict, Mark.PLAIN)
    devices = len(report.devices)
    what = f"{devices} device{'' if devices == 1 else 's'} in {seconds_text(report.wall_s)}"
    good = report.verdict in ("pass", "warn")
    word = "every result is right" if good else "this machine does not compute as it must"
    return Line(f"{word}: {what}", report.verdict.upper(), mark)


def columns_line() -> Line:
    """Return what stands above the timings."""
    return head(f"  {'case':<{_CASE}}{'kernel':>11}{'with copy':>11}  of the device's limit")


def _timed_line(timed: Timed, width: int) -> Line:
    text = f"  {cut_text(timed.case, _CASE):<{_CASE}}"
    text += f"{_ms(timed.kernel_ms):>11}{_ms(timed.whole_ms) if timed.whole_ms else '-':>11}"
    bar = max(_BAR_LEAST, min(_BAR, width - len(text) - _PERCENT))
    if timed.share is not None:
        text += f"  {bar_text(timed.share, bar)} {percent_text(timed.share)} of {timed.limit}"
    return Line(text)


def _finding_lines(finding: ReportedFinding) -> Iterator[Line]:
    where = f"{finding.device}: " if finding.device else ""
    word = "note" if finding.verdict == "pass" else finding.verdict.upper()
    yield Line(f"{where}{finding.text}", word, _mark(finding))
    yield Line(finding.code, "code")
    for line in finding.evidence[:5]:
        yield Line(line, "", Mark.FAINT)
    if finding.remedy:
        yield Line(safe_line(finding.remedy), "next")


def _mark(finding: ReportedFinding) -> Mark:
    return _MARKS.get(finding.verdict, Mark.PLAIN) if finding.verdict != "pass" else Mark.PLAIN


def _timings(device: JsonValue) -> Sequence[Timed]:
    listed = device.get("timings") if isinstance(device, dict) else None
    items = listed if isinstance(listed, list) else []
    return [timed for one in items if isinstance(one, dict) and (timed := _timed(one)) is not None]


def _timed(timing: Mapping[str, JsonValue]) -> Timed | None:
    kernel, whole = _number(timing, "kernel_ms_min"), _number(timing, "end_to_end_ms")
    if kernel is None or whole is None:
        return None
    copy, peak = _number(timing, "fraction_of_copy"), _number(timing, "fraction_of_peak")
    shares = [(share, name) for share, name in ((copy, "copy"), (peak, "peak")) if share]
    share, limit = max(shares, default=(None, ""), key=lambda one: one[0] or 0.0)
    return Timed(safe_line(str(timing.get("case", "")), limit=_NAME), kernel, whole, share, limit)


def _number(timing: Mapping[str, JsonValue], name: str) -> float | None:
    value = timing.get(name)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _ms(milliseconds: float) -> str:
    return f"{milliseconds:.2f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.2f} s"
