"""Another container engine, by the words of the command line's `--engine`."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input

from installer.tui.backdrop import QuestionScreen
from installer.tui.lines import Line, head
from installer.tui.terminal import Palette
from installer.tui.widgets import Lines


class EngineQuestion(QuestionScreen):
    """Asks for an engine; ends with what was typed, empty for no change."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss('')", show=False)]

    def __init__(self, engine: str, palette: Palette) -> None:
        super().__init__()
        self._engine = engine
        self._palette = palette

    def compose(self) -> ComposeResult:
        """Yield what can be typed, and the field."""
        lines = [
            head("Which engine takes the images?"),
            Line("the one that answers", "auto"),
            Line("Docker at its usual socket", "docker"),
            Line("Docker at another one", "docker:PATH"),
            Line("no engine: a folder in OCI layout", "layout:DIR"),
        ]
        with Vertical(id="box"):
            yield Lines(self._palette, lines)
            yield Vertical(Input(self._engine, id="engine"), classes="field")

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """End with what was typed."""
        message.stop()
        self.dismiss(message.value.strip())
