"""Progress of a run: a bar on a terminal, a line now and then elsewhere, or nothing.

Owns how progress looks; is told of events, never asks. rich is imported only for a terminal.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol, TextIO

from installer.events import Advanced, Stage, StageStarted, Unit
from installer.stream.pace import Outline, Pace, View
from manifests.quantities import bytes_text, seconds_text
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
    Stage.REPAIR: "repair",
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
def open_bar(
    stream: TextIO, outline: Outline | None = None, *, quiet: bool = False
) -> Iterator[Bar]:
    """Return what suits the stream.

    Args:
        stream: where it is shown.
        outline: what the run will do; None where that is not known.
        quiet: show nothing.
    """
    if quiet:
        yield Silence()
    elif stream.isatty():
        from installer.stream.richbar import open_rich_bar  # noqa: PLC0415 - only for a terminal

        with open_rich_bar(stream, outline) as bar:
            yield bar
    else:
        yield Lines(stream, outline)


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

    def __init__(self, stream: TextIO, outline: Outline | None = None) -> None:
        self._stream = stream
        self._last = time.monotonic()
        self._pace = Pace(outline)

    def start(self, event: StageStarted) -> None:
        """Begin to wait."""
        self._last = time.monotonic()
        self._pace.start(event)

    def advance(self, event: Advanced) -> None:
        """Write a line if the last one is old."""
        view = self._pace.advance(event)
        now = time.monotonic()
        if now - self._last >= INTERVAL:
            self._last = now
            self.line(f"{LABELS[event.stage]:<13}{view_text(view)} {safe_line(event.subject)}")

    def end(self, stage: Stage) -> None:
        """Nothing to end."""

    def line(self, text: str) -> None:
        """Write a line."""
        self._stream.write(f"{text.rstrip()}\n")
        self._stream.flush()


def view_text(view: View) -> str:
    """Return how far a stage is, how fast, how long it will take, and at which image."""
    if view.unit is not Unit.BYTES:
        return f"{view.done} of {view.total} {view.unit}"
    parts = [f"{bytes_text(view.done)} of {bytes_text(view.total)}"]
    if view.rate is not None:
        parts.append(f"{bytes_text(view.rate)}/s")
    if view.seconds_left is not None:
        parts.append(f"{seconds_text(view.seconds_left)} left")
    if view.image is not None and view.image.count > 1:
        parts.append(f"image {view.image.number} of {view.image.count}")
    if view.all_total > view.total:
        parts.append(f"{view.all_done / view.all_total:.0%} of all")
    return ", ".join(parts)
