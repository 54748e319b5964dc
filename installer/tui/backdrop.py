"""What is seen behind a question: the screen below it, dimmed, painted once."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.segment import Segment
from textual.renderables.background_screen import BackgroundScreen
from textual.screen import ModalScreen


class Backdrop:
    """A picture that is kept for each size: textual paints it three times before it is seen."""

    def __init__(self, picture: RenderableType) -> None:
        self._picture = picture
        self._kept: dict[tuple[int, int], list[Segment]] = {}

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the picture as it was when it was first asked for in this size."""
        if options.size not in self._kept:
            self._kept[options.size] = list(console.render(self._picture, options))
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
        self._backdrop = self._backdrop or Backdrop(shown)
        return self._backdrop
