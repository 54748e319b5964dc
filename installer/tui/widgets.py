"""The few widgets that all screens are made of: lines, actions and the line of keys.

An action shows that it is chosen by a sign before it, not by its colour. Text is never markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from rich.segment import Segment
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.geometry import Region, Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from installer.tui.lines import Line
from installer.tui.rows import Row, rows_of
from installer.tui.style import rich_styles
from installer.tui.terminal import Palette

ROWS: Final = 200
"""Actions of one list."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that a person can do next.

    Attributes:
        name: what the screen knows it by.
        text: safe to show.
    """

    name: str
    text: str


class Lines(Widget):
    """Lines of a screen, folded to its width.

    Rows are painted one by one, and only those that changed: while a run is shown, lines come ten
    times a second, and what they cost is missing from the run.
    """

    def __init__(
        self,
        palette: Palette,
        lines: Iterable[Line] = (),
        *,
        id: str | None = None,  # noqa: A002 - textual's name
    ) -> None:
        super().__init__(id=id)
        self.lines = tuple(lines)
        self._styles_of = rich_styles(palette)
        self._rows: tuple[Row, ...] = ()
        self._folded_to = 0

    def show(self, lines: Iterable[Line]) -> None:
        """Show these lines instead of those before."""
        before, width = self._rows, self._folded_to
        self.lines, self._folded_to = tuple(lines), 0
        now = self._fold(width) if width else ()
        if not width or len(now) != len(before):
            self.refresh(layout=True)
            return
        changed = [y for y, pair in enumerate(zip(before, now, strict=True)) if pair[0] != pair[1]]
        if changed:
            self.refresh(*(Region(0, y, width, 1) for y in changed))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Return the rows that the lines take."""
        del container, viewport
        return len(self._fold(width))

    def render_line(self, y: int) -> Strip:
        """Return a row: its label and its text."""
        width, base = self.content_size.width, self.visual_style.rich_style
        rows = self._fold(width)
        if y >= len(rows):
            return Strip.blank(width, base)
        row = rows[y]
        parts = [Segment(row.text, base + self._styles_of.text[row.mark])]
        if row.label:
            parts.insert(0, Segment(row.label, base + self._styles_of.label[row.mark]))
        return Strip(parts).adjust_cell_length(width, base)

    def _fold(self, width: int) -> tuple[Row, ...]:
        if width != self._folded_to:
            self._rows, self._folded_to = tuple(rows_of(self.lines, width)), width
        return self._rows


class Action(Widget, can_focus=True):
    """Something to be done with Enter."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "press", show=False)]

    class Pressed(Message):
        """A person chose it."""

        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, choice: Choice, *, row: bool) -> None:
        super().__init__(classes="-row" if row else "")
        self.choice = choice
        self._row = row

    def render(self) -> Text:
        """Return its text, with a sign when it is the one that Enter does."""
        before, after = ("> ", " <") if self.has_focus else ("  ", "  ")
        if self._row:
            return Text(f"{before}{self.choice.text}", overflow="fold")
        return Text(f"{before}{self.choice.text}{after}", no_wrap=True)

    def become(self, choice: Choice) -> None:
        """Stand for another choice from now on."""
        self.display = True
        if choice != self.choice:
            self.choice = choice
            self.refresh(layout=True)

    def action_press(self) -> None:
        """Tell the screen."""
        self.post_message(self.Pressed(self.choice))


class Actions(Container):
    """The actions of a screen, in a row or one a line; the first is chosen."""

    def __init__(self, choices: Sequence[Choice] = (), *, rows: bool = False) -> None:
        super().__init__(id="actions", classes="-rows" if rows else "")
        self._rows = rows
        self._shown = tuple(choices)

    def compose(self) -> ComposeResult:
        """Yield those that are offered from the beginning."""
        yield from self._made(self._shown)

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What can be chosen now."""
        return self._shown

    def show(self, choices: Sequence[Choice], chosen: str | None = "") -> None:
        """Offer these instead of those before; nothing happens when they are the same.

        Args:
            choices: what can be done.
            chosen: name of the one that Enter does; the first if there is no such; None to leave
                the keys where they are.
        """
        if tuple(choices) == self._shown:
            return
        self._shown = tuple(choices)
        self.call_later(self._replace, self._shown, chosen)

    async def _replace(self, choices: tuple[Choice, ...], chosen: str | None) -> None:
        """Let actions that are there become others: making new ones takes far longer."""
        if choices != self._shown:
            return
        there = list(self.query_children(Action))
        for action, choice in zip(there, choices, strict=False):
            action.become(choice)
        for action in there[len(choices) :]:
            action.display = False
        new = self._made(choices[len(there) :])
        if new:
            await self.mount_all(new)
        made = [*there[: len(choices)], *new]
        named = [one for one in made if one.choice.name == chosen]
        for one in (named or made)[: chosen is not None]:
            one.focus()

    def _made(self, choices: Sequence[Choice]) -> list[Action]:
        return [Action(choice, row=self._rows) for choice in choices[:ROWS]]


class Keys(Static):
    """The line of keys; folds where it does not fit."""

    def __init__(self, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__(_keys_text(keys), id="keys", markup=False)


def _keys_text(keys: Sequence[tuple[str, str]]) -> Text:
    text = Text()
    for at, (key, meaning) in enumerate(keys):
        if at:
            text.append("  ")
        text.append(f"{key}\u00a0", style="bold")
        text.append(meaning.replace(" ", "\u00a0"))
    return text
