"""Self-test by itself: for what was installed already, or where an install had none."""

from __future__ import annotations

import os
import threading
from typing import Final

from textual import events

from installer.events import Failure
from installer.tui import background
from installer.tui.lines import Line, Mark, blank, failure_lines
from installer.tui.picture import prepared
from installer.tui.proof import Proof, Stage, Stopped, prove
from installer.tui.proofscreen import ProofScreen
from installer.tui.steps import Step
from installer.tui.widgets import Choice
from manifests.errors import MoonliftError
from manifests.safetext import safe_line

_STOP: Final = Choice("stop", "Stop")
_ON: Final = Choice("on", "Go on")
_ANYWAY: Final = Choice("on", "Go on all the same")
_AGAIN: Final = Choice("again", "Test again")
_FAIL: Final = "fail"
_BEGUN: Final = Line("the processor and every GPU convolve pictures ...")


class ProveScreen(ProofScreen):
    """Runs the self-test as a child process and shows what came of it."""

    def __init__(self) -> None:
        super().__init__()
        self._cancel = threading.Event()
        self._proof: Proof | None = None
        self._busy = False

    def begin(self) -> None:
        """Begin at once: it changes nothing."""
        self._start()

    def on_resize(self, _event: events.Resize) -> None:
        """Draw the bars anew: they are as wide as the screen."""
        if self._proof is not None:
            self.show_proof(self._proof)

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
            self.program.session.proof = self._proof
            self.program.go(Step.SUMMARY)

    def action_back(self) -> None:
        """Stop the test; what is installed stays."""
        if self._busy:
            self._cancel.set()
        else:
            self.program.go(Step.INSTALL)

    def _start(self) -> None:
        self._cancel, self._busy = threading.Event(), True
        self.show([_BEGUN])
        self.offer(_STOP)
        stage = Stage(self.program.terminal, self.columns, dict(os.environ))
        command, cancel = self.program.selftest_command, self._cancel

        def work() -> None:
            try:
                proof = prepared(prove(stage, self._tell, cancel, command))
            except Stopped:
                self._answer(background.Answered(self._show_stopped))
            except MoonliftError as error:
                failure = Failure.of(error)
                self._answer(background.Answered(lambda: self._show_failure(failure)))
            else:
                self._answer(background.Answered(lambda: self._show_end(proof)))

        background.in_thread(self.post_message, work)

    def _answer(self, answer: background.Answered) -> None:
        background.tell(self.post_message, answer)

    def _tell(self, text: str) -> None:
        """Say what the child is doing; called from its thread."""
        line = Line(safe_line(text), "testing")
        self._answer(background.Answered(lambda: self._show_doing(line)))

    def _show_doing(self, line: Line) -> None:
        if self._busy:
            self.show([_BEGUN, line])

    def _show_end(self, proof: Proof) -> None:
        self._proof, self._busy = proof, False
        self.show_proof(proof)
        self.offer(*((_AGAIN, _ANYWAY) if proof.report.verdict == _FAIL else (_ON, _AGAIN)))

    def _show_failure(self, failure: Failure) -> None:
        self._busy = False
        self.show(failure_lines(failure))
        self.offer(_AGAIN, _ANYWAY)

    def _show_stopped(self) -> None:
        self._busy = False
        self.show([Line("stopped: this machine is not proved", "stopped", Mark.WARN), blank()])
        self.offer(_AGAIN, _ANYWAY)
