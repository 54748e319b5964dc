"""Roll back: which release, what that will do, then the run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from installer.events import Failure
from installer.tui.backing import Former, formers, going_back, look_back
from installer.tui.lines import Line, Mark, blank, failure_lines, head, labelled
from installer.tui.steps import Step
from installer.tui.stepscreen import PlainScreen
from installer.tui.widgets import Choice
from manifests.safetext import safe_line

_BACK: Final = Choice("back", "Back")
_DO: Final = Choice("do", "Go back to it")


class RollbackScreen(PlainScreen):
    """Lets a person choose a release that is still here, and go back to it."""

    rows: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self._found: tuple[Former, ...] = ()
        self._former: Former | None = None

    def headline(self) -> str:
        """Return the title."""
        return "Roll back"

    def begin(self) -> None:
        """Look which releases are here."""
        self.show([Line("looking ...")])
        self.offer(_BACK)
        self.ask(lambda: formers(self.program.homes), self._listed, self._refused)

    def chosen(self, name: str) -> None:
        """Show what a release would do, do it, or go back."""
        if name == _BACK.name:
            self.action_back()
        elif name == _DO.name and self._former is not None:
            self._carry_out(self._former)
        elif name.isdecimal():
            self._look(self._found[int(name)])

    def action_back(self) -> None:
        """Change nothing."""
        self.program.pop_screen()

    def _listed(self, found: tuple[Former, ...]) -> None:
        self._found = found
        self.show(former_lines(found))
        rows = [Choice(str(at), row_text(one)) for at, one in enumerate(found)]
        self.offer(*rows, _BACK)

    def _look(self, former: Former) -> None:
        self._former = former
        self.show([Line("asking the engine ...")])
        self.ask(lambda: look_back(self.program.session, former), self._planned, self._refused)

    def _planned(self, lines: tuple[str, ...]) -> None:
        changes = Line("Nothing was changed so far.", mark=Mark.FAINT)
        self.show([*labelled(lines), blank(), changes])
        self.offer(_DO, _BACK)

    def _carry_out(self, former: Former) -> None:
        session = self.program.session
        session.bundle = None
        self.program.carry_out(
            lambda cancel: going_back(session, former, cancel), None, Step.INSTALL
        )

    def _refused(self, failure: Failure) -> None:
        self.show(failure_lines(failure))
        self.offer(_BACK)


def former_lines(found: tuple[Former, ...]) -> Iterator[Line]:
    """Say what can be gone back to."""
    yield head("Which release?")
    if found:
        yield Line("These were installed here before. Going back needs no bundle.")
    else:
        yield Line("No other release is kept on this host.", mark=Mark.WARN)


def row_text(former: Former) -> str:
    """Return a release for the list."""
    release = former.release
    word = ", the previous one" if release.sequence == former.app.previous else ""
    text = f"{former.app.product} {release.version}, release {release.sequence}{word}"
    return safe_line(text)
