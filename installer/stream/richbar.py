"""The progress bars of a terminal, by rich; foreign text goes in as plain text, never as markup.

At most three at a time: the stage under way, the image that is being loaded, and all of the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from installer.events import Advanced, Stage, StageStarted, Unit
from installer.stream.bars import LABELS
from installer.stream.pace import ImageView, Outline, Pace
from manifests.quantities import bytes_text, seconds_text
from manifests.safetext import safe_line

SUBJECT_WIDTH = 18


class RichBar:
    """The bars of one run."""

    def __init__(self, progress: Progress, outline: Outline | None = None) -> None:
        self._progress = progress
        self._pace = Pace(outline)
        self._tasks: dict[Stage, TaskID] = {}
        self._image: TaskID | None = None
        self._all: TaskID | None = None

    def start(self, event: StageStarted) -> None:
        """Add the stage's bar, if it counts bytes: the others are over at once."""
        self._pace.start(event)
        if event.unit is not Unit.BYTES:
            return
        self._tasks[event.stage] = self._add(LABELS[event.stage], event.total)
        if event.stage is Stage.LOAD and len(self._pace.outline.images) > 1:
            self._image = self._add("image", 1)
        if self._all is None and self._pace.outline.total > event.total:
            self._all = self._add("in all", self._pace.outline.total)

    def advance(self, event: Advanced) -> None:
        """Move them."""
        task = self._tasks.get(event.stage)
        if task is None:
            return
        view = self._pace.advance(event)
        subject = _tail(safe_line(event.subject))
        words = _words(view.done, view.total, view.rate, view.seconds_left)
        self._progress.update(task, completed=view.done, words=words, subject=subject)
        if self._image is not None and view.image is not None:
            self._show_image(self._image, view.image)
        if self._all is not None and view.all_done:
            words = _words(view.all_done, view.all_total, None, view.all_seconds_left)
            self._progress.update(self._all, completed=view.all_done, words=words)

    def end(self, stage: Stage) -> None:
        """Take the stage's bars away; that of all stays to the end."""
        if (task := self._tasks.pop(stage, None)) is not None:
            self._progress.remove_task(task)
        if stage is Stage.LOAD and self._image is not None:
            self._progress.remove_task(self._image)
            self._image = None

    def line(self, text: str) -> None:
        """Write a line above them."""
        self._progress.console.print(Text(text))

    def _show_image(self, task: TaskID, image: ImageView) -> None:
        words = f"{image.number} of {image.count}, {bytes_text(image.size)}"
        subject = _tail(safe_line(image.name))
        self._progress.update(
            task, completed=image.done, total=max(1, image.size), words=words, subject=subject
        )

    def _add(self, label: str, total: int) -> TaskID:
        return self._progress.add_task(label, total=total, words="", subject="")


@contextmanager
def open_rich_bar(stream: TextIO, outline: Outline | None = None) -> Iterator[RichBar]:
    """Yield bars that are gone when the block ends."""
    console = Console(file=stream, highlight=False, markup=False)
    columns = (
        TextColumn("{task.description:<6}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[words]}", markup=False),
        TextColumn("{task.fields[subject]}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield RichBar(progress, outline)


def _words(done: int, total: int, rate: float | None, left: float | None) -> str:
    parts = [f"{bytes_text(done)} of {bytes_text(total)}"]
    parts += [f"{bytes_text(rate)}/s"] if rate is not None else []
    parts += [f"{seconds_text(left)} left"] if left is not None else []
    return ", ".join(parts)


def _tail(text: str) -> str:
    return text if len(text) <= SUBJECT_WIDTH else "\u2026" + text[-SUBJECT_WIDTH + 1 :]
