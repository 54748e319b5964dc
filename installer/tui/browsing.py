"""Folders of this machine, for a bundle or a public key that lies where nobody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import ClassVar, Final

from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input, Static

from installer.events import Failure
from installer.tui.lines import Line, Mark, failure_lines, head
from installer.tui.places import Entry, Kind, entries_of, is_bundle
from installer.tui.stepscreen import PlainScreen
from installer.tui.widgets import ROWS, Choice
from manifests.safetext import safe_line

_UP: Final = ".."


class BrowseScreen(PlainScreen):
    """Goes through folders until something of the wanted kind is chosen."""

    rows: ClassVar[bool] = True
    listing: ClassVar[bool] = True
    keys: ClassVar[Sequence[tuple[str, str]]] = (
        ("Enter", "open"),
        ("Tab", "next"),
        ("Esc", "back"),
        ("?", "help"),
        ("q", "leave"),
    )

    def __init__(
        self, wanted: Kind, start: Path, take: Callable[[Path], None], *, sought: str = ""
    ) -> None:
        super().__init__()
        self._wanted = wanted
        self._sought = sought or f"a {wanted}"
        self._folder = start
        self._take = take

    def headline(self) -> str:
        """Return what is looked for."""
        return f"Browse for {self._sought}"

    def middle(self) -> Iterable[Widget]:
        """Yield the field for a path."""
        field = Input(placeholder="type a path, then Enter", id="path")
        yield Horizontal(Static("path"), field, classes="field")

    def begin(self) -> None:
        """Show the first folder."""
        self._open(self._folder)

    def on_input_submitted(self, message: Input.Submitted) -> None:
        """Go to the path that was typed."""
        message.stop()
        self._open(Path(message.value.strip()).expanduser())

    def chosen(self, name: str) -> None:
        """Open a folder, or take what was looked for."""
        self._open(self._folder.parent if name == _UP else Path(name))

    def action_back(self) -> None:
        """Take nothing."""
        self.program.pop_screen()

    def _open(self, path: Path) -> None:
        self.ask(lambda: _looked(path, self._wanted), self._opened, self._fail)

    def _opened(self, found: tuple[Path, tuple[Entry, ...] | None]) -> None:
        path, entries = found
        if entries is None:
            self.program.pop_screen()
            self._take(path)
            return
        self._folder = path
        self.query_one("#path", Input).value = ""
        shown = [one for one in entries if one.kind in (self._wanted, Kind.FOLDER)]
        self.show(_folder_lines(path, len(shown), self._wanted))
        rows = [Choice(str(one.path), _row_text(one)) for one in shown[: ROWS - 1]]
        self.offer(*rows, Choice(_UP, f"{_UP} (the folder above)"))

    def _fail(self, failure: Failure) -> None:
        self.show(failure_lines(failure))


def _looked(path: Path, wanted: Kind) -> tuple[Path, tuple[Entry, ...] | None]:
    """Return what a folder holds; no entries for what was looked for, or is no folder."""
    path = path.absolute()
    if (wanted is Kind.BUNDLE and is_bundle(path)) or not path.is_dir():
        return path, None
    return path, entries_of(path)


def _folder_lines(folder: Path, count: int, wanted: Kind) -> Iterable[Line]:
    yield head(safe_line(str(folder)))
    if not count:
        yield Line(f"neither a {wanted} nor a folder is in here", mark=Mark.WARN)
    if count >= ROWS:
        yield Line(f"{count} entries: the first {ROWS - 1} are shown; type a path for another")


def _row_text(entry: Entry) -> str:
    end = "/" if entry.kind is Kind.FOLDER else f"   ({entry.kind})"
    return f"{safe_line(entry.path.name)}{end}"
