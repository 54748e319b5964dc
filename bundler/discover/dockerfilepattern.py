"""The patterns of `${name#pattern}`, `${name%pattern}` and `${name/pattern/text}`.

Matches in time that grows with the pattern's length alone, however hostile: a set of positions
in the value is the bits of one number.

Source: BuildKit's Dockerfile reference, "Environment replacement"; POSIX.1-2017 XCU 2.13 without
bracket expressions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_ANY: Final = "?"
_RUN: Final = "*"
_ESCAPED: Final = frozenset("*?\\/}")


class BadPattern(ValueError):
    """A pattern with an escape that has no meaning; its text says so."""


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
            BadPattern: a backslash before something that needs none.
        """
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
        end = self._end(_Occurrences(value), 0, longest=longest)
        return value if end is None else value[end:]

    def without_suffix(self, value: str, *, longest: bool) -> str:
        """Return `value` without the end that matches; the whole where none does."""
        reverse = Pattern(self.parts[::-1])
        return reverse.without_prefix(value[::-1], longest=longest)[::-1]

    def replaced(self, value: str, replacement: str, *, every: bool) -> str:
        """Return `value` with the first longest match, or every one, replaced."""
        found: list[str] = []
        occurrences = _Occurrences(value)
        at = 0
        while at < len(value):
            end = self._end(occurrences, at, longest=True)
            if end is None or end == at:
                found.append(value[at])
                at += 1
                continue
            found.append(replacement)
            at = end
            if not every:
                break
        return "".join(found) + value[at:]

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
