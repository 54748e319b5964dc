"""Self-test: every device, its timings against its own limits, the red panda before and after."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from typing import ClassVar, Final

from rich.text import Text
from textual import events
from textual.widget import Widget
from textual.widgets import Static

from installer.events import Failure
from installer.tui import background
from installer.tui.lines import Line, Mark, blank, failure_lines
from installer.tui.proof import Proof, Stage, Stopped, prove
from installer.tui.prooflines import report_lines
from installer.tui.steps import Step
from installer.tui.stepscreen import StepScreen
from installer.tui.widgets import Choice
from manifests.errors import MoonliftError
from manifests.safetext import safe_line

_STOP: Final = Choice("stop", "Stop")
_ON: Final = Choice("on", "Go on")
_ANYWAY: Final = Choice("on", "Go on all the same")
_AGAIN: Final = Choice("again", "Test again")
FAIL: Final = "fail"


class ProveScreen(StepScreen):
    """Runs the self-test as a child process and shows what came of it."""

    step: ClassVar[Step] = Step.SELFTEST

    def __init__(self) -> None:
        super().__init__()
        self._cancel = threading.Event()
        self._proof: Proof | None = None
        self._busy = False

    def below(self) -> Iterable[Widget]:
        """Yield the picture's place."""
        yield Static("", id="picture", markup=False)

    def begin(self) -> None:
        """Begin at once: it changes nothing."""
        self._start()

    def on_resize(self, _event: events.Resize) -> None:
        """Draw the bars anew: they are as wide as the screen."""
        if self._proof is not None:
            self._show_proof(self._proof)

    def on_unmount(self) -> None:
        """End the child with the screen."""
        self._cancel.set()

    def chosen(self, name: str) -> None:
        """Stop, go on, or test again."""
        if name == _STOP.name:
            self._cancel.set()
        elif name == _AGAIN.name:
            self._start()
        else:
            self.program.selftest_over(self._proof.report if self._proof else None)

    def action_back(self) -> None:
        """Stop the test; what is installed stays."""
        if self._busy:
            self._cancel.set()
        else:
            self.program.go(Step.INSTALL)

    def _start(self) -> None:
        self._cancel, self._busy = threading.Event(), True
        self.show([Line("the processor and every GPU convolve pictures ...")])
        self.offer(_STOP)
        stage = Stage(self.program.terminal, self.size.width - 2, dict(os.environ))
        command, cancel = self.program.selftest_command, self._cancel

        def work() -> None:
            try:
                proof = prove(stage, self._tell, cancel, command)
            except Stopped:
                deliver = self._show_stopped
            except MoonliftError as error:
                failure = Failure.of(error)
                deliver = lambda: self._show_failure(failure)  # noqa: E731
            else:
                deliver = lambda: self._show_proof(proof)  # noqa: E731
            background.tell(self.post_message, background.Answered(deliver))

        background.in_thread(self.post_message, work)

    def _tell(self, text: str) -> None:
        """Say what the child is doing; called from its thread."""
        line = Line(safe_line(text), "testing")
        answer = background.Answered(lambda: self._show_doing(line))
        background.tell(self.post_message, answer)

    def _show_doing(self, line: Line) -> None:
        if self._busy:
            self.show([Line("the processor and every GPU convolve pictures ..."), line])

    def _show_proof(self, proof: Proof) -> None:
        self._proof, self._busy = proof, False
        report = proof.report
        self.show(report_lines(report, self.columns))
        self._show_picture(proof)
        if report.verdict == FAIL:
            self.offer(_AGAIN, _ANYWAY)
        else:
            self.offer(_ON, _AGAIN)

    def _show_picture(self, proof: Proof) -> None:
        text = Text("\n").join(Text.from_ansi(line) for line in proof.picture)
        if proof.picture:
            text.append(f"\n{proof.caption}")
        self.query_one("#picture", Static).update(text)

    def _show_failure(self, failure: Failure) -> None:
        self._busy = False
        self.show(failure_lines(failure))
        self.offer(_AGAIN, _ANYWAY)

    def _show_stopped(self) -> None:
        self._busy = False
        self.show([Line("stopped: this machine is not proved", "stopped", Mark.WARN), blank()])
        self.offer(_AGAIN, _ANYWAY)
