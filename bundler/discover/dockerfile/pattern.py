"""The patterns of `${name#pattern}`, `${name%pattern}` and `${name/pattern/text}`.

Matches in time that grows with the pattern's length alone, however hostile: a set of positions
in the value is the bits of one number.

Source: BuildKit's Dockerfile reference, "Environment replacement"; POSIX.1-2017 XCU 2.13 without
bracket expressions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

MAX_PATTERN: Final = 64
"""Characters of a pattern."""
MAX_VALUE: Final = 256
"""Characters of a value that a pattern is looked for in."""

_ANY: Final = "?"
_RUN: Final = "*"
_ESCAPED: Final = frozenset("*?\\/}")


class BadPattern(ValueError):
    """A pattern that can't be looked for; its text says why."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern in parts.

    Attributes:
        parts: a character and whether it is a wildcard, one after the other.
    """

    parts: tuple[tuple[str, bool], ...]

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Parse a pattern as written, escapes included.

        Raises:
            BadPattern: too long, or a backslash before something that needs none.
        """
        if len(text) > MAX_PATTERN:
            raise BadPattern(f"expected a pattern of at most {MAX_PATTERN} characters")
        parts: list[tuple[str, bool]] = []
        letters = iter(text)
        for letter in letters:
            if letter != "\\":
                parts.append((letter, letter in (_ANY, _RUN)))
                continue
            escaped = next(letters, "")
            if escaped not in _ESCAPED or not escaped:
                raise BadPattern(f"a backslash before {escaped or 'the end'} in a pattern")
            parts.append((escaped, False))
        return cls(tuple(parts))

    def without_prefix(self, value: str, *, longest: bool) -> str:
        """Return `value` without the start that matches; the whole where none does."""
        end = self._end(_occurrences(value), 0, longest=longest)
        return value if end is None else value[end:]

    def without_suffix(self, value: str, *, longest: bool) -> str:
        """Return `value` without the end that matches; the whole where none does."""
        reverse = Pattern(self.parts[::-1])
        return reverse.without_prefix(value[::-1], longest=longest)[::-1]

    def replaced(self, value: str, replacement: str, *, every: bool) -> str:
        """Return `value` with the first longest match, or every one, replaced."""
        if not self.parts:
            return value
        found: list[str] = []
        at = 0
        for start, end in self._matches(value):
            found += [value[at:start], replacement]
            at = end
            if not every:
                break
        return "".join(found) + value[at:]

    def _matches(self, value: str) -> Iterator[tuple[int, int]]:
        """Yield start and end of the longest matches, from left to right, none within another.

        What stands before the first `*` is looked for at all places at once; where what follows
        it is not found, it is not found further right either.
        """
        fixed = self.parts.index((_RUN, True)) if (_RUN, True) in self.parts else len(self.parts)
        occurrences = _occurrences(value)
        starts = occurrences.positions
        for offset, (letter, wild) in enumerate(self.parts[:fixed]):
            starts &= (occurrences.all if wild else occurrences.of(letter)) >> offset
        rest = Pattern(self.parts[fixed:])
        at = 0
        while (left := starts >> at << at) and at < len(value):
            start = (left & -left).bit_length() - 1
            end = rest._end(occurrences, start + fixed, longest=True)
            if end is None or end == start:
                return
            yield start, end
            at = end

    def _end(self, value: _Occurrences, start: int, *, longest: bool) -> int | None:
        """Return where a match that begins at `start` ends; None without a match."""
        reached = 1 << start
        for letter, wild in self.parts:
            if wild and letter == _RUN:
                lowest = reached & -reached
                reached = value.positions & ~(lowest - 1)
            else:
                here = value.all if wild else value.of(letter)
                reached = (reached & here) << 1
            if not reached:
                return None
        return (reached if longest else reached & -reached).bit_length() - 1


class _Occurrences:
    """Where each character stands in a value, as bits."""

    def __init__(self, value: str) -> None:
        self.all = (1 << len(value)) - 1
        self.positions = (1 << len(value) + 1) - 1
        self._bits: dict[str, int] = {}
        for at, letter in enumerate(value):
            self._bits[letter] = self._bits.get(letter, 0) | 1 << at

    def of(self, letter: str) -> int:
        return self._bits.get(letter, 0)


@lru_cache(maxsize=16)
def _occurrences(value: str) -> _Occurrences:
    return _Occurrences(value)
