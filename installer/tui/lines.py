"""What a screen shows, as plain values: lines with a mark, no terminal, no textual.

Owns the vocabulary between the pure functions that know what to say and the screens that know how
it looks. A mark is never the only bearer of a meaning: the text says it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from installer.events import Failure
from installer.words.results import LABEL
from manifests.errors import ExitCode
from manifests.safetext import safe_line

_WORDS: Final = {ExitCode.BUNDLE_REFUSED: "REFUSED", ExitCode.NOT_INSTALLABLE: "NOT HERE"}


class Mark(StrEnum):
    """How a line stands out where the terminal can."""

    PLAIN = "plain"
    HEAD = "head"
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    FAINT = "faint"


@dataclass(frozen=True, slots=True)
class Line:
    """One line, before it is folded to the screen's width.

    Attributes:
        text: safe to show.
        label: what stands left of it; None for a line that takes the whole width, empty for one
            that goes on below another.
        mark: how it stands out.
    """

    text: str
    label: str | None = None
    mark: Mark = Mark.PLAIN


def head(text: str) -> Line:
    """Return a heading."""
    return Line(text, mark=Mark.HEAD)


def blank() -> Line:
    """Return an empty line."""
    return Line("")


def labelled(lines: Iterable[str]) -> Iterator[Line]:
    """Return what the console prints, its labels apart from its text."""
    for line in lines:
        label, text = line[:LABEL].strip(), line[LABEL:].strip()
        mark = Mark.WARN if label in ("warning", "not counted", "waived") else Mark.PLAIN
        yield Line(text, label, mark)


def failure_lines(failure: Failure) -> Iterator[Line]:
    """Say why something could not be done, its code and the next step."""
    word = _WORDS.get(failure.exit_code, "FAILED")
    first, *others = failure.message.splitlines() or [""]
    yield Line(safe_line(first), word, Mark.BAD)
    yield from (Line(safe_line(text), "") for text in others)
    yield Line(failure.code, "code")
    if failure.hint:
        yield Line(safe_line(failure.hint), "next")
