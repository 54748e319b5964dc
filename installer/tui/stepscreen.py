"""What all screens have in common: the line of steps, lines that scroll, actions, keys.

Owns how a screen asks in a thread and shows the answer. What is asked and shown is each screen's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from installer.events import Failure
from installer.tui import background, detours
from installer.tui.lines import Line
from installer.tui.steps import Step, steps_text
from installer.tui.widgets import Action, Actions, Choice, Keys, Lines

if TYPE_CHECKING:
    from installer.tui.app import InstallerApp

T = TypeVar("T")
MARGIN: Final = 3
"""Columns that are not the lines': the room's padding and its scroll bar."""
KEYS: Final = (
    ("Enter", "go on"),
    ("Tab", "next"),
    ("PgUp/PgDn", "scroll"),
    ("Esc", "back"),
    ("m", "menu"),
    ("?", "help"),
    ("q", "leave"),
)


class PlainScreen(Screen[None]):
    """A screen with lines and actions.

    Attributes:
        rows: whether its actions stand one a line.
        listing: whether its actions are a list, right below the text.
        keys: for the line of keys.
        ready: whether its parts are there.
    """

    rows: ClassVar[bool] = False
    listing: ClassVar[bool] = False
    keys: ClassVar[Sequence[tuple[str, str]]] = KEYS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", show=False),
        Binding("m", "menu", show=False),
        Binding("q", "leave", show=False),
        Binding("escape", "escape", show=False),
        Binding("pagedown", "scroll_lines(1)", show=False),
        Binding("pageup", "scroll_lines(-1)", show=False),
        Binding("down,right", "app.focus_next", show=False),
        Binding("up,left", "app.focus_previous", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.ready = False
        self._offered: tuple[tuple[Choice, ...], str | None] = ((), "")
        self._then: Callable[[str], None] | None = None

    def compose(self) -> ComposeResult:
        """Yield the parts, from top to bottom."""
        yield Static("", id="steps", markup=False)
        with VerticalScroll(id="room", can_focus=False):
            yield Lines(self.program.terminal.palette, id="body")
            yield from self.below()
        yield from self.middle()
        yield Lines(self.program.terminal.palette, id="asked")
        yield Actions(rows=self.rows)
        yield Keys(self.keys)

    def below(self) -> Iterable[Widget]:
        """Yield what scrolls with the lines, below them; nothing by default."""
        return ()

    def middle(self) -> Iterable[Widget]:
        """Yield what stands between lines and actions; nothing by default."""
        return ()

    def on_mount(self) -> None:
        """Show the head, then begin."""
        self.ready = True
        self.set_class(self.listing, "list")
        self.query_one("#steps", Static).update(self.headline())
        self.begin()

    def headline(self) -> str:
        """Return what stands at the top."""
        return ""

    def begin(self) -> None:
        """Do what the screen is there for."""

    @property
    def program(self) -> InstallerApp:
        """The program, by its own type."""
        return cast("InstallerApp", self.app)

    @property
    def columns(self) -> int:
        """How wide lines may be."""
        return max(20, self.size.width - MARGIN)

    def show(self, lines: Iterable[Line]) -> None:
        """Show these lines."""
        self.query_one("#body", Lines).show(lines)

    def offer(self, *choices: Choice, chosen: str | None = "") -> None:
        """Offer these actions, after a question that is open; see `Actions.show`."""
        self._offered = choices, chosen
        if not self.is_asking:
            self.query_one(Actions).show(choices, chosen)

    @property
    def is_asking(self) -> bool:
        """Whether a question stands in the place of the actions."""
        return self._then is not None

    def ask_in_place(
        self, lines: Iterable[Line], choices: Sequence[Choice], then: Callable[[str], None]
    ) -> None:
        """Ask in the place of the actions: little is painted, and the run stays in sight.

        Args:
            lines: the question.
            choices: the answers; Enter gives the first.
            then: called with the name of the answer, empty for none.
        """
        self._then = then
        self._show_asked(lines)
        self.query_one(Actions).show(choices)

    def ask(
        self,
        work: Callable[[], T],
        then: Callable[[T], None],
        refused: Callable[[Failure], None],
    ) -> None:
        """Do some work in a thread and go on with what came of it, if the screen is still there."""
        background.ask(self.post_message, work, then, refused)

    def on_answered(self, message: background.Answered) -> None:
        """Go on with an answer."""
        message.stop()
        if self.is_attached:
            message.deliver()

    def on_broke(self, message: background.Broke) -> None:
        """End with a bug that a thread met."""
        message.stop()
        self.program.break_off(message.error)

    def on_action_pressed(self, message: Action.Pressed) -> None:
        """Do what was chosen."""
        message.stop()
        if self.is_asking:
            self._take_answer(message.choice.name)
        else:
            self.chosen(message.choice.name)

    def chosen(self, name: str) -> None:
        """Do what the action of this name means."""

    def action_scroll_lines(self, direction: int) -> None:
        """Scroll the lines by a page."""
        room = self.query_one("#room", VerticalScroll)
        room.scroll_relative(y=direction * max(1, room.size.height - 2), animate=False)

    def action_help(self) -> None:
        """Show the help."""
        detours.open_help(self.program)

    def action_menu(self) -> None:
        """Show the menu."""
        detours.open_menu(self.program)

    def action_leave(self) -> None:
        """Leave, after a question if something runs."""
        self.program.leave()

    def action_escape(self) -> None:
        """Leave a question without an answer, else go back."""
        if self.is_asking:
            self._take_answer("")
        else:
            self.action_back()

    def action_back(self) -> None:
        """Go back."""

    def _take_answer(self, name: str) -> None:
        then, self._then = self._then, None
        self._show_asked(())
        self.query_one(Actions).show(*self._offered)
        if then is not None:
            then(name)

    def _show_asked(self, lines: Iterable[Line]) -> None:
        asked = self.query_one("#asked", Lines)
        asked.show(lines)
        asked.set_class(bool(asked.lines), "-shown")


class StepScreen(PlainScreen):
    """A screen of the way from a bundle to a running app.

    Attributes:
        step: which.
    """

    step: ClassVar[Step]

    def headline(self) -> str:
        """Return the line of steps."""
        return steps_text(self.step, starts=self.program.starts_something)
