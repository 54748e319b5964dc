"""Patience: which faults may pass, how long to wait for them, and when to give up.

Exponential back-off with jitter; `Retry-After` is honoured (RFC 9110, 10.2.3). The budget counts
failures without progress, so that a long download over a bad line ends and a dead one does too.
Time comes from an injected clock. Nothing here talks to anyone.
"""

from __future__ import annotations

import re
import threading
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import SystemRandom
from typing import Final, Protocol

from manifests.errors import MoonliftError

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 30.0
LONGEST_RETRY_AFTER_S: Final = 60.0
"""A registry may ask for hours; we ask again after a minute and then say so."""
PROGRESS_BYTES: Final = 64 * 1024
"""What must arrive between two failures for the second to count as a first one again."""

_SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)
_JITTER = SystemRandom()


class Clock(Protocol):
    """Time, injected so that tests do not wait."""

    def monotonic(self) -> float:
        """Return seconds that only grow."""

    def now(self) -> datetime:
        """Return the date, with its zone."""

    def sleep(self, seconds: float, /) -> None:
        """Wait, or return early after `wake`."""

    def wake(self) -> None:
        """End every wait, now and from now on."""


class SystemClock:
    """The machine's own time."""

    def __init__(self) -> None:
        self._woken = threading.Event()

    def monotonic(self) -> float:
        """Return seconds that only grow."""
        return time.monotonic()

    def now(self) -> datetime:
        """Return the date, with its zone."""
        return datetime.now(UTC)

    def sleep(self, seconds: float, /) -> None:
        """Wait, or return early after `wake`."""
        self._woken.wait(seconds)

    def wake(self) -> None:
        """End every wait, now and from now on."""
        self._woken.set()


class Broken(Exception):
    """A fault that may pass.

    Attributes:
        failure: what to raise when patience ends.
        retry_after: seconds that the other side asks us to wait.
    """

    def __init__(self, failure: MoonliftError, *, retry_after: float | None = None) -> None:
        super().__init__(failure.code)
        self.failure = failure
        self.retry_after = retry_after


class Patience:
    """The retry budget of one document or blob; for one thread."""

    def __init__(self, clock: Clock, retries: int) -> None:
        self._clock = clock
        self._retries = retries
        self._failures = 0
        self._arrived = 0

    def received(self, count: int) -> None:
        """Count bytes that arrived and are kept; enough of them renew the budget."""
        self._arrived += count
        if self._arrived >= PROGRESS_BYTES:
            self._failures = 0

    def wait_or_raise(self, broken: Broken) -> None:
        """Wait before the next try.

        Raises:
            MoonliftError: the budget is spent.
        """
        if self._failures >= self._retries:
            raise broken.failure from broken
        wait = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2**self._failures)
        self._failures += 1
        self._arrived = 0
        self._clock.sleep(max(_JITTER.uniform(wait / 2, wait), broken.retry_after or 0.0))


def parse_retry_after(header: str | None, clock: Clock) -> float | None:
    """Return the seconds that a `Retry-After` header asks for, capped; None if it asks nothing."""
    if not header:
        return None
    text = header.strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), LONGEST_RETRY_AFTER_S)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return min(max((when - clock.now()).total_seconds(), 0.0), LONGEST_RETRY_AFTER_S)
