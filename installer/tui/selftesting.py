"""Self-test within an install: after everything is loaded, before anything is switched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from textual import events

from installer.events import Stage
from installer.tui.lines import Line, Mark, blank, failure_lines
from installer.tui.progress import RunProgress, State
from installer.tui.prooflines import tested_lines
from installer.tui.proofscreen import ProofScreen
from installer.tui.runlines import end_lines
from installer.tui.steps import Step
from installer.tui.widgets import Choice
from manifests.errors import ExitCode
from manifests.safetext import safe_line

_STOP: Final = Choice("stop", "Stop")
_ON: Final = Choice("on", "Go on")
_AGAIN: Final = Choice("again", "Test again")
_ANYWAY: Final = Choice("anyway", "Install it all the same")
_PLAN: Final = Choice("plan", "Back to the plan")


class SelftestScreen(ProofScreen):
    """Shows the run's self-test; a failed one leaves the choice to go on."""

    def begin(self) -> None:
        """Show the run as it is."""
        self.run_changed(self.program.run_progress)

    def on_resize(self, _event: events.Resize) -> None:
        """Draw the bars anew: they are as wide as the screen."""
        self.run_changed(self.program.run_progress)

    def on_screen_resume(self) -> None:
        """Show what was told while another screen was on."""
        self.run_changed(self.program.run_progress)

    def run_changed(self, run: RunProgress) -> None:
        """Show what a run has told so far."""
        if not self.ready:
            return
        proof = self.program.session.proof
        if proof is None:
            self.show(trial_lines(run, self.columns))
        else:
            self.show_proof(proof)
        self.offer(*self._choices(run))

    def chosen(self, name: str) -> None:
        """Stop, go on, or try again."""
        if name == _STOP.name:
            self.program.ask_to_stop()
        elif name == _ON.name:
            self.program.go_on_after_run()
        elif name in (_AGAIN.name, _ANYWAY.name):
            self.program.session.accept_failed = name == _ANYWAY.name
            self.program.run_again()
        else:
            self.program.go(Step.PLAN)

    def action_back(self) -> None:
        """Stop what runs, after a question; else look at what was loaded."""
        if self.program.is_installing:
            self.program.ask_to_stop()
        else:
            self.program.go(Step.INSTALL)

    def _choices(self, run: RunProgress) -> tuple[Choice, ...]:
        if self.program.is_installing:
            return (_STOP,)
        if run.failure is None:
            return (_ON,)
        failed = run.failure.exit_code is ExitCode.SELFTEST_FAILED
        return (_AGAIN, *((_ANYWAY,) if failed else ()), _PLAN)


def trial_lines(run: RunProgress, width: int) -> Iterator[Line]:
    """Say what came of each container so far, and what is being tested."""
    stage = run.stage(Stage.SELFTEST)
    yield Line("this machine convolves pictures, bit by bit ...")
    yield blank()
    for note in run.notes:
        if note.stage is Stage.SELFTEST:
            bad = "failed" in note.code
            for text in note.text.splitlines():
                yield Line(safe_line(text), mark=Mark.BAD if bad else Mark.PLAIN)
    yield from tested_lines(run.tested, width)
    if stage is not None and stage.state is State.RUNNING and run.subject:
        yield Line(safe_line(run.subject), "testing", Mark.FAINT)
    if run.failure is not None and not run.finished:
        yield from failure_lines(run.failure)
    yield from end_lines(run)
