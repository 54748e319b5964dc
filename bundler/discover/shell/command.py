"""A command of a script, as a program gets it: arguments with their places, a script as input."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from bundler.discover.found import Place
from bundler.discover.shell.variables import Alternatives, Unknown, Value

_BREAK: Final = re.compile("\n")


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument.

    Attributes:
        text: with unknown parts as written.
        place: of the word that it comes from.
        unknown: the first part that is not known; None when all is.
    """

    text: str
    place: Place
    unknown: Unknown | None = None

    def after(self, prefix: str) -> Argument:
        """Return the argument without what stands before the value in it: `--name=`."""
        return Argument(self.text.removeprefix(prefix), self.place, self.unknown)


class Script:
    """A text of commands, and where it stands.

    Attributes:
        text: with line feeds only.
        file: that it is in.
        fill: what the shell that writes a here-document puts into a line of it; None for nothing.
    """

    def __init__(self, text: str, file: str, *, line: int = 1, place: Place | None = None) -> None:
        self.fill: Callable[[str], tuple[str, ...]] | None = None
        self.text = text
        self.file = file
        self._first = line
        self._place = place
        breaks = _BREAK.finditer(text) if place is None else ()
        self._begins = array("L", [0])
        self._begins.extend(one.end() for one in breaks)

    def place(self, offset: int) -> Place:
        """Return where the character at `offset` is; of a script in a word, where the word is."""
        if self._place is not None:
            return self._place
        row = bisect_right(self._begins, offset) - 1
        return Place(self.file, self._first + row, offset - self._begins[row] + 1)


@dataclass(frozen=True, slots=True)
class Command:
    """A command with all its words filled in.

    Attributes:
        arguments: the program's name first.
        input: a here-document that it reads; None for none.
    """

    arguments: tuple[Argument, ...]
    input: Script | None = None


def argument_of(value: Value, place: Place) -> Argument:
    """Return a value as an argument from a word at `place`."""
    return Argument(value.shown, place, value.unknown[0] if value.unknown else None)


def parameters_of(fields: list[Alternatives]) -> Iterator[Alternatives]:
    """Yield `$1` and so on; where a word has alternatives of several fields, of the first."""
    for alternatives in fields:
        if all(len(values) == 1 for values in alternatives):
            yield alternatives
        else:
            yield from (((value,),) for value in alternatives[0])
