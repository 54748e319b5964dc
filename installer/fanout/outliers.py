"""How nodes compare: figures far from the median, and facts that one does not share.

Pure. A figure is compared among devices of the same backend and name, on nodes that were quiet,
when there are three or more. Far is more than 3.5 times the scaled median absolute deviation
(Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993) and more than a share of the median,
so that a fleet of twins is not blamed for its last digit. No datasheet is needed.
"""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from installer.fanout.nodereport import NodeDeviceReport, NodeReport
from installer.fanout.outcome import NodeOutcome

LEAST: Final = 3
"""Fewer are not compared."""
_BUSY: Final = "gpu-busy"
"""Code of the self-test's note that others used a device: its timings say nothing of it."""
_CUTOFF: Final = 3.5
_SCALE: Final = 1.4826
"""Makes the MAD of a normal distribution its standard deviation."""
_SHARE: Final = 0.10
_COMPILE_SHARE: Final = 0.50


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of one device.

    Attributes:
        name: which.
        unit: its own.
        value: in that unit.
        more_is_better: what far means for a person.
        share: of the median, that it may differ at least.
    """

    name: str
    unit: str
    value: float
    more_is_better: bool = True
    share: float = _SHARE


@dataclass(frozen=True, slots=True)
class Outlier:
    """A figure that is far from its like.

    Attributes:
        node: whose.
        device: its address there.
        figure: which, with unit and value.
        median: of all.
        mad: their median absolute deviation.
        count: how many were compared.
    """

    node: str
    device: str
    figure: Figure
    median: float
    mad: float
    count: int

    @property
    def worse(self) -> bool:
        """Whether it is the slow kind of far."""
        return (self.figure.value < self.median) is self.figure.more_is_better

    @property
    def change_pct(self) -> float:
        """How far from the median, in percent of it."""
        return 100 * (self.figure.value - self.median) / self.median

    @property
    def text(self) -> str:
        """The same in words."""
        side = "below" if self.figure.value < self.median else "above"
        word = "slow" if self.worse else "fast"
        name, unit = self.figure.name, self.figure.unit
        return (
            f"{word}: {name} {self.figure.value:.4g} {unit}, {abs(self.change_pct):.0f}% {side}"
            f" the median {self.median:.4g} {unit} of {self.count} (MAD {self.mad:.2g})"
        )


@dataclass(frozen=True, slots=True)
class Oddity:
    """A fact of one node that is another on most.

    Attributes:
        node: whose.
        fact: which.
        found: there.
        common: on most.
        share: on how many of how many.
    """

    node: str
    fact: str
    found: str
    common: str
    share: tuple[int, int]

    @property
    def text(self) -> str:
        """The same in words."""
        most, total = self.share
        return f"{self.fact}: {self.found}, where {most} of {total} have {self.common}"


def find_outliers(outcomes: Sequence[NodeOutcome]) -> tuple[Outlier, ...]:
    """Return the figures that are far from their like, the farthest first."""
    found: list[Outlier] = []
    for group in _groups(outcomes).values():
        if len(group) >= LEAST:
            found += _far(group)
    return tuple(sorted(found, key=lambda one: (not one.worse, -abs(one.change_pct), one.node)))


def noisy_nodes(outcomes: Sequence[NodeOutcome]) -> tuple[str, ...]:
    """Return the nodes whose timings are not compared."""
    return tuple(one.node for one in outcomes if one.report and one.report.noise.reasons)


def find_oddities(outcomes: Sequence[NodeOutcome]) -> tuple[Oddity, ...]:
    """Return the facts that more than half of the nodes share and some don't."""
    facts: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for outcome in outcomes:
        if outcome.report is not None:
            for fact, value in _facts(outcome.report):
                facts[fact][outcome.node] = value
    return tuple(odd for fact, values in facts.items() for odd in _odd(fact, values))


_Entry = tuple[str, str, Figure]


def _groups(
    outcomes: Sequence[NodeOutcome],
) -> dict[tuple[str, str, str], list[_Entry]]:
    groups: defaultdict[tuple[str, str, str], list[_Entry]] = defaultdict(list)
    for outcome in outcomes:
        if outcome.report is None or outcome.report.noise.reasons:
            continue
        for one in outcome.report.devices:
            if any(finding.code == _BUSY for finding in one.findings):
                continue
            for figure in _figures(one):
                key = (one.device.backend, one.device.name, figure.name)
                groups[key].append((outcome.node, one.device.address, figure))
    return groups


def _figures(report: NodeDeviceReport) -> Iterator[Figure]:
    limits, compiled = report.yardsticks, report.compiled
    if limits.copy_gbps_before:
        yield Figure("copy", "GB/s", limits.copy_gbps_before)
    if limits.peak_gflops:
        yield Figure("FMA peak", "GF/s", limits.peak_gflops)
    if compiled and compiled.compile_ms:
        yield Figure(
            "compile", "ms", compiled.compile_ms, more_is_better=False, share=_COMPILE_SHARE
        )
    for timing in report.timings:
        if timing.kernel_ms_min:
            yield Figure(timing.case, "ms", timing.kernel_ms_min, more_is_better=False)


def _far(group: Sequence[_Entry]) -> Iterator[Outlier]:
    values = [figure.value for _, _, figure in group]
    median = statistics.median(values)
    mad = statistics.median(abs(value - median) for value in values)
    for node, device, figure in group:
        if abs(figure.value - median) > max(_CUTOFF * _SCALE * mad, figure.share * median):
            yield Outlier(node, device, figure, median, mad, len(group))


def _facts(report: NodeReport) -> Iterator[tuple[str, str]]:
    yield "moonlift", report.tool_version
    devices = [one.device for one in report.devices]
    for (backend, name), count in Counter((one.backend, one.name) for one in devices).items():
        yield f"devices {backend} {name}", str(count)
    for one in devices:
        yield f"driver of {one.backend} {one.name}", one.driver


def _odd(fact: str, values: dict[str, str]) -> Iterator[Oddity]:
    common, most = Counter(values.values()).most_common(1)[0]
    if len(values) >= LEAST and 2 * most > len(values):
        for node, value in values.items():
            if value != common:
                yield Oddity(node, fact, value, common, (most, len(values)))
