"""The menu: what can be looked at or done beside the steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final

from installer.tui import paperlines
from installer.tui.lines import Line
from installer.tui.papers import PaperScreen
from installer.tui.widgets import Choice

if TYPE_CHECKING:
    from installer.tui.app import InstallerApp

MENU: Final = (
    Choice("", "Back"),
    Choice("history", "History: what this host accepted, installed and refused"),
    Choice("check", "Check: is this host fit"),
    Choice("help", "Help"),
    Choice("leave", "Leave"),
)
Read = Callable[[], Iterator[Line]]


def open_entry(program: InstallerApp, name: str) -> None:
    """Open what the menu's entry of this name means; nothing for none."""
    session = program.session
    papers: dict[str, tuple[str, Read]] = {
        "history": ("History", partial(paperlines.history_lines, program.homes)),
        "check": (
            "Check",
            partial(paperlines.check_lines, program.homes, session.engine, session.bundle),
        ),
        "help": ("Help", paperlines.help_lines),
    }
    if name == "leave":
        program.leave()
    elif name in papers:
        program.push_screen(PaperScreen(*papers[name]))
