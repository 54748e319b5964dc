"""What is seen behind a question: the text of the screen below it, faint, drawn once.

Textual would tint each character of that screen anew whenever the question is painted, more than
once before it is first seen: too long while an install needs the processors.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from rich.segment import Segment
from rich.style import Style
from textual.color import TRANSPARENT
from textual.geometry import Size
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen
from textual.strip import Strip

from installer.tui.style import BACKDROP

if TYPE_CHECKING:
    from installer.tui.app import InstallerApp


class QuestionScreen(ModalScreen[str]):
    """Stands over a screen that does not change meanwhile; ends with an answer, empty for none."""

    def __init__(self) -> None:
        super().__init__()
        self._faint: tuple[Strip, ...] = ()
        self._drawn_for = Size(0, 0)

    def render_line(self, y: int) -> Strip:
        """Return a row of what is seen around the question."""
        if self.size != self._drawn_for:
            self._faint, self._drawn_for = tuple(self._behind()), self.size
        return self._faint[y] if y < len(self._faint) else Strip.blank(self.size.width)

    def _behind(self) -> Iterator[Strip]:
        program = cast("InstallerApp", self.app)
        stack, style = program.screen_stack, Style.parse(BACKDROP[program.terminal.palette])
        below = BackgroundScreen(stack[stack.index(self) - 1], TRANSPARENT)
        width = self.size.width
        for row in Segment.split_lines(program.console.render(below)):
            text = "".join(part.text for part in row if not part.control)
            yield Strip([Segment(text, style)]).adjust_cell_length(width, style)
