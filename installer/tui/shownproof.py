"""The self-test of an install, run so that its table and its pictures can be shown meanwhile.

Owns no judgement: what a failed one means is `installer.running.proof`'s matter. The self-test's
image, if the release carries one, is run in containers as the console does.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass

from installer.events import Advanced, Event, Noted, Stage
from installer.running.proof import Proof
from installer.stream.jobs import TICK, Halted, Job
from installer.trials.reports import FAIL
from installer.trials.told import devices_tested
from installer.tui import proof
from installer.tui.terminal import Terminal
from manifests.errors import SelftestFailed
from manifests.safetext import safe_line


@dataclass(frozen=True, slots=True)
class Easel:
    """Where the self-test draws, and who is shown what came of it.

    Attributes:
        terminal: what it can show.
        columns: how wide it is.
        command: what is run; empty for the usual.
        found: called, in the run's thread, with what came of it.
    """

    _: KW_ONLY
    terminal: Terminal
    columns: int
    command: tuple[str, ...]
    found: Callable[[proof.Proof], None]


@dataclass(frozen=True, slots=True)
class ShownProof(Proof):
    """A self-test whose report is shown.

    Attributes:
        easel: where.
    """

    _: KW_ONLY
    easel: Easel

    def _on_host(self, cancel: threading.Event) -> Iterator[Event]:
        subject = ["looking for devices"]
        came: list[proof.Proof] = []
        easel = self.easel
        stage = proof.Stage(easel.terminal, easel.columns, dict(os.environ))
        work = Job(
            Stage.SELFTEST,
            lambda: came.append(proof.prove(stage, subject.append, cancel, easel.command)),
        )
        work.start()
        told = 0
        try:
            while not work.ends_within(TICK):
                if len(subject) > told:
                    told = len(subject)
                    yield Advanced(Stage.SELFTEST, 0, 1, safe_line(subject[-1]))
        except proof.Stopped as stopped:
            raise Halted from stopped
        yield from self._judged(came[0])

    def _judged(self, came: proof.Proof) -> Iterator[Event]:
        self.easel.found(came)
        report = came.report
        devices = ", ".join(f"{one.address} {one.name}: {one.verdict}" for one in report.devices)
        yield from devices_tested("host", report)
        yield from came.drawings
        yield Noted(Stage.SELFTEST, f"selftest-{report.verdict}", f"self-test    {devices}")
        yield Advanced(Stage.SELFTEST, 1, 1, "this host")
        if report.verdict == FAIL:
            first = next(iter(report.failures), None)
            raise SelftestFailed(
                "selftest-failed",
                "this host does not compute as it must, and nothing was switched: "
                f"{first.text if first else 'a device failed'}",
                hint=first.remedy if first else "",
            )
