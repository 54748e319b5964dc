"""Summary: what was done, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Final

from installer.tui.lines import Line, Mark, blank
from installer.tui.prooflines import verdict_line
from installer.tui.runlines import end_lines
from installer.tui.steps import Step
from installer.tui.stepscreen import StepScreen
from installer.tui.widgets import Choice

if TYPE_CHECKING:
    from installer.trials.reports import TrialReport
    from installer.tui.progress import RunProgress

_LEAVE: Final = Choice("leave", "Leave")
_ANOTHER: Final = Choice("another", "Another bundle")


class SummaryScreen(StepScreen):
    """Says what all of it came to."""

    step: ClassVar[Step] = Step.SUMMARY

    def begin(self) -> None:
        """Say it."""
        self.show(summary_lines(self.program.run_progress, self.program.proved))
        self.offer(_LEAVE, _ANOTHER)

    def chosen(self, name: str) -> None:
        """Leave, or begin again."""
        if name == _ANOTHER.name:
            self.program.go(Step.CHOOSE)
        else:
            self.program.leave()

    def action_back(self) -> None:
        """Look at the run again."""
        self.program.go(Step.INSTALL)


def summary_lines(run: RunProgress, proved: TrialReport | None) -> Iterator[Line]:
    """Say what a run and the self-test came to."""
    yield from end_lines(run)
    yield blank()
    if proved is None:
        yield Line("not run to its end", "self-test", Mark.WARN)
    else:
        line = verdict_line(proved)
        yield Line(f"{line.label}: {line.text}", "self-test", line.mark)
    if run.record is not None:
        yield Line(run.record.bundle, "bundle")
        yield Line(run.record.engine, "engine")
        for at, name in enumerate(run.record.names_set):
            yield Line(name, "" if at else "names")
