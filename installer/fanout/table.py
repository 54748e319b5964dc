"""The fleet for people: a row a node and device, worst first, then what is wrong in words."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from typing import Final

from installer.fanout.fleet import Fleet
from installer.fanout.nodereport import NodeCase, NodeDeviceReport, Verdict, worst
from installer.fanout.outcome import NodeOutcome, Trouble
from installer.fanout.outliers import Outlier
from manifests.safetext import safe_line

WIDTH: Final = 96
_HEADS: Final = (
    "<node",
    "<device",
    "<name",
    "<verdict",
    ">exact",
    ">compile",
    ">copy",
    ">FMA peak",
    "<remarks",
)
_SHOWN_TROUBLES: Final = 40
_SHOWN_OUTLIERS: Final = 20
_SHOWN_NODES: Final = 8
_UNEXPLAINED: Final = ("not-started", "broken-off", "timeout")
_DIGITS: Final = re.compile(r"([0-9]+)")


def fleet_lines(fleet: Fleet) -> Iterator[str]:
    """Yield the table, what is wrong, and what it all comes to."""
    yield from _table(_rows(fleet))
    yield from _trouble_lines(fleet)
    yield from _beside_lines(fleet)
    if fleet.talk and _needs_talk(fleet):
        yield ""
        yield "srun said:"
        yield from (f"    | {line}" for line in fleet.talk)
    yield ""
    yield from _wrapped(f"{_word(fleet.verdict)}: {_summary(fleet)}", "")


def _needs_talk(fleet: Fleet) -> bool:
    """Tell whether only `srun` knows what happened."""
    return any(why.code in _UNEXPLAINED for one in fleet.outcomes for why in one.troubles)


def name_nodes(nodes: Sequence[str]) -> str:
    """Return the first nodes' names, and how many more there are."""
    shown = ", ".join(safe_line(one, limit=80) for one in nodes[:_SHOWN_NODES])
    more = len(nodes) - _SHOWN_NODES
    return f"{shown} and {more} more" if more > 0 else shown


def _rows(fleet: Fleet) -> Iterator[tuple[str, ...]]:
    pairs = zip(fleet.outcomes, fleet.verdicts, strict=True)
    for outcome, verdict in sorted(pairs, key=_badness):
        node = safe_line(outcome.node, limit=40)
        if outcome.report is None or not outcome.report.devices:
            codes = ", ".join(one.code for one in outcome.troubles) or "no devices"
            yield (node, "-", "-", _word(verdict), "-", "-", "-", "-", codes)
            continue
        for one in sorted(outcome.report.devices, key=lambda one: -_rank(one.verdict)):
            beside = [why.verdict for why in outcome.troubles]
            beside += [Verdict.WARN for far in _outliers(fleet, outcome, one) if far.worse]
            cells = _device_cells(one, worst(one.verdict, *beside))
            yield (node, *cells, _remarks(fleet, outcome, one))


