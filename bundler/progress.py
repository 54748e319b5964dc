"""What long work tells while it runs; the work knows only this protocol, never a screen."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class Stage(StrEnum):
    """The stages of a build, in their order."""

    RESOLVE = "resolve"
    FETCH = "fetch"
    PACK = "pack"
    WRITE = "write"
    VERIFY = "verify"


class Progress(Protocol):
    """A sink of progress. Called from several threads; may raise KeyboardInterrupt to cancel."""

    def expect(self, stage: Stage, total: int) -> None:
        """`stage` has `total` more bytes (or images) before it."""

    def start(self, stage: Stage, subject: str, total: int) -> None:
        """Begin `subject`, such as a blob, of `total` bytes; they were expected before."""

    def advance(self, stage: Stage, subject: str, count: int) -> None:
        """`count` more bytes of `subject` are done."""

    def finish(self, stage: Stage, subject: str) -> None:
        """`subject` is done or was given up."""

    def note(self, text: str) -> None:
        """Something a person should know, in one line."""


class Silent:
    """Tells nobody."""

    def expect(self, stage: Stage, total: int) -> None:
        """Nothing."""

    def start(self, stage: Stage, subject: str, total: int) -> None:
        """Nothing."""

    def advance(self, stage: Stage, subject: str, count: int) -> None:
        """Nothing."""

    def finish(self, stage: Stage, subject: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""
