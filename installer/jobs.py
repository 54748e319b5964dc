"""Work in threads whose progress one generator tells: meters that are read, not asked.

Owns threads, their ends and how they are told to stop. Knows nothing of bundles and engines.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Final

TICK: Final = 0.1
"""Seconds between two looks at a meter."""
PATIENCE: Final = 5.0
"""Seconds that a job gets to end after it was told to."""


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


class Crew:
    """Jobs that run at once, each in a thread of its own.

    The threads die with the process: one that waits for an engine is left to it after `PATIENCE`.
    """

    def __init__(self) -> None:
        self._ended: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self.running: list[Job] = []

    def start(self, name: str, work: Callable[[], object]) -> Job:
        """Begin a job."""
        job = Job(name, work, self._ended)
        self.running.append(job)
        job.start()
        return job

    def next_ended(self, timeout: float = TICK) -> Job | None:
        """Wait for a job to end, at most `timeout` seconds; None if none did."""
        try:
            job = self._ended.get(timeout=timeout)
        except queue.Empty:
            return None
        self.running.remove(job)
        return job

    def dismiss(self) -> None:
        """Wait for all that were told to stop; leave those that can't."""
        deadline = time.monotonic() + PATIENCE
        while self.running and time.monotonic() < deadline:
            self.next_ended(max(0.0, deadline - time.monotonic()))


class Job(threading.Thread):
    """One piece of work."""

    def __init__(
        self, name: str, work: Callable[[], object], ended: queue.SimpleQueue[Job]
    ) -> None:
        super().__init__(name=name, daemon=True)
        self.error: BaseException | None = None
        self.seconds = 0.0
        self._work = work
        self._announce = ended

    def run(self) -> None:
        """Do the work; what it raises is kept for the one that waits."""
        start = time.monotonic()
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            self.error = error
        self.seconds = time.monotonic() - start
        self._announce.put(self)
