"""Faults of the operating system, one call at a time: an error, or death without warning."""

from __future__ import annotations

import errno
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

CALLS = ("open", "write", "fsync", "rename", "fchmod", "unlink", "close", "fstat", "pread", "read")
"""Every call with which a file is changed, and those around them."""
KILLED = 137


class Faults:
    """Counts calls of `os` and strikes at one of them.

    A failing `close` has closed all the same, as on Linux.

    Attributes:
        at: which call is struck, from 1; 0 for none.
        seen: how many calls there were.
    """

    def __init__(self, at: int, strike: Callable[[], None]) -> None:
        self.at = at
        self.seen = 0
        self._strike = strike

    def wrap(self, real: Callable[..., Any], *, afterwards: bool) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            self.seen += 1
            struck = self.seen == self.at
            if struck and not afterwards:
                self._strike()
            result = real(*arguments, **named)
            if struck:
                self._strike()
            return result

        return call

    @contextmanager
    def armed(self, calls: tuple[str, ...] = CALLS) -> Iterator[Faults]:
        with ExitStack() as stack:
            for name in calls:
                real = getattr(os, name)
                stack.enter_context(
                    patch.object(os, name, self.wrap(real, afterwards=name == "close"))
                )
            yield self


def fail_with(number: int = errno.EIO) -> Callable[[], None]:
    def strike() -> None:
        raise OSError(number, os.strerror(number))

    return strike


def count_calls(action: Callable[[], object]) -> int:
    """Return how many of `CALLS` the action makes."""
    faults = Faults(0, fail_with())
    with faults.armed():
        action()
    return faults.seen


def die_at(at: int, action: Callable[[], object]) -> int:
    """Run `action` in a child that dies at its call number `at`; return its exit status."""

    def die() -> None:
        os._exit(KILLED)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        try:
            with Faults(at, die).armed():
                action()
            status = 0
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
