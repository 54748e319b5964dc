"""The program itself: which screen is shown, the one run, and how it is left.

Owns the order of the screens and the thread that follows a run. Each event of the run comes as one
message, is folded into one value, and is shown by whichever screen is on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, assert_never, runtime_checkable

from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter, NoColor
from textual.screen import Screen

from installer.tui import background
from installer.tui.background import Broke, Told
from installer.tui.journal import Journal, Place
from installer.tui.lines import Line, Mark
from installer.tui.progress import RunProgress, progressed
from installer.tui.session import Session
from installer.tui.steps import Step
from installer.tui.style import CSS, THEME, THEMES
from installer.tui.terminal import Glyphs, Palette, Terminal
from installer.tui.translating import Translation
from installer.tui.widgets import Choice
from manifests.errors import ExitCode

if TYPE_CHECKING:
    from installer.trials.reports import TrialReport
    from installer.verbs import AppHomes


@runtime_checkable
class ShowsRun(Protocol):
    """A screen that shows the run."""

    def run_changed(self, run: RunProgress) -> None: ...  # noqa: D102


class InstallerApp(App[ExitCode]):
    """The full-screen program.

    Attributes:
        terminal: what can be shown.
        session: what is open.
        run_progress: what the run has told so far.
        proved: what the self-test said.
        selftest_command: what is run as the self-test; empty for the usual.
    """

    CSS = CSS
    TITLE = "moonlift installer"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c,ctrl+q", "leave", show=False, priority=True),
    ]

    def __init__(
        self, session: Session, terminal: Terminal, *, selftest_command: Sequence[str] = ()
    ) -> None:
        super().__init__(ansi_color=None if terminal.palette is Palette.FULL else True)
        self.animation_level = "none"  # a serial line carries a thousand characters a second
        self.terminal = terminal
        self.session = session
        self.run_progress = RunProgress()
        self.proved: TrialReport | None = None
        self.selftest_command = tuple(selftest_command)
        self._journal = Journal(session.homes.state)
        self._writer = ThreadPoolExecutor(1, "moonlift-journal")
        self._cancel = threading.Event()
        self._busy = False
        self._leaving = False
        self.bug: BaseException | None = None
        self._extra = _filters(terminal)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return what the screen's lines pass through: colours and characters there aren't."""
        return (*super().get_line_filters(), *self._extra)

    def on_mount(self) -> None:
        """Open where a person was, else at the beginning."""
        self.register_theme(THEME)
        self.theme = THEMES[self.terminal.palette]
        place = self._journal.read()
        if place is None:
            self.go(Step.CHOOSE)
        else:
            self._reopen(place)

    @property
    def homes(self) -> AppHomes:
        """Where this host keeps its keys and its ledger."""
        return self.session.homes

    @property
    def is_installing(self) -> bool:
        """Whether an install is under way."""
        return self._busy

    @property
    def starts_something(self) -> bool:
        """Whether the release has something to start."""
        return False

    def go(self, step: Step) -> None:
        """Show the screen of a step, and remember that a person is there."""
        self._remember(step)
        self._show(step_screen(step))

    def take(self, bundle: Path) -> None:
        """Go on with a bundle."""
        self.session.choose(bundle)
        self.go(Step.TRUST)

    def install(self) -> None:
        """Carry the plan out; it is made anew after a run that broke off."""
        from installer.tui.planlines import first_progress  # noqa: PLC0415 - not to be painted

        plan = self.session.plan
        self.run_progress = RunProgress() if plan is None else first_progress(plan)
        self.proved = None
        self._cancel, self._busy = threading.Event(), True
        background.in_thread(self.post_message, self._follow)
        self.go(Step.INSTALL)

    def go_on_after_run(self) -> None:
        """Go to what comes after the run."""
        self.go(Step.SELFTEST)

    def selftest_over(self, report: TrialReport | None) -> None:
        """Go to what comes after the self-test."""
        self.proved = report
        self.go(Step.SUMMARY)

    def on_told(self, message: Told) -> None:
        """Fold an event into the run, and show it."""
        event = message.event
        self.run_progress = progressed(self.run_progress, event, time.monotonic())
        if self.run_progress.finished:
            self._run_ended()
        if isinstance(self.screen, ShowsRun):
            self.screen.run_changed(self.run_progress)

    def on_broke(self, message: Broke) -> None:
        """End with a bug."""
        self.break_off(message.error)

    def break_off(self, error: BaseException) -> None:
        """End the program with a bug, which keeps its traceback."""
        self.bug = error
        self.exit(ExitCode.BUG)

    def browse(self) -> None:
        """Look for a bundle in folders."""
        from installer.tui.browsing import BrowseScreen  # noqa: PLC0415 - only when it is opened
        from installer.tui.places import Kind  # noqa: PLC0415

        self.push_screen(BrowseScreen(Kind.BUNDLE, Path.cwd(), self.take))

    def browse_for_key(self, take: Callable[[Path], None]) -> None:
        """Look for a public key in folders."""
        from installer.tui.browsing import BrowseScreen  # noqa: PLC0415 - only when it is opened
        from installer.tui.places import Kind  # noqa: PLC0415

        self.push_screen(BrowseScreen(Kind.KEY, Path.home(), take))

    def add_key(self) -> None:
        """Let a person trust a key."""
        from installer.tui.keyadding import KeyScreen  # noqa: PLC0415 - only when it is opened

        self.push_screen(KeyScreen())

    def key_added(self) -> None:
        """Check the seal again, by the key that was added."""
        self.pop_screen()
        self.go(Step.TRUST)

    def ask_engine(self) -> None:
        """Let a person name another engine."""
        from installer.tui.engineasking import EngineQuestion  # noqa: PLC0415 - as above

        question = EngineQuestion(self.session.engine, self.terminal.palette)
        self.push_screen(question, self._change_engine)

    def open_help(self) -> None:
        """Show the help."""
        from installer.tui.paperlines import help_lines  # noqa: PLC0415 - as above
        from installer.tui.papers import PaperScreen  # noqa: PLC0415

        self.push_screen(PaperScreen("Help", help_lines))

    def open_menu(self) -> None:
        """Show the menu."""
        from installer.tui.menu import MENU, open_paper  # noqa: PLC0415 - as above

        self._ask([Line("Menu", mark=Mark.HEAD)], MENU, lambda name: open_paper(self, name))

    def leave(self) -> None:
        """Leave; ask once while something runs."""
        if not self._busy or self._leaving:
            self._quit()
            return
        text = "The install is not done. Stopping now leaves the old release as it was."
        choices = (Choice("", "Stay"), Choice("leave", "Stop it and leave"))
        self._ask([Line(text, mark=Mark.WARN)], choices, self._stop_and_leave)

    def ask_to_stop(self) -> None:
        """Stop the run, after a question."""
        text = "Stop the install? What the engine has already is not sent again."
        choices = (Choice("", "Let it run"), Choice("stop", "Stop it"))
        self._ask([Line(text, mark=Mark.WARN)], choices, self._stop)

    def action_leave(self) -> None:
        """Leave."""
        self.leave()

    def _follow(self) -> None:
        """Hand every event of the run on; called in its thread."""
        for event in self.session.run(self._cancel):
            background.tell(self.post_message, Told(event))

    def _run_ended(self) -> None:
        self._busy = False
        self.session.record = self.run_progress.record
        if self._leaving:
            self._quit()

    def _stop(self, answer: str) -> None:
        if answer:
            self._cancel.set()

    def _stop_and_leave(self, answer: str) -> None:
        if answer:
            self._leaving = True
            self._cancel.set()
            if not self._busy:
                self._quit()

    def _quit(self) -> None:
        record = self.session.record
        if not self._busy and (record is None or record.failure is None):
            self._writer.submit(self._journal.forget)
        self.exit(ExitCode.DONE if record is None else record.exit_code)

    def _change_engine(self, answer: str | None) -> None:
        if answer:
            self.session.engine = answer
            self.go(Step.PLAN)

    def _remember(self, step: Step) -> None:
        bundle = self.session.bundle
        if bundle is None or step in (Step.CHOOSE, Step.SUMMARY):
            self._writer.submit(self._journal.forget)
        else:
            place = Place(bundle.absolute(), self.session.engine, step)
            self._writer.submit(self._journal.write, place)

    def _reopen(self, place: Place) -> None:
        self.session.choose(place.bundle)
        self.session.engine = place.engine
        self.go(place.step)

    def _show(self, screen: Screen[None]) -> None:
        """Show a screen instead of all that are on."""
        while len(self.screen_stack) > 2:
            self.pop_screen()
        if len(self.screen_stack) > 1:
            self.switch_screen(screen)
        else:
            self.push_screen(screen)

    def _ask(
        self, lines: Sequence[Line], choices: Sequence[Choice], then: Callable[[str], None]
    ) -> None:
        from installer.tui.asking import Question  # noqa: PLC0415 - only when something is asked

        question = Question(lines, choices, rows=True)
        self.push_screen(question, lambda answer: then(answer or ""))


def step_screen(step: Step) -> Screen[None]:
    """Return the screen of a step; its module is loaded when it is shown first."""
    match step:
        case Step.CHOOSE:
            from installer.tui.choosing import ChooseScreen  # noqa: PLC0415 - see above

            return ChooseScreen()
        case Step.TRUST:
            from installer.tui.trusting import TrustScreen  # noqa: PLC0415

            return TrustScreen()
        case Step.PLAN:
            from installer.tui.planning import PlanScreen  # noqa: PLC0415

            return PlanScreen()
        case Step.INSTALL | Step.START:
            from installer.tui.installing import InstallScreen  # noqa: PLC0415

            return InstallScreen()
        case Step.SELFTEST:
            from installer.tui.proving import ProveScreen  # noqa: PLC0415

            return ProveScreen()
        case Step.SUMMARY:
            from installer.tui.summing import SummaryScreen  # noqa: PLC0415

            return SummaryScreen()
        case _:
            assert_never(step)


def _filters(terminal: Terminal) -> list[LineFilter]:
    filters: list[LineFilter] = []
    if terminal.palette is Palette.NONE:
        filters.append(NoColor())
    if terminal.glyphs is not Glyphs.UNICODE:
        filters.append(Translation(terminal))
    return filters
