"""Lines and columns that fit a width. Knows nothing of what they say."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

_GAP: Final = "  "
_CUT: Final = "~"


@dataclass(frozen=True, slots=True)
class Page:
    """How a report is shown.

    Attributes:
        width: characters of a line.
        colour: whether there are colours.
    """

    width: int = 100
    colour: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        head: stands above it.
        side: `<` to set its cells to the left, `>` to the right.
        least: characters that its cells may be cut to where there is no room; null for never.
        spare: whether it is left out where there is still no room.
    """

    head: str
    side: str = ">"
    least: int | None = None
    spare: bool = False


def wrapped(text: str, width: int, first: str = "", rest: str = "    ") -> list[str]:
    """Return lines of at most `width` characters, begun by `first` and `rest`."""
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    )


def table(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> Iterator[str]:
    """Yield the lines of a table: cut, then with columns left out from the right, until it fits."""
    kept = list(range(len(columns)))
    wide = _widths(columns, rows, width)
    for at in reversed(kept.copy()):
        if _total([wide[one] for one in kept]) > width and columns[at].spare:
            kept.remove(at)
    for row in ([column.head for column in columns], *rows):
        cells = (f"{_cut(row[at], wide[at]):{columns[at].side}{wide[at]}}" for at in kept)
        yield _GAP.join(cells).rstrip()


def _widths(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """Return how wide the columns are, with those cut that may be."""
    wide = [
        max(len(column.head), *(len(row[at]) for row in rows), 0)
        for at, column in enumerate(columns)
    ]
    for at, column in enumerate(columns):
        if column.least is not None:
            wide[at] = max(min(column.least, wide[at]), wide[at] - max(0, _total(wide) - width))
    return wide


def _total(wide: Sequence[int]) -> int:
    return sum(wide) + len(_GAP) * (len(wide) - 1)


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + _CUT
