"""Install: a bar for each image, the whole, the rate, and a graph of it. A sink of the run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Final

from textual import events
from textual.widget import Widget
from textual.widgets import Sparkline

from installer.events import Failure
from installer.tui.lines import Line, Mark, blank, failure_lines
from installer.tui.planlines import first_progress
from installer.tui.progress import RunProgress
from installer.tui.runlines import run_lines
from installer.tui.steps import Step
from installer.tui.stepscreen import StepScreen
from installer.tui.widgets import Choice

if TYPE_CHECKING:
    from installer.planning.outlook import Outlook

_BEGIN: Final = Choice("begin", "Go on with the install")
_STOP: Final = Choice("stop", "Stop")
_ON: Final = Choice("on", "Go on")
_AGAIN: Final = Choice("again", "Try again")
_PLAN: Final = Choice("plan", "Back to the plan")


class InstallScreen(StepScreen):
    """Shows the run; begins it unless a person came back to one that was broken off."""

    step: ClassVar[Step] = Step.INSTALL

    def middle(self) -> Iterable[Widget]:
        """Yield the graph of the rate."""
        yield Sparkline([], id="graph")

    def begin(self) -> None:
        """Show the run as it is; plan anew for one that was broken off before."""
        run = self.program.run_progress
        if self.program.is_installing or run.images or run.finished:
            self.run_changed(run)
        else:
            self.show([Line("asking the engine what is there ...")])
            self.ask(self.program.session.look_ahead, self._planned, self._refused)

    def on_screen_resume(self) -> None:
        """Show what was told while another screen was on."""
        self._redraw()

    def on_resize(self, _event: events.Resize) -> None:
        """Draw the bars anew: they are as wide as the screen."""
        self._redraw()

    def run_changed(self, run: RunProgress) -> None:
        """Show what a run has told so far."""
        if not self.ready:
            return
        begun = run.stages or run.finished or self.program.is_installing
        resumed = () if begun else _resumed_lines()
        self.show([*resumed, *run_lines(run, self.columns)])
        graph = self.query_one("#graph", Sparkline)
        graph.data = list(run.pace.points)
        graph.set_class(bool(run.pace.points), "-shown")
        self.offer(*self._choices(run))

    def chosen(self, name: str) -> None:
        """Begin, stop, go on, or try again."""
        if name == _STOP.name:
            self.program.ask_to_stop()
        elif name == _ON.name:
            self.program.go_on_after_run()
        elif name in (_AGAIN.name, _BEGIN.name):
            self.program.run_again()
        else:
            self.program.go(Step.PLAN)

    def action_back(self) -> None:
        """Stop what runs, after a question; else go back to the plan."""
        if self.program.is_installing:
            self.program.ask_to_stop()
        else:
            self.program.go(Step.PLAN)

    def _redraw(self) -> None:
        run = self.program.run_progress
        if self.program.is_installing or run.images or run.finished:
            self.run_changed(run)

    def _planned(self, outlook: Outlook) -> None:
        if outlook.problems or outlook.plan is None:
            self.program.go(Step.PLAN)
            return
        self.program.run_progress = first_progress(outlook.plan)
        self.run_changed(self.program.run_progress)

    def _refused(self, failure: Failure) -> None:
        self.show(failure_lines(failure))
        self.offer(_PLAN)

    def _choices(self, run: RunProgress) -> tuple[Choice, ...]:
        if self.program.is_installing:
            return (_STOP,)
        if not run.finished:
            return (_BEGIN, _PLAN)
        return (_AGAIN, _PLAN) if run.failure is not None else (_ON,)


def _resumed_lines() -> Iterable[Line]:
    yield Line("An install was broken off here. What it did is marked as done.", mark=Mark.WARN)
    yield Line("Nothing of that is done twice; going on completes it.")
    yield blank()