def _badness(pair: tuple[NodeOutcome, Verdict]) -> tuple[int, bool, list[tuple[int, str]]]:
    outcome, verdict = pair
    return -_rank(verdict), outcome.report is not None, _natural(outcome.node)


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that puts node9 before node10."""
    parts = _DIGITS.split(name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts if part]


def _rank(verdict: Verdict) -> int:
    return list(Verdict).index(verdict)


def _device_cells(report: NodeDeviceReport, verdict: Verdict) -> tuple[str, ...]:
    limits, compiled = report.yardsticks, report.compiled
    return (
        report.device.address,
        report.device.name[:28],
        _word(verdict),
        _share([one for one in report.cases if not one.case.endswith("-float")]),
        f"{compiled.compile_ms:.0f} ms" if compiled and compiled.compile_ms else "-",
        f"{limits.copy_gbps_before:.1f} GB/s" if limits.copy_gbps_before else "-",
        f"{limits.peak_gflops:.0f} GF/s" if limits.peak_gflops else "-",
    )


def _share(cases: Sequence[NodeCase]) -> str:
    good = sum(case.verdict is Verdict.PASS for case in cases)
    return f"{good}/{len(cases)}" if cases else "-"


def _remarks(fleet: Fleet, outcome: NodeOutcome, report: NodeDeviceReport) -> str:
    own = [one.code for one in report.findings] + [one.code for one in outcome.troubles]
    own += [one.code or "failed" for one in report.cases if one.verdict is Verdict.FAIL]
    own += [
        f"{one.figure.name} {one.change_pct:+.0f}%" for one in _outliers(fleet, outcome, report)
    ]
    if outcome.node in fleet.noisy:
        own.append("noisy")
    distinct = list(dict.fromkeys(own))
    return ", ".join(distinct[:3]) + (", ..." if len(distinct) > 3 else "")


def _outliers(fleet: Fleet, outcome: NodeOutcome, report: NodeDeviceReport) -> list[Outlier]:
    whose = (outcome.node, report.device.address)
    return [one for one in fleet.outliers if (one.node, one.device) == whose]


def _trouble_lines(fleet: Fleet) -> Iterator[str]:
    """Yield what is wrong, once for all nodes of which the same is to be said."""
    groups: dict[Trouble, list[str]] = {}
    for outcome in fleet.outcomes:
        for one in _troubles(outcome):
            groups.setdefault(one, []).append(outcome.node)
    ordered = sorted(groups.items(), key=lambda item: -_rank(item[0].verdict))
    for one, nodes in ordered[:_SHOWN_TROUBLES]:
        yield ""
        yield from _wrapped(f"{_word(one.verdict)} {one.code}: {name_nodes(nodes)}: {one.text}", "")
        yield from (f"    | {line}" for line in one.evidence)
        if one.remedy:
            yield from _wrapped(f"    -> {one.remedy}", "       ")
    if len(ordered) > _SHOWN_TROUBLES:
        yield ""
        yield f"and {len(ordered) - _SHOWN_TROUBLES} more; --json tells all"


def _troubles(outcome: NodeOutcome) -> Iterator[Trouble]:
    """Yield what is wrong with a node: what was seen from here, and what it found itself."""
    yield from outcome.troubles
    if outcome.report is None:
        return
    findings = [(one, "") for one in outcome.report.findings]
    for device in outcome.report.devices:
        findings += [(one, f"{device.device.address}: ") for one in device.findings]
        wrong = [one for one in device.cases if one.verdict is Verdict.FAIL]
        for case in wrong[:1]:
            more = f" (and {len(wrong) - 1} more cases)" if len(wrong) > 1 else ""
            text = f"{device.device.address}: {case.case}: {case.text}{more}"
            yield Trouble(Verdict.FAIL, case.code or "failed", text)
    for found, place in findings:
        if found.verdict in (Verdict.WARN, Verdict.FAIL):
            text, evidence = f"{place}{found.text}", found.evidence[:8]
            yield Trouble(found.verdict, found.code, text, evidence, found.remedy)


def _beside_lines(fleet: Fleet) -> Iterator[str]:
    if fleet.outliers or fleet.oddities or fleet.noisy:
        yield ""
    for outlier in fleet.outliers[:_SHOWN_OUTLIERS]:
        word = "WARN" if outlier.worse else "note"
        yield from _wrapped(f"{word} {outlier.node} {outlier.device}: {outlier.text}")
    if len(fleet.outliers) > _SHOWN_OUTLIERS:
        yield f"and {len(fleet.outliers) - _SHOWN_OUTLIERS} more; --json tells all"
    for odd in fleet.oddities[:_SHOWN_OUTLIERS]:
        yield from _wrapped(f"WARN {odd.node}: {odd.text}")
    if fleet.noisy:
        yield from _wrapped(f"not compared, too busy for timings: {name_nodes(fleet.noisy)}")


def _summary(fleet: Fleet) -> str:
    total = len(fleet.outcomes)
    failed = [
        one.node
        for one, verdict in zip(fleet.outcomes, fleet.verdicts, strict=True)
        if verdict is Verdict.FAIL
    ]
    if failed:
        silent = sum(one.report is None for one in fleet.outcomes)
        quiet = f", {silent} of them without a report" if silent else ""
        return f"{len(failed)} of {_nodes(total)}{quiet}: {name_nodes(failed)}"
    if fleet.verdict is Verdict.WARN:
        return f"{_nodes(total)} right, with the warnings above"
    return f"{_nodes(total)}, every bit right"


def _nodes(count: int) -> str:
    return f"{count} node{'' if count == 1 else 's'}"


def _word(verdict: Verdict) -> str:
    return str(verdict).upper()


def _wrapped(text: str, indent: str = "    ") -> Iterator[str]:
    yield from textwrap.wrap(
        text,
        WIDTH,
        subsequent_indent=indent or "    ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def _table(rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    """Yield aligned columns."""
    cells = [tuple(head[1:] for head in _HEADS), *rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        parts = (
            f"{cell:{head[0]}{width}}"
            for head, cell, width in zip(_HEADS, row, widths, strict=True)
        )
        yield "  ".join(parts).rstrip()
