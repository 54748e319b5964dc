"""The menu: what can be looked at or done beside the steps. Each screen is loaded when opened."""

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
    Choice("status", "Status: what runs here, and how it is"),
    Choice("history", "History: what this host accepted, installed and refused"),
    Choice("rollback", "Roll back to an earlier release"),
    Choice("prune", "Prune: remove what is not needed any more"),
    Choice("check", "Check: is this host fit"),
    Choice("report", "Report of the last run"),
    Choice("help", "Help"),
    Choice("leave", "Leave"),
)
Read = Callable[[], Iterator[Line]]


def open_entry(program: InstallerApp, name: str) -> None:
    """Open what the menu's entry of this name means; nothing for none."""
    papers = _papers(program)
    if name == "leave":
        program.leave()
    elif name in papers:
        program.push_screen(PaperScreen(*papers[name]))
    elif name == "rollback" and not program.is_installing:
        from installer.tui.rollingback import RollbackScreen  # noqa: PLC0415 - see above

        program.push_screen(RollbackScreen())
    elif name == "prune" and not program.is_installing:
        from installer.tui.pruningscreen import PruneScreen  # noqa: PLC0415

        program.push_screen(PruneScreen())
    elif name:
        program.notify("not while something runs", severity="warning", markup=False)


def _papers(program: InstallerApp) -> dict[str, tuple[str, Read]]:
    """Return title and reader of each read-only screen."""
    session, homes = program.session, program.homes
    check = partial(paperlines.check_lines, homes, session.engine, session.bundle)
    return {
        "status": ("Status", partial(paperlines.app_lines, homes, session.engine)),
        "history": ("History", partial(paperlines.history_lines, homes)),
        "check": ("Check", check),
        "report": ("Report", partial(paperlines.report_lines, homes)),
        "help": ("Help", paperlines.help_lines),
    }
