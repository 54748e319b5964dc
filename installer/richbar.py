"""The progress bar of a terminal, by rich; foreign text goes in as plain text, never as markup."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from installer.bars import LABELS
from installer.events import Advanced, Stage, StageStarted, Unit
from manifests.safetext import safe_line

SUBJECT_WIDTH = 24


class RichBar:
    """One bar for the stage under way."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._tasks: dict[Stage, TaskID] = {}

    def start(self, event: StageStarted) -> None:
        """Add the stage's bar, if it counts bytes: the others are over at once."""
        if event.unit is Unit.BYTES:
            self._tasks[event.stage] = self._progress.add_task(
                LABELS[event.stage], total=event.total, subject=""
            )

    def advance(self, event: Advanced) -> None:
        """Move it."""
        if (task := self._tasks.get(event.stage)) is not None:
            subject = _tail(safe_line(event.subject))
            self._progress.update(task, completed=event.done, subject=subject)

    def end(self, stage: Stage) -> None:
        """Take it away."""
        if (task := self._tasks.pop(stage, None)) is not None:
            self._progress.remove_task(task)

    def line(self, text: str) -> None:
        """Write a line above it."""
        self._progress.console.print(Text(text))


@contextmanager
def open_rich_bar(stream: TextIO) -> Iterator[RichBar]:
    """Yield a bar that is gone when the block ends."""
    console = Console(file=stream, highlight=False, markup=False)
    columns = (
        TextColumn("{task.description:<6}", markup=False),
        BarColumn(bar_width=None),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[subject]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield RichBar(progress)


def _tail(text: str) -> str:
    return text if len(text) <= SUBJECT_WIDTH else "\u2026" + text[-SUBJECT_WIDTH + 1 :]
