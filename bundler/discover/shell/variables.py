"""What a script's variables may hold at a point: every value that some way to it assigns.

Owns the values and how branches (`if`, `case`, loops) come together again. How words are filled
in is for `shell.expand`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, TypeAlias

from bundler.discover.shell.tokens import ShellLimit

MAX_ALTERNATIVES: Final = 1000
"""Values of one variable or word."""
MAX_VARIABLES: Final = 5000
MAX_TEXT: Final = 64 * 1024
"""Characters of one value."""
MAX_STORED: Final = 4 * 1024 * 1024
"""Characters of all values together."""


class Why(Enum):
    """Why a text is not known."""

    UNSET = auto()
    PARAMETER = auto()
    OUTPUT = auto()
    FORM = auto()
    DIRECTIVE = auto()


@dataclass(frozen=True, slots=True)
class Unknown:
    """What is missing from a value.

    Attributes:
        name: of the variable that would have to be given; empty when there is none.
        source: as written: `$(cat image.txt)`.
        why: it is not known.
        shown: within a longer text; empty for the source.
    """

    name: str
    source: str
    why: Why
    shown: str = ""


UNKNOWN: Final = "\ue000"
"""Stands in a value for a part that is not known; no script can hold it."""


@dataclass(frozen=True, slots=True)
class Value:
    """A text that may have unknown parts.

    Attributes:
        text: with `UNKNOWN` in place of each unknown part.
        unknown: those parts, in order.
    """

    text: str
    unknown: tuple[Unknown, ...] = ()

    @property
    def shown(self) -> str:
        """The text, with unknown parts as written."""
        if not self.unknown:
            return self.text
        known = self.text.split(UNKNOWN)
        sources = [*(one.shown or one.source for one in self.unknown), ""]
        return "".join(part for pair in zip(known, sources, strict=True) for part in pair)

    def fields(self) -> tuple[Value, ...]:
        """Return the value split at blanks."""
        found = []
        left = self.unknown
        for text in self.text.split():
            count = text.count(UNKNOWN)
            found.append(Value(text, left[:count]))
            left = left[count:]
        return tuple(found)

    def __add__(self, other: Value) -> Value:
        text = self.text + other.text
        if len(text) > MAX_TEXT:
            raise ShellLimit(f"a value of more than {MAX_TEXT} characters")
        return Value(text, self.unknown + other.unknown)


def unknown_value(lost: Unknown) -> Value:
    """Return a value of which nothing is known."""
    return Value(UNKNOWN, (lost,))


Values: TypeAlias = tuple[Value, ...]
"""A variable's value: one, or those of an array; or the fields of a word."""
Alternatives: TypeAlias = tuple[Values, ...]
"""All that a variable or word may be."""


def distinct(alternatives: Iterable[Values]) -> Alternatives:
    """Return alternatives once each.

    One that a caller may give as a parameter counts for nothing beside those that the script
    itself has: `image=${1:-nginx}` written in long.

    Raises:
        ShellLimit: more than 1000.
    """
    found: dict[Values, None] = {}
    for one in alternatives:
        found[one] = None
        if len(found) > MAX_ALTERNATIVES:
            raise ShellLimit(f"more than {MAX_ALTERNATIVES} values of one variable or word")
    own = tuple(one for one in found if not any(map(_is_parameter, one)))
    return own or tuple(found)


def _is_parameter(value: Value) -> bool:
    return any(one.why is Why.PARAMETER for one in value.unknown)


@dataclass(slots=True)
class _Choice:
    """Branches of which one, or none, is taken.

    Attributes:
        before: values at the choice, of all that any branch assigned.
        assigned: names that the present branch assigned.
        results: values at the ends of the branches that are over.
        branches: that began.
    """

    before: dict[str, Alternatives | None] = field(default_factory=dict)
    assigned: dict[str, None] = field(default_factory=dict)
    results: dict[str, list[Alternatives]] = field(default_factory=dict)
    branches: int = 1


class Variables:
    """The variables of a script, and its parameters.

    Attributes:
        parameters: `$1` and so on; None for those that a caller of the script would give.
    """

    def __init__(self, given: Mapping[str, str]) -> None:
        self.parameters: tuple[Alternatives, ...] | None = None
        self._given = {name: text.replace(UNKNOWN, "?") for name, text in given.items()}
        self._values: dict[str, Alternatives] = {}
        self._stored = 0
        self._choices: list[_Choice] = []

    def get(self, name: str) -> Alternatives | None:
        """Return what a variable may hold; None when it is not set."""
        found = self._values.get(name)
        if found is None and name in self._given:
            return ((Value(self._given[name]),),)
        return found

    def set(self, name: str, alternatives: Alternatives) -> None:
        """Assign; a value that is known from outside stands for one that only a shell could find.

        Raises:
            ShellLimit: too many variables, or too much in them.
        """
        unknown = any(value.unknown for values in alternatives for value in values)
        if unknown and name in self._given:
            alternatives = ((Value(self._given[name]),),)
        self._note(name)
        self._store(name, alternatives)

    def begin_choice(self) -> None:
        """Begin the first of several branches."""
        self._choices.append(_Choice())

    def next_branch(self) -> None:
        """End a branch and begin the next, from where the choice began."""
        choice = self._choices[-1]
        self._end_branch(choice)
        choice.branches += 1

    def end_choice(self, *, complete: bool) -> None:
        """Bring the branches together.

        Args:
            complete: whether one of them is always taken.
        """
        choice = self._choices.pop()
        self._end_branch(choice)
        for name, before in choice.before.items():
            ends = choice.results[name]
            if before is not None and (not complete or len(ends) < choice.branches):
                ends.insert(0, before)
            self._note(name)
            self._store(name, distinct(one for end in ends for one in end))

    def forget_choice(self) -> None:
        """End branches whose assignments are seen by nobody outside, as in a subshell."""
        self._end_branch(self._choices.pop())

    def _end_branch(self, choice: _Choice) -> None:
        for name in choice.assigned:
            choice.results.setdefault(name, []).append(self._values[name])
            self._store(name, choice.before[name])
        choice.assigned.clear()

    def _note(self, name: str) -> None:
        """Remember what a variable held where the present branch began."""
        if self._choices:
            choice = self._choices[-1]
            choice.before.setdefault(name, self._values.get(name))
            choice.assigned[name] = None

    def _store(self, name: str, alternatives: Alternatives | None) -> None:
        self._stored -= _size(self._values.pop(name, ()))
        if alternatives is None:
            return
        self._values[name] = alternatives
        self._stored += _size(alternatives)
        if self._stored > MAX_STORED or len(self._values) > MAX_VARIABLES:
            raise ShellLimit("more variables, or longer ones, than any script that people write")


def _size(alternatives: Alternatives) -> int:
    return sum(len(value.text) + 64 for values in alternatives for value in values)
