"""The first screen: which bundle. Finds those on drives, waits for a drive not there yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final

from installer.events import Failure
from installer.tui import detours
from installer.tui.lines import Line, Mark, blank, failure_lines, head
from installer.tui.steps import Step
from installer.tui.stepscreen import StepScreen
from installer.tui.widgets import ROWS, Choice
from manifests.safetext import safe_line

INTERVAL: Final = 2.0
"""Seconds between two looks for drives."""
_BROWSE: Final = Choice("browse", "Browse the folders of this machine")


class ChooseScreen(StepScreen):
    """Lists the bundles that are found, and goes on with one."""

    step: ClassVar[Step] = Step.CHOOSE
    rows: ClassVar[bool] = True
    listing: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self._found: tuple[Path, ...] | None = None
        self._looking = False

    def begin(self) -> None:
        """Look now, and again every few seconds."""
        self.show([head("Which bundle?"), Line("looking at drives ...")])
        self.offer(_BROWSE)
        self._look()
        self.set_interval(INTERVAL, self._look)

    def chosen(self, name: str) -> None:
        """Browse, or go on with a bundle."""
        if name == _BROWSE.name:
            detours.browse(self.program)
        else:
            self.program.take(Path(name))

    def action_back(self) -> None:
        """There is nothing before this."""
        self.program.leave()

    def _look(self) -> None:
        if not self._looking:
            self._looking = True
            self.ask(self.program.session.bundles, self._show_found, self._fail)

    def _show_found(self, found: tuple[Path, ...]) -> None:
        self._looking = False
        if found == self._found:
            return
        self._found = found
        self.show(found_lines(found))
        rows = [Choice(str(path), row_text(path)) for path in found[: ROWS - 1]]
        self.offer(*rows, _BROWSE)

    def _fail(self, failure: Failure) -> None:
        self._looking = False
        self.show(failure_lines(failure))


def row_text(path: Path) -> str:
    """Return a bundle's name, then where it lies."""
    return safe_line(f"{path.name}   in {path.parent}")


def found_lines(found: tuple[Path, ...]) -> Iterator[Line]:
    """Say what was found, or what to do."""
    yield head("Which bundle?")
    if found:
        yield Line("These look like bundles. What they are is said when their seal was checked.")
        return
    yield Line("No bundle lies beside this program or on a drive that is mounted.", mark=Mark.WARN)
    yield blank()
    yield Line("Plug the drive in and mount it: it appears here within seconds.")
    yield Line("lsblk", "which drive")
    yield Line("mount -o ro,nodev,nosuid,noexec /dev/sdX1 /mnt", "mount it")
