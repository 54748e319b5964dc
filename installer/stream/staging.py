"""Runs the stages of a run so that the law of its stream holds, and keeps why one broke off.

Owns starting and ending a stage, and what a failure makes of the run. Does not know what any stage
does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from installer.events import (
    Event,
    Failure,
    Outcome,
    Stage,
    StageFailed,
    StageFinished,
    StageStarted,
    Unit,
)
from installer.stream.jobs import Halted
from manifests.errors import ExitCode, MoonliftError

INTERRUPTED: Final = Failure(
    code="interrupted",
    message="stopped before the end; no name was moved",
    hint="run the same command again: what the engine has is not sent twice",
    exit_code=ExitCode.INTERRUPTED,
)


class Broken(Exception):
    """A stage failed and has said so."""


class Staging:
    """The stages of one run.

    Attributes:
        failure: why the run broke off; None if it did not.
    """

    def __init__(self) -> None:
        self.failure: Failure | None = None
        self._start = time.monotonic()

    def stage(self, stage: Stage, total: int, unit: Unit, work: Iterator[Event]) -> Iterator[Event]:
        """Do the work of a stage between its start and its end.

        Raises:
            Broken: it failed; `failure` says why.
        """
        start = time.monotonic()
        yield StageStarted(stage, total, unit)
        try:
            yield from work
        except Halted as halted:
            self.failure = INTERRUPTED
            yield StageFailed(stage, INTERRUPTED)
            raise Broken from halted
        except MoonliftError as error:
            self.failure = Failure.of(error)
            yield StageFailed(stage, self.failure)
            raise Broken from error
        yield StageFinished(stage, time.monotonic() - start)

    def fail(self, error: MoonliftError) -> None:
        """Keep why the run broke off outside of any stage."""
        self.failure = Failure.of(error)

    @property
    def outcome(self) -> Outcome:
        """How the run ended, or would now."""
        if self.failure is None:
            return Outcome.DONE
        return Outcome.CANCELLED if self.failure is INTERRUPTED else Outcome.FAILED

    @property
    def seconds(self) -> float:
        """Since its start."""
        return time.monotonic() - self._start
