"""Summary: what was done, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, ClassVar, Final

from textual.widget import Widget

from installer.events import Stage
from installer.tui.lines import Line, Mark, blank
from installer.tui.picture import Picture
from installer.tui.progress import RunProgress, State
from installer.tui.prooflines import verdict_line
from installer.tui.runlines import end_lines
from installer.tui.servicelines import state_mark
from installer.tui.steps import Step
from installer.tui.stepscreen import StepScreen
from installer.tui.widgets import Choice
from installer.words.app import labels
from manifests.safetext import safe_line

if TYPE_CHECKING:
    from pathlib import Path

    from installer.tui.session import Session

_LEAVE: Final = Choice("leave", "Leave")
_ANOTHER: Final = Choice("another", "Another bundle")


class SummaryScreen(StepScreen):
    """Says what all of it came to."""

    step: ClassVar[Step] = Step.SUMMARY

    def below(self) -> Iterable[Widget]:
        """Yield the red panda once more, if the self-test drew it."""
        yield Picture(self.program.session.proof)

    def begin(self) -> None:
        """Say it."""
        self.show(summary_lines(self.program.run_progress, self.program.session))
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


def summary_lines(run: RunProgress, session: Session) -> Iterator[Line]:
    """Say what a run and the self-test came to."""
    yield from end_lines(run)
    yield blank()
    yield _proof_line(run, session)
    for label, service in zip(labels("services"), run.services, strict=False):
        name = safe_line(service.container or service.service)
        yield Line(f"{name}: {service.state}", label, state_mark(service.state))
    if run.record is not None:
        yield Line(run.record.bundle, "bundle")
        yield Line(run.record.engine, "engine")
        for label, name in zip(labels("names"), run.record.names_set, strict=False):
            yield Line(name, label)
    yield from reported_lines(session)


def reported_lines(session: Session) -> Iterator[Line]:
    """Say where the report of the last run is, and how to see it again."""
    if session.reported is not None:
        yield Line(str(page_of(session.reported)), "report")
        yield Line(f"installer report {session.reported.name}", "")


def page_of(report: Path) -> Path:
    """Return the page of a report's folder."""
    return report / "report.html"


def _proof_line(run: RunProgress, session: Session) -> Line:
    """Say what the self-test came to: of this host, or of its containers."""
    if session.proof is not None:
        line = verdict_line(session.proof.report)
        return Line(f"{line.label}: {line.text}", "self-test", line.mark)
    stage = run.stage(Stage.SELFTEST)
    if stage is not None and stage.state is State.DONE:
        return Line("PASS: containers compute here", "self-test", Mark.GOOD)
    return Line("not run to its end", "self-test", Mark.WARN)
