"""Start: the services as they come up, then how they are, looked at again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from installer.events import Failure
from installer.tui.lines import Line, Mark, blank
from installer.tui.progress import RunProgress
from installer.tui.servicelines import starting_lines, status_lines
from installer.tui.steps import Step
from installer.tui.stepscreen import StepScreen
from installer.tui.widgets import Choice
from manifests.safetext import safe_line

if TYPE_CHECKING:
    from installer.app.status import AppStatus

INTERVAL: Final = 2.0
"""Seconds between two looks at the services."""
_STOP: Final = Choice("stop", "Stop")
_ON: Final = Choice("on", "Go on")
_AGAIN: Final = Choice("again", "Try again")
_PLAN: Final = Choice("plan", "Back to the plan")


class StartScreen(StepScreen):
    """Shows what becomes of each service."""

    step: ClassVar[Step] = Step.START

    def __init__(self) -> None:
        super().__init__()
        self._status: tuple[Line, ...] = ()
        self._looking = False

    def begin(self) -> None:
        """Show the run as it is, and begin to look at the services."""
        self.run_changed(self.program.run_progress)
        self.set_interval(INTERVAL, self._look)

    def on_screen_resume(self) -> None:
        """Show what was told while another screen was on."""
        self.run_changed(self.program.run_progress)

    def run_changed(self, run: RunProgress) -> None:
        """Show what a run has told so far."""
        if not self.ready:
            return
        self.show([*starting_lines(run), *self._status])
        self.offer(*self._choices(run))
        if run.finished:
            self._look()

    def chosen(self, name: str) -> None:
        """Stop, go on, or try again."""
        if name == _STOP.name:
            self.program.ask_to_stop()
        elif name == _ON.name:
            self.program.go_on_after_run()
        elif name == _AGAIN.name:
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
        return (_AGAIN, _PLAN) if run.failure is not None else (_ON,)

    def _look(self) -> None:
        run = self.program.run_progress
        if run.finished and run.failure is None and not self._looking:
            self._looking = True
            self.ask(self.program.session.app_status, self._looked, self._blind)

    def _looked(self, status: AppStatus | None) -> None:
        self._looking = False
        if status is not None:
            self._show_status(blank(), *status_lines(status))

    def _blind(self, failure: Failure) -> None:
        self._looking = False
        self._show_status(blank(), Line(safe_line(failure.message), "unknown", Mark.WARN))

    def _show_status(self, *lines: Line) -> None:
        if lines != self._status:
            self._status = lines
            self.show([*starting_lines(self.program.run_progress), *lines])
