"""Plan: what an install would do, all asked and measured before anything is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from installer.events import Failure
from installer.tui.lines import Line, failure_lines
from installer.tui.planlines import planned_lines
from installer.tui.steps import Step
from installer.tui.stepscreen import StepScreen
from installer.tui.widgets import Choice

if TYPE_CHECKING:
    from installer.plan import Plan

_INSTALL: Final = Choice("install", "Install")
_ON: Final = Choice("on", "Go on")
_AGAIN: Final = Choice("again", "Try again")
_ENGINE: Final = Choice("engine", "Another engine")
_BACK: Final = Choice("back", "Back")


class PlanScreen(StepScreen):
    """Makes the plan, shows it, and asks the one question."""

    step: ClassVar[Step] = Step.PLAN

    def begin(self) -> None:
        """Plan in a thread."""
        self.show([Line("asking the engine and the disks ...")])
        self.ask(self.program.session.make_plan, self._planned, self._refused)

    def chosen(self, name: str) -> None:
        """Install, try again with this or another engine, or go back."""
        if name in (_INSTALL.name, _ON.name):
            self.program.install()
        elif name == _AGAIN.name:
            self.program.go(Step.PLAN)
        elif name == _ENGINE.name:
            self.program.ask_engine()
        else:
            self.action_back()

    def action_back(self) -> None:
        """Go back to who signed it."""
        self.program.go(Step.TRUST)

    def _planned(self, plan: Plan) -> None:
        self.show(planned_lines(plan))
        self.offer(_ON if plan.nothing_to_do else _INSTALL, _BACK, _ENGINE)

    def _refused(self, failure: Failure) -> None:
        self.show(failure_lines(failure))
        self.offer(_AGAIN, _ENGINE, _BACK)
