"""What is seen behind a question: the text of the screen below it, faint, drawn once.

Textual would tint each character of that screen anew whenever the question is painted, three times
before it is first seen: too long while an install needs the processors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from rich.style import Style
from textual.color import TRANSPARENT
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen

from installer.tui.style import BACKDROP

if TYPE_CHECKING:
    from installer.tui.app import InstallerApp


class Backdrop:
    """A screen's text as it was when it was first asked for in a size."""

    def __init__(self, below: BackgroundScreen, style: Style) -> None:
        self._picture = BackgroundScreen(below.screen, TRANSPARENT)
        self._style = style
        self._kept: dict[tuple[int, int], list[Segment]] = {}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield its rows."""
        if options.size not in self._kept:
            drawn = Segment.split_lines(console.render(self._picture, options))
            rows = ("".join(part.text for part in row if not part.control) for row in drawn)
            self._kept[options.size] = [Segment(f"{row}\n", self._style) for row in rows]
        yield from self._kept[options.size]


class QuestionScreen(ModalScreen[str]):
    """Stands over a screen that does not change meanwhile; ends with an answer, empty for none."""

    def __init__(self) -> None:
        super().__init__()
        self._backdrop: Backdrop | None = None

    def render(self) -> RenderableType:
        """Return what is seen around the question."""
        shown = super().render()
        if not isinstance(shown, BackgroundScreen):
            return shown
        if self._backdrop is None:
            palette = cast("InstallerApp", self.app).terminal.palette
            self._backdrop = Backdrop(shown, Style.parse(BACKDROP[palette]))
        return self._backdrop
