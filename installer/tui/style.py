"""How things look: colours, marks, the few rules of layout.

A terminal of 256 colours gets a theme of ours; one of 16 keeps its own, and one without any gets
bold, reverse and words. No meaning is in a colour alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from rich.style import Style
from textual.theme import Theme

from installer.tui.lines import Mark
from installer.tui.terminal import Palette

THEME: Final = Theme(
    name="moonlift",
    primary="#7aa2c8",
    secondary="#5b7a99",
    accent="#e0a458",
    foreground="#d7dce2",
    background="#14181d",
    surface="#1a2027",
    panel="#232b34",
    success="#86b875",
    warning="#e0a458",
    error="#e0685f",
    dark=True,
)
THEMES: Final = {Palette.FULL: THEME.name, Palette.BASIC: "ansi-dark", Palette.NONE: "ansi-dark"}
_FULL: Final = {
    Mark.PLAIN: "",
    Mark.HEAD: "bold #7aa2c8",
    Mark.GOOD: "#86b875",
    Mark.WARN: "#e0a458",
    Mark.BAD: "bold #e0685f",
    Mark.FAINT: "#8b95a1",
}
_BASIC: Final = {
    Mark.PLAIN: "",
    Mark.HEAD: "bold",
    Mark.GOOD: "green",
    Mark.WARN: "yellow",
    Mark.BAD: "bold red",
    Mark.FAINT: "",
}
BACKDROP: Final = {Palette.FULL: "#4f5963 on #101317", Palette.BASIC: "dim", Palette.NONE: "dim"}
"""Of the screen behind a question."""
_STYLES: Final = {Palette.FULL: _FULL, Palette.BASIC: _BASIC, Palette.NONE: _BASIC}

CSS: Final = """
Screen { layout: vertical; }
#steps { height: 1; padding: 0 1; background: $panel; text-style: bold; }
#room { height: 1fr; padding: 1 1 0 1; scrollbar-size-vertical: 1; }
Lines { height: auto; }
#picture { height: auto; padding: 1 0; text-wrap: nowrap; }
#graph { height: 2; margin: 0 1; display: none; }
#graph.-shown { display: block; }
#asked { margin: 1 1 0 1; display: none; }
#asked.-shown { display: block; }
#actions { height: auto; max-height: 50%; padding: 1 1 0 1; layout: horizontal; }
#actions.-rows { layout: vertical; overflow-y: auto; scrollbar-size-vertical: 1; }
.list #room { height: auto; max-height: 50%; }
.list #actions { height: 1fr; max-height: 100%; }
#keys { height: auto; padding: 0 1; background: $panel; }
Action { width: auto; height: 1; margin: 0 2 0 0; }
Action.-row { width: 100%; height: auto; margin: 0; }
Action:focus { text-style: reverse bold; }
.field { height: auto; padding: 0 1; }
.field Input { border: none; height: 1; padding: 0; background: $panel; width: 1fr; }
.field Input:focus { border: none; text-style: underline; }
.field Static { width: 13; height: 1; }
ModalScreen { align: center middle; }
#box { width: 64; max-width: 100%; height: auto; max-height: 100%; border: solid $primary;
       background: $surface; padding: 1 2; }
#box #actions { padding: 1 0 0 0; max-height: 100%; }
#box.-wide { width: 76; }
"""


@dataclass(frozen=True, slots=True)
class RowStyles:
    """How rows look.

    Attributes:
        text: by mark.
        label: of the text of that mark.
    """

    text: Mapping[Mark, Style]
    label: Mapping[Mark, Style]


def rich_styles(palette: Palette) -> RowStyles:
    """Return how rows look on a terminal; a label is faint where its text does not stand out."""
    text = {mark: Style.parse(words) for mark, words in _STYLES[palette].items()}
    return RowStyles(text, {**text, Mark.PLAIN: text[Mark.FAINT]})
