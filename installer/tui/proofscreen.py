"""What both self-test screens have in common: the table, the bars, and the red panda below."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.widget import Widget
from textual.widgets import Static

from installer.tui.proof import Proof
from installer.tui.prooflines import report_lines
from installer.tui.steps import Step
from installer.tui.stepscreen import StepScreen


def picture_text(proof: Proof) -> Text:
    """Return the pictures that the self-test drew, as it drew them."""
    text = Text("\n", no_wrap=True).join(Text.from_ansi(line) for line in proof.picture)
    if proof.picture:
        text.append(f"\n{proof.caption}")
    return text


class ProofScreen(StepScreen):
    """Shows what a self-test came to."""

    step: ClassVar[Step] = Step.SELFTEST

    def below(self) -> Iterable[Widget]:
        """Yield the picture's place."""
        yield Static("", id="picture", markup=False)

    def show_proof(self, proof: Proof) -> None:
        """Show the table and the pictures."""
        self.show(report_lines(proof.report, self.columns))
        self.query_one("#picture", Static).update(picture_text(proof))
