"""A guard against work that grows with the square of hostile input.

Not a measurement: the limit is many times what the slowest machine needs, and what it is meant
to catch takes minutes or hours on the fastest.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

LIMIT_S = 120


class EndlessError(AssertionError):
    """The work took more of the processor than any machine should need for it."""


@contextmanager
def not_endless() -> Iterator[None]:
    """End the block with `EndlessError` after `LIMIT_S` seconds of this process's own work."""
    before = signal.signal(signal.SIGVTALRM, _end)
    signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _end(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise EndlessError(f"not done after {LIMIT_S} s of work")
