"""Keeps asking a container's checks while it starts, each in a thread that dies with the process.

Owns when a check is asked and when its failures count: Marathon's grace, delay, interval and
failures in a row. A success counts at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from installer.app.outside import Door, ask, door
from installer.engines.containerfacts import ContainerFacts
from manifests.workload import HealthCheck

EAGER_S: Final = 0.5
"""Seconds between two questions until the first success, whatever the interval."""

Ask = Callable[[HealthCheck, Door], str]


@dataclass(slots=True)
class Answers:
    """What a check's questions came to.

    Attributes:
        check: which.
        since: when the container started, on a clock that only goes forward.
        passed: whether the last one that counts went well.
        failures: in a row that count.
        reason: of the last failure.
        counted: when a failure counted last.
    """

    check: HealthCheck
    since: float
    passed: bool = False
    failures: int = 0
    reason: str = "not asked yet"
    counted: float = float("-inf")

    def take(self, reason: str, now: float) -> None:
        """Count an answer: no reason is a success.

        Within the grace no failure counts, nor one that came sooner than the interval has it.
        """
        if not reason:
            self.passed, self.failures, self.reason = True, 0, ""
            return
        self.reason = reason
        patience = max(self.check.grace_seconds, self.check.delay_seconds)
        graceful = not self.passed and now - self.since < patience
        if graceful or now - self.counted < self.check.interval_seconds:
            return
        self.counted = now
        self.failures += 1
        if self.failed:
            self.passed = False

    @property
    def failed(self) -> bool:
        """Whether it failed as often as makes an instance be given up."""
        return 0 < self.check.failures <= self.failures


@dataclass(slots=True)
class Watch:
    """The checks of one container.

    Attributes:
        ports: the service's own, in the order that checks count them.
        found: the container as it was seen last; the address may change.
    """

    checks: Sequence[HealthCheck]
    ports: Sequence[int]
    found: ContainerFacts
    asking: Ask = ask
    answers: list[Answers] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        """Start asking."""
        now = time.monotonic()
        self.answers = [Answers(check, now) for check in self.checks]
        for answers in self.answers:
            threading.Thread(target=self._keep_asking, args=(answers,), daemon=True).start()

    def end(self) -> None:
        """Stop asking."""
        self._over.set()

    @property
    def passed(self) -> bool:
        """Whether every check went well."""
        return all(one.passed for one in self.answers)

    @property
    def reason(self) -> str:
        """Why it is not well yet; empty when it is."""
        return next((one.reason for one in self.answers if not one.passed), "")

    @property
    def failure(self) -> str:
        """Why it is given up; empty when it is not."""
        return next((one.reason for one in self.answers if one.failed), "")

    def _keep_asking(self, answers: Answers) -> None:
        while not self._over.is_set():
            at = door(answers.check, self.ports, self.found)
            reason = self.asking(answers.check, at) if at else "it has no address"
            answers.take(reason, time.monotonic())
            eager = min(EAGER_S, answers.check.interval_seconds)
            self._over.wait(answers.check.interval_seconds if answers.passed else eager)
