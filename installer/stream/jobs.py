"""Work in threads whose progress one generator tells: meters that are read, not asked.

Owns threads, their ends and how they are told to stop. Knows nothing of bundles and engines.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

TICK: Final = 0.1
"""Seconds between two looks at a meter."""
PATIENCE: Final = 5.0
"""Seconds that a job gets to end after it was told to; one that waits for an engine is left."""


class Halted(Exception):
    """A job was told to stop, and did."""


class Meter:
    """Counts what jobs did; raises `Halted` in them when they shall stop."""

    def __init__(self, total: int, cancel: threading.Event) -> None:
        self.total = total
        self.subject = ""
        self._done = 0
        self._told = (0, "")
        self._cancel = cancel
        self._stop = threading.Event()
        self._lock = threading.Lock()

    @property
    def done(self) -> int:
        """How much was done; never more than the total."""
        return min(self._done, self.total)

    @property
    def cancelled(self) -> bool:
        """Whether a person asked to stop."""
        return self._cancel.is_set()

    def news(self) -> tuple[int, str] | None:
        """Return how much was done and of what; None if that was told before."""
        now = (self.done, self.subject)
        if now == self._told:
            return None
        self._told = now
        return now

    def add(self, count: int) -> None:
        """Count, and stop here if told to.

        Raises:
            Halted: it was.
        """
        with self._lock:
            self._done += count
        if self._stop.is_set() or self._cancel.is_set():
            raise Halted

    def stop(self) -> None:
        """Tell every job that counts here to stop."""
        self._stop.set()


class Job(threading.Thread):
    """One piece of work in a thread that dies with the process."""

    def __init__(self, name: str, work: Callable[[], object]) -> None:
        super().__init__(name=name, daemon=True)
        self._work = work
        self._error: BaseException | None = None

    def run(self) -> None:
        """Do the work; what it raises is kept for the one that waits."""
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            self._error = error

    def ends_within(self, seconds: float) -> bool:
        """Wait for the end, at most `seconds`.

        Raises:
            BaseException: what the work raised.
        """
        self.join(seconds)
        if self.is_alive():
            return False
        if self._error is not None:
            raise self._error
        return True
