"""Standard output and standard error of `bundle`, with `bundler.output`: nothing else here prints.

Standard output is the result, in words or as one JSON document; standard error is talk: progress
bars on a terminal, plain lines elsewhere.
"""

from __future__ import annotations

import threading
import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from bundler.output import error_json, print_json
from bundler.progress import Stage
from manifests.errors import MESSAGE_LIMIT, MoonliftError
from manifests.quantities import bytes_text, seconds_text
from manifests.safetext import safe_line, safe_text

out = Console(highlight=False, markup=False, soft_wrap=False)
talk = Console(stderr=True, highlight=False, markup=False)

_LABELS: Final = {
    Stage.RESOLVE: "resolve",
    Stage.FETCH: "fetch",
    Stage.PACK: "pack",
    Stage.WRITE: "write",
    Stage.VERIFY: "verify",
}
MAX_WIDTH: Final = 80
"""Columns of tables and words."""
BARS: Final = 6
"""Blobs shown at once beside the totals."""
PLAIN_INTERVAL: Final = 5.0
"""Seconds between plain progress lines."""


def print_view(view: RenderableType) -> None:
    """Write words or tables to standard output, broken to at most `MAX_WIDTH` columns."""
    out.print(view, width=min(out.width, MAX_WIDTH))


def print_error(error: MoonliftError, *, as_json: bool) -> None:
    """Tell an expected failure: what was expected and found, its code, the next step."""
    if as_json:
        print_json(error_json(error))
        return
    if error.parts:
        _say(f"bundle: {len(error.parts)} problems", style="bold red")
    for number, part in enumerate(error.parts or (error,), start=1):
        head = f"{number}." if error.parts else "bundle:"
        _say(f"{head} {safe_text(str(part), limit=MESSAGE_LIMIT)}", style="bold red")
        _say(f"  code: {part.code}")
        if part.hint:
            _say(f"  next: {safe_text(part.hint)}")


def _say(text: str, *, style: str | None = None) -> None:
    """Print to standard error; only a terminal's lines are broken to its width."""
    talk.print(text, style=style, soft_wrap=not talk.is_terminal)


class Bars:
    """Progress on a terminal: a bar for each stage in all, and one for each blob under way."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[amount]}"),
            TimeRemainingColumn(compact=True),
            console=talk,
            transient=True,
        )
        self._totals: dict[Stage, TaskID] = {}
        self._tasks: dict[tuple[Stage, str], TaskID] = {}
        self._lock = threading.Lock()

    def expect(self, stage: Stage, total: int) -> None:
        """Add to the stage's bar."""
        with self._lock:
            whole = self._totals.get(stage)
            if whole is None:
                whole = self._totals[stage] = self._add(_LABELS[stage], 0)
            self._progress.update(whole, total=(self._task(whole).total or 0) + total)

    def start(self, stage: Stage, subject: str, total: int) -> None:
        """Add a blob's bar while there is room."""
        with self._lock:
            if len(self._tasks) < BARS and (stage, subject) not in self._tasks:
                self._tasks[stage, subject] = self._add(f"  {safe_line(subject)[-24:]}", total)

    def advance(self, stage: Stage, subject: str, count: int) -> None:
        """Move a blob's bar and the stage's."""
        with self._lock:
            for task in (self._tasks.get((stage, subject)), self._totals.get(stage)):
                if task is not None:
                    self._progress.advance(task, count)
                    self._progress.update(task, amount=_amount(stage, self._task(task)))

    def finish(self, stage: Stage, subject: str) -> None:
        """Remove a blob's bar."""
        with self._lock:
            if (task := self._tasks.pop((stage, subject), None)) is not None:
                self._progress.remove_task(task)

    def _add(self, label: str, total: int) -> TaskID:
        return self._progress.add_task(label, total=total, amount="")

    def _task(self, task: TaskID) -> Task:
        return next(one for one in self._progress.tasks if one.id == task)

    def note(self, text: str) -> None:
        """Print a line above the bars."""
        self._progress.console.print(safe_text(text))

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()


def _amount(stage: Stage, task: Task) -> str:
    """Return `1.4 of 2.8 GiB, 90 MiB/s`; images are counted, not weighed."""
    done, total = task.completed, task.total or 0
    if stage is Stage.RESOLVE:
        return f"{done:.0f} of {total:.0f} images"
    rate = f", {bytes_text(task.speed)}/s" if task.speed else ""
    return f"{bytes_text(done)} of {bytes_text(total)}{rate}"


class Lines:
    """Progress for logs: a line for each stage every few seconds."""

    def __init__(self) -> None:
        self._totals: dict[Stage, int] = {}
        self._done: dict[Stage, int] = {}
        self._begun: dict[Stage, float] = {}
        self._told = time.monotonic()
        self._lock = threading.Lock()

    def expect(self, stage: Stage, total: int) -> None:
        """Add to the stage's total."""
        with self._lock:
            self._totals[stage] = self._totals.get(stage, 0) + total

    def start(self, stage: Stage, subject: str, total: int) -> None:
        """Nothing: the stage is told as a whole."""

    def advance(self, stage: Stage, subject: str, count: int) -> None:  # noqa: ARG002
        """Count, and tell now and then."""
        with self._lock:
            now = time.monotonic()
            begun = self._begun.setdefault(stage, now)
            self._done[stage] = self._done.get(stage, 0) + count
            if now - self._told < PLAIN_INTERVAL:
                return
            self._told = now
            done, total = self._done[stage], self._totals.get(stage, 0)
        counted = f"{done} of {total} images"
        weighed = _weighed(done, total, now - begun)
        _say(f"{_LABELS[stage]}: {counted if stage is Stage.RESOLVE else weighed}")

    def finish(self, stage: Stage, subject: str) -> None:
        """Nothing: the next line tells."""

    def note(self, text: str) -> None:
        """Print a line."""
        _say(safe_text(text))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to let go."""


def _weighed(done: int, total: int, seconds: float) -> str:
    """Return `1.4 of 2.8 GiB, 90 MiB/s, 0:16 left`."""
    amount = f"{bytes_text(done)} of {bytes_text(total)}"
    if not done or seconds <= 0:
        return amount
    rate = done / seconds
    left = seconds_text(max(0, total - done) / rate)
    return f"{amount}, {bytes_text(rate)}/s, {left} left"


def progress_sink() -> Bars | Lines:
    """Return what fits standard error: bars on a terminal, lines elsewhere."""
    return Bars() if talk.is_terminal and not talk.is_dumb_terminal else Lines()
