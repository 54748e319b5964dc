"""What both self-test screens have in common: the table, the bars, and the red panda below."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.widget import Widget

from installer.tui.picture import Picture
from installer.tui.proof import Proof
from installer.tui.prooflines import report_lines
from installer.tui.steps import Step
from installer.tui.stepscreen import StepScreen


class ProofScreen(StepScreen):
    """Shows what a self-test came to."""

    step: ClassVar[Step] = Step.SELFTEST

    def below(self) -> Iterable[Widget]:
        """Yield the picture's place."""
        yield Picture()

    def show_proof(self, proof: Proof) -> None:
        """Show the table and the pictures."""
        self.show(report_lines(proof.report, self.columns))
        self.query_one(Picture).show(proof)
