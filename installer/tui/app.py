"""The program itself: which screen is shown, the one run, and how it is left.

Owns the order of the screens and the thread that follows a run. Each event of the run comes as one
message, is folded into one value, and is shown by whichever screen is on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.screen import Screen

from installer.events import Event, Failure, Stage, StageStarted
from installer.logs.log import log_event
from installer.tui import background
from installer.tui.background import Answered, Broke, Told
from installer.tui.journal import Notebook, Place
from installer.tui.progress import RunProgress, ShowsRun, progressed
from installer.tui.questions import ask_whether_to_leave, ask_whether_to_stop
from installer.tui.session import Session
from installer.tui.steps import STEP_OF, Step
from installer.tui.stepscreen import MARGIN
from installer.tui.stepscreens import step_screen
from installer.tui.style import CSS, THEME, THEMES
from installer.tui.terminal import Palette, Terminal
from installer.tui.translating import filters_of
from manifests.errors import ExitCode, MoonliftError

if TYPE_CHECKING:
    from installer.tui.proof import Proof
    from installer.tui.shownproof import Easel
    from installer.verbs.install import AppHomes

Events = Callable[[threading.Event], Iterator[Event]]


class InstallerApp(App[ExitCode]):
    """The full-screen program.

    Attributes:
        terminal: what can be shown.
        session: what is open.
        run_progress: what the run has told so far.
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
        self.selftest_command = tuple(selftest_command)
        self._journal = Notebook(session.homes.state)
        self._cancel = threading.Event()
        self._busy = False
        self._leaving = False
        self._again: Callable[[], None] | None = None
        self.bug: BaseException | None = None
        self._extra = filters_of(terminal)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Return what the screen's lines pass through: colours and characters there aren't."""
        return (*super().get_line_filters(), *self._extra)

    def on_mount(self) -> None:
        """Open where a person was, else at the beginning."""
        self.register_theme(THEME)
        self.theme = THEMES[self.terminal.palette]
        place = self._journal.journal.read()
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
        return self.session.starts_something

    def go(self, step: Step) -> None:
        """Show the screen of a step, and remember that a person is there."""
        if self.session.bundle is None and step in (Step.TRUST, Step.PLAN):
            step = Step.CHOOSE  # after a rollback there is no bundle to go back to
        self._journal.note(self.session.bundle, self.session.engine, step)
        self._show(step_screen(step, running=self._busy or self.run_progress.finished))

    def take(self, bundle: Path) -> None:
        """Go on with a bundle."""
        self.session.choose(bundle)
        self.run_progress, self._again = RunProgress(), None
        self.go(Step.TRUST)

    def install(self) -> None:
        """Carry the plan out; it is made anew after a run that broke off."""
        from installer.tui.planlines import first_progress  # noqa: PLC0415 - not to be painted

        plan = self.session.outlook.plan if self.session.outlook else None
        first = first_progress(plan) if plan else None
        self.carry_out(lambda cancel: self.session.run(cancel, self._easel), first, Step.INSTALL)

    def carry_out(self, events: Events, first: RunProgress | None, step: Step) -> None:
        """Follow a run in a thread, and show it.

        Args:
            events: the run, once it is given what stops it.
            first: what is known before its first event.
            step: whose screen shows its beginning.
        """
        self._again = lambda: self.carry_out(events, None, step)
        self.run_progress = first or RunProgress()
        self._cancel, self._busy = threading.Event(), True
        background.in_thread(self.post_message, lambda: self._follow(events))
        self.go(step)

    def run_again(self) -> None:
        """Carry out again what broke off; an install, where nothing was begun yet."""
        (self._again or self.install)()

    def go_on_after_run(self) -> None:
        """Go to what comes after the run."""
        proved = self.run_progress.stage(Stage.SELFTEST) is not None
        if proved or self.session.bundle is None:
            self.go(Step.SUMMARY)
            return
        from installer.tui.proving import ProveScreen  # noqa: PLC0415 - not to be painted

        self._show(ProveScreen())

    def on_told(self, message: Told) -> None:
        """Fold an event into the run, and show it."""
        event = message.event
        self.run_progress = progressed(self.run_progress, event, time.monotonic())
        if self.run_progress.finished:
            self._run_ended()
        self._follow_stage(event)
        self._show_run()

    def on_broke(self, message: Broke) -> None:
        """End with a bug."""
        self.break_off(message.error)

    def break_off(self, error: BaseException) -> None:
        """End the program with a bug, which keeps its traceback."""
        self.bug = error
        self.exit(ExitCode.BUG)

    def key_added(self) -> None:
        """Check the seal again, by the key that was added."""
        self.pop_screen()
        self.go(Step.TRUST)

    def change_engine(self, answer: str | None) -> None:
        """Plan anew with another engine; nothing for an empty answer."""
        if answer:
            self.session.engine = answer
            self.go(Step.PLAN)

    def leave(self) -> None:
        """Leave; ask once while something runs."""
        if not self._busy or self._leaving:
            self._quit()
            return
        ask_whether_to_leave(self, self._stop_and_leave)

    def ask_to_stop(self) -> None:
        """Stop the run, after a question."""
        ask_whether_to_stop(self, self._stop)

    def action_leave(self) -> None:
        """Leave."""
        self.leave()

    def _follow(self, events: Events) -> None:
        """Hand every event of the run on; called in its thread."""
        try:
            for event in events(self._cancel):
                log_event(event)
                background.tell(self.post_message, Told(event))
        except MoonliftError as error:
            failure = Failure.of(error)
            background.tell(self.post_message, Answered(lambda: self._not_begun(failure)))

    def on_answered(self, message: Answered) -> None:
        """Go on with what a thread of the program found."""
        message.deliver()

    def _not_begun(self, failure: Failure) -> None:
        """Show why a run could not begin."""
        self.run_progress = replace(self.run_progress, failure=failure, never_began=True)
        self._run_ended()
        self._show_run()

    def _follow_stage(self, event: Event) -> None:
        """Show the screen of the stage that begins; one that is over another stays."""
        if isinstance(event, StageStarted):
            self._catch_up()

    def _catch_up(self) -> None:
        screen, stage = self.screen, self.run_progress.current
        if stage is None or not isinstance(screen, ShowsRun) or screen.is_asking:
            return
        step = STEP_OF.get(stage.stage)
        if step is not None and step is not screen.step:
            self.go(step)

    def _show_run(self) -> None:
        if isinstance(self.screen, ShowsRun):
            self.screen.run_changed(self.run_progress)

    def _easel(self, found: Callable[[Proof], None]) -> Easel:
        """Return where the self-test of a run draws; called in its thread."""
        from installer.tui.picture import prepared  # noqa: PLC0415 - not to be painted
        from installer.tui.shownproof import Easel  # noqa: PLC0415

        return Easel(
            terminal=self.terminal,
            columns=max(20, self.size.width - MARGIN),
            command=self.selftest_command,
            found=lambda proof: found(prepared(proof)),
        )

    def _run_ended(self) -> None:
        self._busy = False
        self.session.record = self.run_progress.record
        if self._leaving:
            self._quit()

    def _stop(self, answer: str) -> None:
        if answer:
            self._cancel.set()
        self._catch_up()

    def _stop_and_leave(self, answer: str) -> None:
        if answer:
            self._leaving = True
            self._cancel.set()
            if not self._busy:
                self._quit()
        else:
            self._catch_up()

    def _quit(self) -> None:
        record = self.session.record
        if not self._busy and (record is None or record.failure is None):
            self._journal.strike()
        self.exit(ExitCode.DONE if record is None else record.exit_code)

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
