"""Read-only screens of the menu: help, history, checks. Their lines come one by one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import ClassVar, Final

from installer.events import Failure
from installer.tui import background
from installer.tui.lines import Line, failure_lines
from installer.tui.stepscreen import PlainScreen
from installer.tui.widgets import Choice
from manifests.errors import MoonliftError

_BACK: Final = Choice("back", "Back")
PAUSE: Final = 0.2
"""Seconds between two batches of lines."""


class PaperScreen(PlainScreen):
    """Shows lines that a thread finds."""

    keys: ClassVar = (
        ("Enter", "back"),
        ("PgUp/PgDn", "scroll"),
        ("Esc", "back"),
        ("q", "leave"),
    )

    def __init__(self, title: str, read: Callable[[], Iterator[Line]]) -> None:
        super().__init__()
        self._title = title
        self._read = read

    def headline(self) -> str:
        """Return the title."""
        return self._title

    def begin(self) -> None:
        """Read in a thread."""
        self.show([Line("looking ...")])
        self.offer(_BACK)
        background.in_thread(self.post_message, self._find)

    def chosen(self, name: str) -> None:
        """Go back."""
        del name
        self.action_back()

    def action_back(self) -> None:
        """Go back to where this was opened."""
        self.program.pop_screen()

    def action_menu(self) -> None:
        """There is no menu over this: it was opened from there."""

    def action_help(self) -> None:
        """There is no help over this."""

    def _find(self) -> None:
        """Send the lines in batches: a check may take seconds, a history has thousands."""
        lines, told = list[Line](), time.monotonic()
        try:
            for line in self._read():
                lines.append(line)
                if time.monotonic() - told > PAUSE:
                    self._send(lines)
                    told = time.monotonic()
        except MoonliftError as error:
            lines += failure_lines(Failure.of(error))
        self._send(lines or [Line("nothing")])

    def _send(self, lines: list[Line]) -> None:
        found = tuple(lines)
        answer = background.Answered(lambda: self.show(found))
        background.tell(self.post_message, answer)
