"""The report for people: plain lines that fit the page, coloured where there are colours.

Everything that a driver said is made printable before; nothing here is measured or judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from selftest.columns import Column, Page, table, wrapped
from selftest.measured import CaseResult, Device, Timing, Verdict
from selftest.model import DeviceReport, Finding, Ratio, Report
from selftest.plaintext import printable
from selftest.remedies import remedy

_SGR: Final[Mapping[Verdict, str]] = {
    Verdict.PASS: "32",
    Verdict.SKIP: "36",
    Verdict.WARN: "33",
    Verdict.FAIL: "1;31",
}
_DEVICE: Final = (
    Column("device", "<"),
    Column("name", "<", least=12),
    Column("verdict", "<"),
    Column("exact"),
    Column("float", spare=True),
    Column("compile", spare=True),
    Column("copy"),
    Column("FMA peak"),
)
_TIMING: Final = (
    Column("case", "<"),
    Column("device", "<"),
    Column("kernel"),
    Column("end to end", spare=True),
    Column("GF/s", spare=True),
    Column("of peak"),
    Column("GB/s", spare=True),
    Column("of copy"),
)
_SHOWN_FAULTS: Final = 5
_SHOWN_EVIDENCE: Final = 12


def report_lines(report: Report, page: Page) -> Iterator[str]:
    """Yield the report's lines."""
    host = report.host
    quota = "" if host.cpu_quota is None else f" (quota {host.cpu_quota:g})"
    yield f"moonlift self-test {report.tool_version}, {report.mode} run"
    system = f"{host.cpu}, {host.cores} cores{quota}, {host.system}, Linux {host.kernel}"
    yield from wrapped(f"{host.name}: {system}", page.width)
    yield ""
    yield from table(_DEVICE, list(_device_rows(report.devices)), page.width)
    if any(one.timings for one in report.devices):
        yield ""
        yield from table(_TIMING, list(_timing_rows(report.devices)), page.width)
    if report.ratios:
        yield ""
    for ratio in report.ratios:
        yield from wrapped(_ratio_line(ratio), page.width)
    yield from _trouble_lines(report, page)
    yield ""
    yield paint(report.verdict, f"{_word(report.verdict)}: {_summary(report)}", page)


def device_lines(devices: Sequence[Device]) -> Iterator[str]:
    """Yield a line for each device."""
    for device in devices:
        uuid = f", UUID {device.uuid}" if device.uuid else ""
        yield f"{device.address}  {device.kind}  {device.name}, driver {device.driver}{uuid}"


def finding_lines(finding: Finding, page: Page, place: str = "") -> Iterator[str]:
    """Yield a finding: what, what was said, what to do."""
    where = f"{place}: " if place else ""
    word = "note" if finding.verdict is Verdict.PASS else _word(finding.verdict)
    head = f"{word} {finding.code}"
    yield from _headed(finding.verdict, head, where + printable(finding.text), page)
    for line in finding.evidence[:_SHOWN_EVIDENCE]:
        yield from wrapped(line, page.width, "    | ", "    |   ")
    if finding.remedy:
        yield from wrapped(finding.remedy, page.width, "    ")


def paint(verdict: Verdict, text: str, page: Page) -> str:
    """Return text in a verdict's colour."""
    return f"\x1b[{_SGR[verdict]}m{text}\x1b[0m" if page.colour else text


def _headed(verdict: Verdict, head: str, text: str, page: Page) -> Iterator[str]:
    """Yield text behind a head in its verdict's colour, which takes no room."""
    first, *rest = wrapped(f"{head}: {text}", page.width)
    yield paint(verdict, first[: len(head)], page) + first[len(head) :]
    yield from rest


def _device_rows(reports: Sequence[DeviceReport]) -> Iterator[tuple[str, ...]]:
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


def _trouble_lines(report: Report, page: Page) -> Iterator[str]:
    for device in report.devices:
        place = f"{device.device.address} {device.device.name}"
        for finding in device.findings:
            yield ""
            yield from finding_lines(finding, page, place)
        yield from _fault_lines(device, page)
    for finding in report.findings:
        yield ""
        yield from finding_lines(finding, page)


def _fault_lines(report: DeviceReport, page: Page) -> Iterator[str]:
    faults = [case for case in report.cases if case.verdict is Verdict.FAIL]
    if faults:
        yield ""
    for case in faults[:_SHOWN_FAULTS]:
        text = f"{report.device.address}: {case.case}: {case.text}"
        yield from _headed(Verdict.FAIL, f"FAIL {case.code}", text, page)
    if len(faults) > _SHOWN_FAULTS:
        yield f"    and {len(faults) - _SHOWN_FAULTS} more; --json tells all"
    for code in dict.fromkeys(case.code for case in faults):
        yield from wrapped(remedy(code or ""), page.width, "    ")


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
