"""Progress of a run: a bar on a terminal, a line now and then elsewhere, or nothing.

Owns how progress looks; is told of events, never asks. rich is imported only for a terminal.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol, TextIO

from installer.events import Advanced, Stage, StageStarted, Unit
from manifests.quantities import bytes_text
from manifests.safetext import safe_line

LABELS: Final = {
    Stage.CHECK: "check",
    Stage.FILES: "files",
    Stage.LOAD: "load",
    Stage.SELFTEST: "self-test",
    Stage.START: "start",
    Stage.TAG: "names",
    Stage.RECORD: "record",
    Stage.PRUNE: "prune",
}
INTERVAL: Final = 5.0
"""Seconds between two lines where there is no terminal."""


class Bar(Protocol):
    """Shows how far a run is."""

    def start(self, event: StageStarted) -> None: ...  # noqa: D102
    def advance(self, event: Advanced) -> None: ...  # noqa: D102
    def end(self, stage: Stage) -> None: ...  # noqa: D102
    def line(self, text: str) -> None: ...  # noqa: D102


@contextmanager
def open_bar(stream: TextIO, *, quiet: bool) -> Iterator[Bar]:
    """Return what suits the stream."""
    if quiet:
        yield Silence()
    elif stream.isatty():
        from installer.richbar import open_rich_bar  # noqa: PLC0415 - only for a terminal

        with open_rich_bar(stream) as bar:
            yield bar
    else:
        yield Lines(stream)


class Silence:
    """Nothing."""

    def start(self, event: StageStarted) -> None:
        """Show nothing."""

    def advance(self, event: Advanced) -> None:
        """Show nothing."""

    def end(self, stage: Stage) -> None:
        """Show nothing."""

    def line(self, text: str) -> None:
        """Show nothing."""


class Lines:
    """For logs: a line every few seconds, and what was said."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._last = time.monotonic()
        self._unit = Unit.STEPS

    def start(self, event: StageStarted) -> None:
        """Begin to wait."""
        self._unit = event.unit
        self._last = time.monotonic()

    def advance(self, event: Advanced) -> None:
        """Write a line if the last one is old."""
        now = time.monotonic()
        if now - self._last >= INTERVAL:
            self._last = now
            self.line(
                f"{LABELS[event.stage]:<13}{_amount(event, self._unit)} {safe_line(event.subject)}"
            )

    def end(self, stage: Stage) -> None:
        """Nothing to end."""

    def line(self, text: str) -> None:
        """Write a line."""
        self._stream.write(f"{text.rstrip()}\n")
        self._stream.flush()


def _amount(event: Advanced, unit: Unit) -> str:
    if unit is Unit.BYTES:
        return f"{bytes_text(event.done)} of {bytes_text(event.total)}"
    return f"{event.done} of {event.total} {unit}"
