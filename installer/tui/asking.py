"""A question with two answers, over whatever is on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical

from installer.tui.backdrop import QuestionScreen
from installer.tui.lines import Line
from installer.tui.widgets import Action, Actions, Choice, Lines

if TYPE_CHECKING:
    from installer.tui.app import InstallerApp


class Question(QuestionScreen):
    """Asks; ends with the name of the answer, empty for none."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss('')", show=False),
        Binding("down,right", "app.focus_next", show=False),
        Binding("up,left", "app.focus_previous", show=False),
    ]

    def __init__(
        self, lines: Sequence[Line], choices: Sequence[Choice], *, rows: bool = False
    ) -> None:
        super().__init__()
        self._lines = lines
        self._choices = choices
        self._rows = rows

    def compose(self) -> ComposeResult:
        """Yield the question and its answers; the first has the keys."""
        with Vertical(id="box"):
            yield Lines(cast("InstallerApp", self.app).terminal.palette, self._lines, id="body")
            yield Actions(self._choices, rows=self._rows)

    def on_action_pressed(self, message: Action.Pressed) -> None:
        """End with the answer."""
        message.stop()
        self.dismiss(message.choice.name)
