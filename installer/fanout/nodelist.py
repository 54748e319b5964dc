"""Hostlist expressions, `node[01-03,7],gpu[1-2]-a`, as Slurm, pdsh and clush write them.

Owns the grammar and its bounds; whether such nodes exist, and whether a name suits `srun` or `ssh`,
is asked elsewhere. A list that begins with `@` names a file with one expression a line.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from manifests.errors import UsageError
from manifests.safetext import safe_line

MAX_NODES: Final = 4096
FILE_LIMIT: Final = 1024 * 1024
"""Bytes of a list, on the command line or in a file."""
_HINT: Final = "write names with commas, numbers in brackets: node[01-16],gpu1; or @FILE"
_PIECE: Final = re.compile(r"(?P<name>[A-Za-z0-9._@:+-]+)|\[(?P<ranges>[^\[\]]*)\]")
_RANGE: Final = re.compile(r"(?P<first>[0-9]{1,9})(?:-(?P<last>[0-9]{1,9}))?")
_SEPARATOR: Final = re.compile(r"[ \t]*,[ \t]*")


@dataclass(frozen=True, slots=True)
class _Range:
    """Numbers that stand for themselves, padded with zeros to `width`."""

    first: int
    last: int
    width: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __iter__(self) -> Iterator[str]:
        return (f"{number:0{self.width}d}" for number in range(self.first, self.last + 1))


@dataclass(frozen=True, slots=True)
class _Choices:
    """What may stand at one place of a name."""

    ranges: Sequence[_Range | tuple[str]]

    def __len__(self) -> int:
        return sum(map(len, self.ranges))

    def __iter__(self) -> Iterator[str]:
        return itertools.chain.from_iterable(self.ranges)


def read_nodes(asked: str) -> tuple[str, ...]:
    """Return the names that an option's value stands for: an expression, or `@FILE`.

    Raises:
        UsageError: `nodelist-malformed`, `nodelist-too-long`, `nodelist-unreadable`.
    """
    if not asked.startswith("@"):
        return expand(asked)
    path = Path(asked[1:])
    names: dict[str, None] = {}
    for number, line in enumerate(_read(path).splitlines(), start=1):
        text = line.partition("#")[0].strip()
        if text:
            names.update(dict.fromkeys(expand(text, subject=f"{path}:{number}")))
        _refuse_more(len(names), str(path))
    if not names:
        raise _malformed(str(path), "at least one name", "none")
    return tuple(names)


def expand(text: str, subject: str = "list of nodes") -> tuple[str, ...]:
    """Return the names that an expression stands for, each once, in its order.

    Args:
        text: the expression.
        subject: where it stands, for the message.

    Raises:
        UsageError: `nodelist-malformed`, `nodelist-too-long`.
    """
    if len(text) > FILE_LIMIT:
        raise _too_long(subject, f"{len(text)} characters")
    names: dict[str, None] = {}
    at, text = 0, text.strip()
    while True:
        choices, at = _read_word(text, at, subject)
        _refuse_more(math.prod(map(len, choices)), subject)
        names.update(dict.fromkeys(map("".join, itertools.product(*choices))))
        _refuse_more(len(names), subject)
        if at == len(text):
            return tuple(names)
        separator = _SEPARATOR.match(text, at)
        if separator is None:
            raise _malformed(subject, "a comma", text[at : at + 20], at)
        at = separator.end()


def _read_word(text: str, at: int, subject: str) -> tuple[list[_Choices], int]:
    """Return what may stand at each place of the name that begins at `at`, and where it ends."""
    choices: list[_Choices] = []
    while (piece := _PIECE.match(text, at)) is not None:
        if piece["name"]:
            choices.append(_Choices([(piece["name"],)]))
        else:
            choices.append(_Choices(_read_ranges(piece["ranges"], at + 1, subject)))
        at = piece.end()
    if not choices:
        raise _malformed(subject, "a name", text[at : at + 20] or "the end", at)
    return choices, at


def _read_ranges(text: str, at: int, subject: str) -> list[_Range]:
    return [_read_range(one.strip(), at, subject) for one in text.split(",")]


def _read_range(text: str, at: int, subject: str) -> _Range:
    found = _RANGE.fullmatch(text)
    if found is None:
        raise _malformed(subject, "numbers such as 01-16,20", text, at)
    first, last = found["first"], found["last"] or found["first"]
    if int(first) > int(last):
        raise _malformed(subject, "a range that rises", text, at)
    return _Range(int(first), int(last), len(first))


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UsageError("nodelist-unreadable", f"{path}: {reason}", hint=_HINT) from error
    if len(data) > FILE_LIMIT:
        raise _too_long(str(path), "a larger file")
    return data.decode("utf-8", errors="replace")


def _refuse_more(count: int, subject: str) -> None:
    if count > MAX_NODES:
        raise _too_long(subject, f"{count} names")


def _too_long(subject: str, found: str) -> UsageError:
    where = safe_line(subject, limit=200)
    expected = f"expected at most {MAX_NODES} names in {FILE_LIMIT} bytes"
    return UsageError("nodelist-too-long", f"{where}: {expected}, found {found}")


def _malformed(subject: str, expected: str, found: str, at: int | None = None) -> UsageError:
    where = safe_line(subject, limit=200) + ("" if at is None else f", column {at + 1}")
    shown = repr(safe_line(found, limit=60))
    return UsageError(
        "nodelist-malformed", f"{where}: expected {expected}, found {shown}", hint=_HINT
    )
