"""The last thing before the terminal: characters that it can't show are replaced by ones it can."""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter, NoColor

from installer.tui.terminal import Glyphs, Palette, Terminal


def filters_of(terminal: Terminal) -> tuple[LineFilter, ...]:
    """Return what the lines of a screen pass through for this terminal."""
    colours = (NoColor(),) if terminal.palette is Palette.NONE else ()
    characters = () if terminal.glyphs is Glyphs.UNICODE else (Translation(terminal),)
    return (*colours, *characters)


class Translation(LineFilter):
    """Replaces characters, one cell for one cell."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__()
        self._terminal = terminal

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the segments as this terminal can show them."""
        del background
        shown = self._terminal.translated
        return [Segment(shown(text), style, control) for text, style, control in segments]
