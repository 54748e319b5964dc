"""Takes a signal once that comes twice.

The loader waits for this process and hands on every signal that it gets. A terminal's Ctrl-C, and
whatever else is sent to the whole process group, reaches both. To the installer a second one means
to break off hard.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

_TWICE: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SECONDS: Final = 0.5
"""Within which a second one is the same: the loader is slower on a busy machine; people, too."""

_set = signal.signal


class _Once:
    """A handler that is not called again for the same signal."""

    def __init__(self, handler: Callable[[int, FrameType | None], Any]) -> None:
        self.handler = handler
        self._last = float("-inf")

    def __call__(self, number: int, frame: FrameType | None) -> Any:
        now = time.monotonic()
        if now - self._last > _SECONDS:
            self._last = now
            return self.handler(number, frame)
        return None


def take_once() -> None:
    """From now on wrap every handler of the signals that come twice."""
    vars(signal)["signal"] = _signal
    _signal(signal.SIGINT, signal.default_int_handler)


def _signal(number: int, handler: Any, /) -> Any:
    if number in _TWICE and callable(handler) and not isinstance(handler, (_Once, int)):
        handler = _Once(handler)
    before = _set(number, handler)
    return before.handler if isinstance(before, _Once) else before
