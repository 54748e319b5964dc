"""The report for people: plain lines that fit 100 columns, coloured where there are colours.

Everything that a driver said is made printable before; nothing here is measured or judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from selftest.measured import CaseResult, Device, Timing, Verdict
from selftest.model import DeviceReport, Finding, Ratio, Report
from selftest.plaintext import printable
from selftest.remedies import remedy

_WIDTH: Final = 96
_SGR: Final[Mapping[Verdict, str]] = {
    Verdict.PASS: "32",
    Verdict.SKIP: "36",
    Verdict.WARN: "33",
    Verdict.FAIL: "1;31",
}
_SHOWN_FAULTS: Final = 5
_SHOWN_EVIDENCE: Final = 12


def report_lines(report: Report, *, colour: bool) -> Iterator[str]:
    """Yield the report's lines."""
    host = report.host
    quota = "" if host.cpu_quota is None else f" (quota {host.cpu_quota:g})"
    yield f"moonlift self-test {report.tool_version}, {report.mode} run"
    yield f"{host.name}: {host.cpu}, {host.cores} cores{quota}, {host.system}, Linux {host.kernel}"
    yield ""
    yield from _table(_device_rows(report.devices))
    if any(one.timings for one in report.devices):
        yield ""
        yield from _table(_timing_rows(report.devices))
    if report.ratios:
        yield ""
        yield from map(_ratio_line, report.ratios)
    yield from _trouble_lines(report, colour=colour)
    yield ""
    yield paint(report.verdict, f"{_word(report.verdict)}: {_summary(report)}", colour=colour)


def device_lines(devices: Sequence[Device]) -> Iterator[str]:
    """Yield a line for each device."""
    for device in devices:
        uuid = f", UUID {device.uuid}" if device.uuid else ""
        yield f"{device.address}  {device.kind}  {device.name}, driver {device.driver}{uuid}"


def finding_lines(finding: Finding, *, colour: bool, place: str = "") -> Iterator[str]:
    """Yield a finding: what, what was said, what to do."""
    where = f"{place}: " if place else ""
    word = "note" if finding.verdict is Verdict.PASS else _word(finding.verdict)
    head = f"{word} {finding.code}"
    yield f"{paint(finding.verdict, head, colour=colour)}: {where}{printable(finding.text)}"
    for line in finding.evidence[:_SHOWN_EVIDENCE]:
        yield f"    | {line}"
    if finding.remedy:
        yield from _wrapped(finding.remedy)


def paint(verdict: Verdict, text: str, *, colour: bool) -> str:
    """Return text in a verdict's colour."""
    return f"\x1b[{_SGR[verdict]}m{text}\x1b[0m" if colour else text


def _device_rows(reports: Sequence[DeviceReport]) -> Iterator[tuple[str, ...]]:
    yield ("<device", "<name", "<verdict", ">exact", ">float", ">compile", ">copy", ">FMA peak")
    for report in reports:
        inexact = [case for case in report.cases if case.case.endswith("-float")]
        exact = [case for case in report.cases if case not in inexact]
        compiled, limits = report.compiled, report.yardsticks
        yield (
            report.device.address,
            report.device.name[:36],
            _word(report.verdict),
            _share(exact),
            _share(inexact),
            f"{compiled.compile_ms:.0f} ms" if compiled and compiled.compile_ms else "-",
            f"{limits.copy_gbps_before:.1f} GB/s" if limits.copy_gbps_before else "-",
            f"{limits.peak_gflops:.0f} GF/s" if limits.peak_gflops else "-",
        )


def _share(cases: Sequence[CaseResult]) -> str:
    good = sum(case.verdict is Verdict.PASS for case in cases)
    return f"{good}/{len(cases)}" if cases else "-"


def _timing_rows(reports: Sequence[DeviceReport]) -> Iterator[tuple[str, ...]]:
    yield ("<case", "<device", ">kernel", ">end to end", ">GF/s", ">of peak", ">GB/s", ">of copy")
    cases = {timing.case: None for report in reports for timing in report.timings}
    for case in cases:
        for report in reports:
            for timing in report.timings:
                if timing.case == case:
                    yield _timing_row(report, timing)


def _timing_row(report: DeviceReport, timing: Timing) -> tuple[str, ...]:
    return (
        timing.case,
        report.device.address,
        f"{timing.kernel_ms_min:.2f} ms",
        f"{timing.end_to_end_ms:.2f} ms",
        f"{timing.gflops:.1f}",
        _percent(timing.fraction_of_peak),
        f"{timing.gbps:.1f}",
        _percent(timing.fraction_of_copy),
    )


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _ratio_line(ratio: Ratio) -> str:
    cores = "core" if ratio.reference_cores == 1 else "cores"
    return (
        f"{ratio.case}: {ratio.device} is {ratio.kernel:.1f} times {ratio.reference}"
        f" ({ratio.reference_cores} {cores}), {ratio.end_to_end:.1f} times with transfers"
    )


def _trouble_lines(report: Report, *, colour: bool) -> Iterator[str]:
    for device in report.devices:
        place = f"{device.device.address} {device.device.name}"
        for finding in device.findings:
            yield ""
            yield from finding_lines(finding, colour=colour, place=place)
        yield from _fault_lines(device, colour=colour)
    for finding in report.findings:
        yield ""
        yield from finding_lines(finding, colour=colour)


def _fault_lines(report: DeviceReport, *, colour: bool) -> Iterator[str]:
    faults = [case for case in report.cases if case.verdict is Verdict.FAIL]
    if faults:
        yield ""
    for case in faults[:_SHOWN_FAULTS]:
        head = paint(Verdict.FAIL, f"FAIL {case.code}", colour=colour)
        yield f"{head}: {report.device.address}: {case.case}: {case.text}"
    if len(faults) > _SHOWN_FAULTS:
        yield f"    and {len(faults) - _SHOWN_FAULTS} more; --json tells all"
    for code in dict.fromkeys(case.code for case in faults):
        yield from _wrapped(remedy(code or ""))


def _summary(report: Report) -> str:
    count = len(report.devices)
    devices = "one device" if count == 1 else f"{count} devices"
    match report.verdict:
        case Verdict.FAIL:
            return "don't rely on this machine before the above is mended"
        case Verdict.WARN:
            return f"{devices} right, with the warnings above; {report.wall_s:.1f} s"
    return f"{devices}, every bit right; {report.wall_s:.1f} s"


def _word(verdict: Verdict) -> str:
    return str(verdict).upper()


def _wrapped(text: str) -> Iterator[str]:
    line = "   "
    for word in text.split():
        if len(line) + 1 + len(word) > _WIDTH and line.strip():
            yield line
            line = "   "
        line += f" {word}"
    yield line


def _table(rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """Yield aligned columns; the first row's cells begin with their alignment."""
    heads, *body = rows
    aligned = [head[0] for head in heads]
    cells = [tuple(head[1:] for head in heads), *body]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        parts = (
            f"{cell:{side}{width}}" for cell, side, width in zip(row, aligned, widths, strict=True)
        )
        yield "  ".join(parts).rstrip()
