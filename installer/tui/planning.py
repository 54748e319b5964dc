"""Plan: what an install would do, all asked and measured before anything is changed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from installer.events import Failure
from installer.tui import detours
from installer.tui.lines import Line, failure_lines
from installer.tui.planlines import BASE_MISSING, base_lines, planned_lines
from installer.tui.steps import Step
from installer.tui.stepscreen import StepScreen
from installer.tui.widgets import Choice

if TYPE_CHECKING:
    from installer.planning.outlook import Outlook

_INSTALL: Final = Choice("install", "Install")
_ON: Final = Choice("install", "Go on")
_AGAIN: Final = Choice("again", "Look again")
_ENGINE: Final = Choice("engine", "Another engine")
_BASE: Final = Choice("base", "Choose the old bundle")
_OTHER_BASE: Final = Choice("base", "Another old bundle")
_LOAD: Final = Choice("load", "Load only, start nothing")
_UNFIT: Final = Choice("unfit", "Accept this host as it is")
_BACK: Final = Choice("back", "Back")
_RUNS_NOTHING: Final = "engine-cannot-run"
_HOST_UNFIT: Final = "host-unfit"


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
        elif name == _UNFIT.name:
            self.program.session.accept_unfit = True
            self.program.go(Step.PLAN)
        elif name == _BASE.name:
            self._choose_base()
        else:
            self.action_back()

    def action_back(self) -> None:
        """Go back to who signed it."""
        self.program.go(Step.TRUST)

    def _choose_base(self) -> None:
        """Look for it beside the one that builds on it: both often lie on one drive."""
        session = self.program.session
        beside = session.bundle.parent if session.bundle is not None else Path.cwd()
        detours.browse_for_base(self.program, beside, self._take_base)

    def _take_base(self, bundle: Path) -> None:
        self.program.session.base_bundle = bundle
        self.program.go(Step.PLAN)

    def _planned(self, outlook: Outlook) -> None:
        base = self.program.session.base_bundle
        self.show(planned_lines(outlook, base))
        codes = {problem.code for problem in outlook.problems}
        if codes:
            accept = (_UNFIT,) if codes == {_HOST_UNFIT} else ()
            self.offer(*self._ways(codes), _AGAIN, _ENGINE, *accept, _BACK)
        else:
            done = outlook.plan is not None and outlook.plan.nothing_to_do
            self.offer(_ON if done else _INSTALL, _BACK, _ENGINE)

    def _ways(self, codes: Collection[str]) -> Iterator[Choice]:
        """Yield what may help against these problems, besides another engine."""
        if BASE_MISSING in codes:
            yield _OTHER_BASE if self.program.session.base_bundle else _BASE
        elif _RUNS_NOTHING in codes:
            yield _LOAD

    def _refused(self, failure: Failure) -> None:
        base = self.program.session.base_bundle
        self.show([*failure_lines(failure), *base_lines(base)])
        self.offer(_AGAIN, _ENGINE, *((_OTHER_BASE,) if base else ()), _BACK)
