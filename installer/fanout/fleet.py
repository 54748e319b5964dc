"""What came of all nodes: the outcomes, how they compare, and one verdict. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from installer.fanout.nodereport import Verdict, worst
from installer.fanout.outcome import NodeOutcome
from installer.fanout.outliers import (
    Oddity,
    Outlier,
    find_oddities,
    find_outliers,
    noisy_nodes,
)


@dataclass(frozen=True, slots=True)
class Fleet:
    """What came of all nodes.

    Attributes:
        way: `slurm` or `ssh`.
        outcomes: one a node, in the order in which they were asked for.
        verdicts: one a node: its own, or a warning when it is slow or odd beside others.
        outliers: figures far from their like, worst first.
        oddities: facts that most nodes share and one does not.
        noisy: nodes whose timings were not compared.
        talk: the last of what `srun` itself said; safe to show.
    """

    way: str
    outcomes: tuple[NodeOutcome, ...]
    verdicts: tuple[Verdict, ...]
    outliers: tuple[Outlier, ...]
    oddities: tuple[Oddity, ...]
    noisy: tuple[str, ...]
    talk: tuple[str, ...]

    @classmethod
    def of(cls, way: str, outcomes: Sequence[NodeOutcome], talk: Sequence[str] = ()) -> Fleet:
        """Compare the nodes."""
        outliers, oddities = find_outliers(outcomes), find_oddities(outcomes)
        beside = {one.node for one in outliers if one.worse} | {one.node for one in oddities}
        return cls(
            way=way,
            outcomes=tuple(outcomes),
            verdicts=tuple(_beside(one, beside) for one in outcomes),
            outliers=outliers,
            oddities=oddities,
            noisy=noisy_nodes(outcomes),
            talk=tuple(talk),
        )

    @property
    def verdict(self) -> Verdict:
        """The worst of all nodes."""
        return worst(*self.verdicts)


def _beside(outcome: NodeOutcome, beside: Collection[str]) -> Verdict:
    return worst(outcome.verdict, Verdict.WARN if outcome.node in beside else Verdict.PASS)
