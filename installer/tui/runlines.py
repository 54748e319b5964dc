"""A run in lines: its stages, its images, what went wrong, what it came to; pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, assert_never

from installer.events import Outcome, Stage, Unit
from installer.stream.bars import LABELS
from installer.stream.stages import counted_text
from installer.tui.gauges import (
    amount_text,
    bar_text,
    cut_text,
    left_text,
    percent_text,
    rate_text,
)
from installer.tui.lines import Line, Mark, blank, failure_lines, head
from installer.tui.progress import ImageProgress, RunProgress, StageProgress, State
from installer.words.results import LABEL, record_lines, short_name
from manifests.bundle.damage import place_text
from manifests.quantities import bytes_text, seconds_text
from manifests.safetext import safe_line

_DAMAGES: Final = 20
"""Damaged places that are shown."""
_FIGURES: Final = 52
"""Cells of what stands right of a stage's bar."""
_SIZE: Final = 17
"""Cells between an image's bar and its name."""
_BAR_LEAST: Final = 6
_IMAGE_BAR: Final = 24
WORDS: Final = {
    State.WAITING: "waits",
    State.RUNNING: "loading",
    State.DONE: "done",
    State.FAILED: "FAILED",
}
MARKS: Final = {
    State.WAITING: Mark.FAINT,
    State.RUNNING: Mark.PLAIN,
    State.DONE: Mark.GOOD,
    State.FAILED: Mark.BAD,
}


def run_lines(run: RunProgress, width: int) -> Iterator[Line]:
    """Say how far a run is, `width` cells wide."""
    if not run.stages and not run.finished:
        yield Line("asking the engine ...")
    for stage in run.stages:
        yield _stage_line(stage, run, width)
        if stage is run.current and run.subject:
            yield Line(cut_text(safe_line(run.subject), width - LABEL), "", Mark.FAINT)
    yield from end_lines(run)
    if run.images:
        yield blank()
        yield head(_images_text(run))
        yield from (_image_line(image, width) for image in run.images)


def end_lines(run: RunProgress) -> Iterator[Line]:
    """Say what was noted, what a run came to and, if it failed, why and what to do."""
    for note in run.notes:
        if note.stage is not Stage.SELFTEST:
            yield Line(safe_line(note.text), "note")
    for damage in run.damages[:_DAMAGES]:
        yield Line(safe_line(place_text(damage)), "damaged", Mark.BAD)
    if not run.finished:
        return
    yield blank()
    if run.failure is not None:
        yield from failure_lines(run.failure)
    if run.record is None:
        return
    mark = Mark.GOOD if run.failure is None else Mark.WARN
    word = outcome_word(run.record.outcome)
    for text in record_lines(run.record):
        yield Line(text, word if run.failure is None else "but", mark)


def outcome_word(outcome: Outcome) -> str:
    """Return one word for how a run ended."""
    match outcome:
        case Outcome.DONE | Outcome.NOTHING_TO_DO:
            return "done"
        case Outcome.FAILED:
            return "FAILED"
        case Outcome.CANCELLED:
            return "stopped"
        case _:
            assert_never(outcome)


def _stage_line(stage: StageProgress, run: RunProgress, width: int) -> Line:
    label = LABELS[stage.stage]
    if stage.state is State.DONE:
        amount = amount_text(stage.total, stage.total, stage.unit).partition(" of ")
        what = amount[0] if stage.unit is Unit.BYTES else counted_text(stage.total, stage.unit)
        return Line(f"done: {what} in {seconds_text(stage.seconds)}", label, Mark.GOOD)
    if stage.state is State.FAILED:
        return Line("FAILED", label, Mark.BAD)
    share = stage.done / stage.total if stage.total else 0.0
    figures = f" {percent_text(share)} {amount_text(stage.done, stage.total, stage.unit)}"
    if stage.unit is Unit.BYTES:
        figures += f"  {rate_text(run.pace.rate)}  {left_text(run.seconds_left)}"
    bar = bar_text(share, max(_BAR_LEAST, width - LABEL - _FIGURES))
    return Line(f"{bar}{figures.rstrip()}", label)


def _images_text(run: RunProgress) -> str:
    done = sum(one.state is State.DONE for one in run.images)
    return f"images: {done} of {len(run.images)} there"


def _image_line(image: ImageProgress, width: int) -> Line:
    room = width - LABEL
    bar = min(_IMAGE_BAR, max(_BAR_LEAST, room // 3))
    share = image.done / image.total if image.total else float(image.state is State.DONE)
    size = "was there" if image.state is State.DONE else "damaged"
    size = bytes_text(image.total) if image.total else size
    name = cut_text(safe_line(short_name(image.name)), room - bar - _SIZE)
    gauge = f"{bar_text(share, bar)} {percent_text(share)}"
    text = f"{gauge} {size:<9} {name}"
    return Line(text, WORDS[image.state], MARKS[image.state])
