"""Prune: what may go, by the same rules as the command; shown, asked, removed, told."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Final

from installer.events import Failure
from installer.tui import background
from installer.tui.backing import look_for_waste, pruned
from installer.tui.lines import Line, Mark, blank, failure_lines
from installer.tui.stepscreen import PlainScreen
from installer.tui.summing import reported_lines
from installer.tui.widgets import Choice
from manifests.errors import MoonliftError
from manifests.safetext import safe_line

if TYPE_CHECKING:
    from installer.prune.pruning import Asked
    from manifests.prunerules.planner import PrunePlan

_BACK: Final = Choice("back", "Back")
_STOP: Final = Choice("stop", "Stop")
_DO: Final = Choice("do", "Remove what is listed")


class PruneScreen(PlainScreen):
    """Shows what would be removed, and removes it when a person wants that."""

    def __init__(self) -> None:
        super().__init__()
        self._cancel = threading.Event()
        self._removing = False
        self._plan: tuple[PrunePlan, Asked] | None = None
        self._lines: list[Line] = []

    def headline(self) -> str:
        """Return the title."""
        return "Prune"

    def begin(self) -> None:
        """Look what may go."""
        self.show([Line("asking the engine what is used ...")])
        self.offer(_BACK)
        self.ask(lambda: look_for_waste(self.program.session), self._planned, self._refused)

    def chosen(self, name: str) -> None:
        """Remove, stop or go back."""
        if name == _DO.name and self._plan is not None:
            self._carry_out(*self._plan)
        elif name == _STOP.name:
            self._stop()
        else:
            self.action_back()

    def action_back(self) -> None:
        """Go back; while something is removed, stop after it instead."""
        if self._removing:
            self._stop()
        else:
            self.program.pop_screen()

    def action_leave(self) -> None:
        """Leave; while something is removed, stop after it first."""
        if self._removing and not self._cancel.is_set():
            self._stop()
        else:
            super().action_leave()

    def _stop(self) -> None:
        """Stop after the thing at hand; what was removed stays removed."""
        if not self._cancel.is_set():
            self._cancel.set()
            self._add(Line("stopping after the thing at hand ...", mark=Mark.WARN))

    def _planned(self, found: tuple[PrunePlan, Asked]) -> None:
        from manifests.prunerules.texts import plan_lines  # noqa: PLC0415 - only when it is opened

        self._plan = found
        lines = [Line(safe_line(text)) for text in plan_lines(found[0], explain=False)]
        self.show([*lines, blank(), Line("Nothing was removed so far.", mark=Mark.FAINT)])
        self.offer(*((_BACK, _DO) if found[0].going else (_BACK,)))

    def _refused(self, failure: Failure) -> None:
        self._removing = False
        self.show([*self._lines, *failure_lines(failure)])
        self.offer(_BACK)

    def _carry_out(self, plan: PrunePlan, asked: Asked) -> None:
        self._plan, self._lines, self._removing = None, [], True
        self.offer(_STOP)
        background.in_thread(self.post_message, lambda: self._remove(plan, asked))

    def _remove(self, plan: PrunePlan, asked: Asked) -> None:
        """Tell of each thing that was removed; called in a thread."""
        from installer.prune.texts import result_line, summary_lines  # noqa: PLC0415 - as above

        results = []
        try:
            for result in pruned(self.program.session, plan, asked, self._cancel):
                results.append(result)
                self._tell(result_line(result))
        except MoonliftError as error:
            failure = Failure.of(error)
            self._answer(background.Answered(lambda: self._refused(failure)))
            return
        for text in summary_lines(results):
            self._tell(text)
        self._answer(background.Answered(self._ended))

    def _ended(self) -> None:
        self._removing = False
        self._lines += reported_lines(self.program.session)
        self.show(self._lines)
        self.offer(_BACK)

    def _tell(self, text: str) -> None:
        self._answer(background.Answered(lambda: self._add(Line(safe_line(text)))))

    def _answer(self, answer: background.Answered) -> None:
        background.tell(self.post_message, answer)

    def _add(self, line: Line) -> None:
        self._lines.append(line)
        self.show(self._lines)
