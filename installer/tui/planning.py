"""Plan: what an install would do, all asked and measured before anything is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from installer.events import Failure
from installer.tui import detours
from installer.tui.lines import Line, failure_lines
from installer.tui.planlines import planned_lines
from installer.tui.steps import Step
from installer.tui.stepscreen import StepScreen
from installer.tui.widgets import Choice

if TYPE_CHECKING:
    from installer.planning.outlook import Outlook

_INSTALL: Final = Choice("install", "Install")
_ON: Final = Choice("install", "Go on")
_AGAIN: Final = Choice("again", "Look again")
_ENGINE: Final = Choice("engine", "Another engine")
_LOAD: Final = Choice("load", "Load only, start nothing")
_BACK: Final = Choice("back", "Back")
_RUNS_NOTHING: Final = "engine-cannot-run"


class PlanScreen(StepScreen):
    """Makes the plan, shows it, and asks the one question."""

    step: ClassVar[Step] = Step.PLAN

    def begin(self) -> None:
        """Plan in a thread."""
        self.show([Line("asking the engine, the drive and the disks ...")])
        self.ask(self.program.session.look_ahead, self._planned, self._refused)

    def chosen(self, name: str) -> None:
        """Install, look again with this or another engine, or go back."""
        if name == _INSTALL.name:
            self.program.install()
        elif name == _AGAIN.name:
            self.program.go(Step.PLAN)
        elif name == _ENGINE.name:
            detours.ask_engine(self.program)
        elif name == _LOAD.name:
            self.program.session.start = False
            self.program.go(Step.PLAN)
        else:
            self.action_back()

    def action_back(self) -> None:
        """Go back to who signed it."""
        self.program.go(Step.TRUST)

    def _planned(self, outlook: Outlook) -> None:
        self.show(planned_lines(outlook))
        codes = {problem.code for problem in outlook.problems}
        if codes:
            load = (_LOAD,) if _RUNS_NOTHING in codes else ()
            self.offer(*load, _AGAIN, _ENGINE, _BACK)
        else:
            done = outlook.plan is not None and outlook.plan.nothing_to_do
            self.offer(_ON if done else _INSTALL, _BACK, _ENGINE)

    def _refused(self, failure: Failure) -> None:
        self.show(failure_lines(failure))
        self.offer(_AGAIN, _ENGINE, _BACK)
