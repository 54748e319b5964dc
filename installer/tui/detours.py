"""Ways off the steps and back: browsing, a key, an engine, the help, the menu.

Each screen is loaded when it is opened.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from installer.tui.lines import Line, Mark
from installer.tui.places import Kind
from installer.tui.questions import ask_over

if TYPE_CHECKING:
    from installer.tui.app import InstallerApp


def browse(program: InstallerApp) -> None:
    """Look for a bundle in folders."""
    from installer.tui.browsing import BrowseScreen  # noqa: PLC0415 - see above

    program.push_screen(BrowseScreen(Kind.BUNDLE, Path.cwd(), program.take))


def browse_for_base(program: InstallerApp, start: Path, take: Callable[[Path], None]) -> None:
    """Look for the bundle that another one builds on."""
    from installer.tui.browsing import BrowseScreen  # noqa: PLC0415 - see above

    program.push_screen(BrowseScreen(Kind.BUNDLE, start, take, sought="the old bundle"))


def browse_for_key(program: InstallerApp, take: Callable[[Path], None]) -> None:
    """Look for a public key in folders."""
    from installer.tui.browsing import BrowseScreen  # noqa: PLC0415 - see above

    program.push_screen(BrowseScreen(Kind.KEY, Path.home(), take))


def add_key(program: InstallerApp) -> None:
    """Let a person trust a key."""
    from installer.tui.keyadding import KeyScreen  # noqa: PLC0415 - see above

    program.push_screen(KeyScreen())


def ask_engine(program: InstallerApp) -> None:
    """Let a person name another engine."""
    from installer.tui.engineasking import EngineQuestion  # noqa: PLC0415 - see above

    question = EngineQuestion(program.session.engine, program.terminal.palette)
    program.push_screen(question, program.change_engine)


def open_help(program: InstallerApp) -> None:
    """Show the help."""
    from installer.tui.paperlines import help_lines  # noqa: PLC0415 - see above
    from installer.tui.papers import PaperScreen  # noqa: PLC0415

    program.push_screen(PaperScreen("Help", help_lines))


def open_menu(program: InstallerApp) -> None:
    """Show the menu."""
    from installer.tui.menu import MENU, open_entry  # noqa: PLC0415 - see above

    lines = [Line("Menu", mark=Mark.HEAD)]
    ask_over(program, lines, MENU, lambda name: open_entry(program, name))
