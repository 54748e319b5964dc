"""What a person is asked, and where: over the screen, or in the place of its actions.

A question about a run stands in the place of the actions: the run stays in sight, and little has
to be painted while it needs the processors. What follows from an answer is the asker's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

from installer.tui.lines import Line, Mark
from installer.tui.widgets import Choice

if TYPE_CHECKING:
    from installer.tui.app import InstallerApp

Then = Callable[[str], None]


@runtime_checkable
class AsksInPlace(Protocol):
    """A screen that has room for a question."""

    def ask_in_place(  # noqa: D102
        self, lines: Sequence[Line], choices: Sequence[Choice], then: Then
    ) -> None: ...


_LEAVE: Final = "The install is not done. Stopping now leaves the old release as it was."
_STOP: Final = "Stop the install? What the engine has already is not sent again."


def ask_over(
    program: InstallerApp, lines: Sequence[Line], choices: Sequence[Choice], then: Then
) -> None:
    """Ask over whatever is on the screen.

    Args:
        program: whose screen.
        lines: the question.
        choices: the answers; Enter gives the first.
        then: called with the name of the answer, empty for none.
    """
    from installer.tui.asking import Question  # noqa: PLC0415 - only when something is asked

    question = Question(lines, choices, rows=True)
    program.push_screen(question, lambda answer: then(answer or ""))


def ask_whether_to_leave(program: InstallerApp, then: Then) -> None:
    """Ask once more while something runs."""
    _ask_of_run(program, _LEAVE, (Choice("", "Stay"), Choice("leave", "Stop it and leave")), then)


def ask_whether_to_stop(program: InstallerApp, then: Then) -> None:
    """Ask whether a run shall be stopped."""
    _ask_of_run(program, _STOP, (Choice("", "Let it run"), Choice("stop", "Stop it")), then)


def _ask_of_run(program: InstallerApp, text: str, choices: Sequence[Choice], then: Then) -> None:
    lines, screen = [Line(text, mark=Mark.WARN)], program.screen
    if isinstance(screen, AsksInPlace):
        screen.ask_in_place(lines, choices, then)
    else:
        ask_over(program, lines, choices, then)
