"""Lines folded to a width: what stands in each row of the screen. Pure.

Words stay whole where they fit; what is longer than a row is cut where the row ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from installer.tui.lines import Line, Mark
from installer.words.results import LABEL


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the screen.

    Attributes:
        label: what stands left, as wide as all labels; empty where the text takes the whole row.
        text: never wider than the rest of the row.
        mark: how the text stands out.
    """

    label: str
    text: str
    mark: Mark


def rows_of(lines: Iterable[Line], width: int) -> Iterator[Row]:
    """Yield the rows of lines, `width` cells wide; text never goes on below its label."""
    for line in lines:
        labels = _labels(line.label)
        room = width - (LABEL if line.label is not None else 0)
        for at, text in enumerate(_folded(line.text, max(1, room))):
            yield Row(labels[min(at, 1)], text, line.mark)


def _labels(label: str | None) -> tuple[str, str]:
    """Return what stands left of the first row of a line, and of the others."""
    if label is None:
        return "", ""
    return set_cell_size(label, LABEL), " " * LABEL


def _folded(text: str, width: int) -> list[str]:
    if "\n" not in text and cell_len(text) <= width:
        return [text]
    return [one.plain for one in Content(text).wrap(width)]
