"""The words of a Dockerfile, with their variables filled in and their quotes taken off.

Owns `$name`, `${name}` and its forms. Which variables there are is for `stages`.

Source: BuildKit's Dockerfile reference, "Environment replacement".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bundler.discover.dockerfile.pattern import MAX_VALUE, BadPattern, Pattern

MAX_LENGTH: Final = 4096
"""Characters of a word, before and after its variables are filled in."""
MAX_DEPTH: Final = 32
"""Substitutions within each other."""
MAX_UNSET: Final = 16
"""Variables without a value that are told of one word."""

_SPECIAL: Final = frozenset("@*#?-$!0")


class BadSubstitution(ValueError):
    """A word that can't be filled in; its text says why."""


@dataclass(frozen=True, slots=True)
class Value:
    """What a variable stands for, or what a word became.

    Attributes:
        text: with all variables filled in.
        assumed: names of those that went into it and whose value was assumed.
        unset: names of those that have no value, so that empty text stands for them.
    """

    text: str
    assumed: frozenset[str] = frozenset()
    unset: tuple[str, ...] = ()


def fill_in(word: str, variables: Mapping[str, Value], escape: str = "\\") -> Value:
    """Return a word with its variables filled in.

    Args:
        word: as written.
        variables: by name; those that are not there are unset.
        escape: the file's escape character.

    Raises:
        BadSubstitution: a form that is unknown or has no end, a required variable that is not
            set, or more than 4096 characters.
    """
    if len(word) > MAX_LENGTH:
        raise BadSubstitution(f"expected at most {MAX_LENGTH} characters, found {len(word)}")
    return _Filler(word, variables, escape).whole()


class _Filler:
    """Reads one word from left to right."""

    def __init__(self, word: str, variables: Mapping[str, Value], escape: str) -> None:
        self._word = word
        self._variables = variables
        self._escape = escape
        self._at = 0
        self._depth = 0
        self._assumed: list[str] = []
        self._unset: list[str] = []

    def whole(self) -> Value:
        text = self._until("", raw=False)
        return Value(text, frozenset(self._assumed), tuple(dict.fromkeys(self._unset))[:MAX_UNSET])

    def _peek(self) -> str:
        return self._word[self._at : self._at + 1]

    def _next(self) -> str:
        letter = self._peek()
        self._at += 1
        return letter

    def _until(self, stop: str, *, raw: bool) -> str:
        """Return the text up to `stop`, which is taken too; up to the end where it is empty."""
        found: list[str] = []
        while (letter := self._peek()) != stop:
            if not letter:
                raise BadSubstitution(f"expected {stop!r}, found the end")
            if letter == "$":
                found.append(self._dollar())
            elif letter in "'\"":
                found.append(self._single() if letter == "'" else self._double(raw=raw))
            else:
                found.append(self._plain(raw=raw))
        self._at += 1
        return _bounded("".join(found))

    def _plain(self, *, raw: bool) -> str:
        letter = self._next()
        if letter != self._escape:
            return letter
        return (letter if raw else "") + self._next()

    def _single(self) -> str:
        end = self._word.find("'", self._at + 1)
        if end < 0:
            raise BadSubstitution("a single quote without its end")
        text, self._at = self._word[self._at + 1 : end], end + 1
        return text

    def _double(self, *, raw: bool) -> str:
        self._at += 1
        found: list[str] = []
        while (letter := self._peek()) != '"':
            if not letter:
                raise BadSubstitution("a double quote without its end")
            if letter == "$":
                found.append(self._dollar())
                continue
            self._at += 1
            if letter == self._escape and self._peek() in ('"', "$", self._escape):
                found.append(letter if raw else "")
                letter = self._next()
            found.append(letter)
        self._at += 1
        return "".join(found)

    def _dollar(self) -> str:
        self._at += 1
        if self._peek() != "{":
            name = self._name()
            return self._value(name) if name else "$"
        self._at += 1
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise BadSubstitution(f"nested deeper than {MAX_DEPTH}")
        name = self._name()
        if not name:
            raise BadSubstitution("expected a name after '${'")
        text = self._form(name)
        self._depth -= 1
        return text

    def _name(self) -> str:
        begin = self._at
        first = self._peek()
        if first in _SPECIAL and first:
            self._at += 1
        elif first.isdigit():
            while self._peek().isdigit():
                self._at += 1
        else:
            while self._peek().isalnum() or self._peek() == "_":
                self._at += 1
        return self._word[begin : self._at]

    def _form(self, name: str) -> str:
        """Return what `${name...}` stands for; the name is read."""
        sign = self._next()
        if sign == "}":
            return self._value(name)
        if sign in ("#", "%"):
            return self._trimmed(name, sign)
        if sign == "/":
            return self._replaced(name)
        null_is_unset = sign == ":"
        if null_is_unset:
            sign = self._next()
        if not sign:
            raise BadSubstitution("expected '}', found the end")
        if sign not in "-+?":
            raise BadSubstitution(f"unknown form ${{{name}{':' if null_is_unset else ''}{sign}")
        value = self._variables.get(name)
        present = value is not None and not (null_is_unset and not value.text)
        return self._alternative(name, sign, present=present)

    def _alternative(self, name: str, sign: str, *, present: bool) -> str:
        assumed, unset = len(self._assumed), len(self._unset)
        word = self._until("}", raw=False)
        if sign == "?" and not present:
            raise BadSubstitution(f"{name}: {word or 'is required and has no value'}")
        if sign != "?" and present == (sign == "+"):
            return word
        del self._assumed[assumed:], self._unset[unset:]
        return self._value(name) if present else ""

    def _trimmed(self, name: str, sign: str) -> str:
        longest = self._peek() == sign
        self._at += longest
        pattern = _pattern(self._until("}", raw=True))
        value = self._short(name)
        if sign == "#":
            return pattern.without_prefix(value, longest=longest)
        return pattern.without_suffix(value, longest=longest)

    def _replaced(self, name: str) -> str:
        every = self._peek() == "/"
        self._at += every
        pattern = _pattern(self._until("/", raw=True))
        replacement = self._until("}", raw=True)
        return _bounded(pattern.replaced(self._short(name), replacement, every=every))

    def _short(self, name: str) -> str:
        """Return the value of a variable that a pattern is looked for in."""
        value = self._value(name)
        if len(value) > MAX_VALUE:
            raise BadSubstitution(f"{name}: expected at most {MAX_VALUE} characters for a pattern")
        return value

    def _value(self, name: str) -> str:
        value = self._variables.get(name)
        if value is None:
            self._unset.append(name)
            return ""
        self._assumed.extend(value.assumed)
        self._unset.extend(value.unset)
        return value.text


def _pattern(text: str) -> Pattern:
    try:
        return Pattern.parse(text)
    except BadPattern as error:
        raise BadSubstitution(str(error)) from error


def _bounded(text: str) -> str:
    if len(text) > MAX_LENGTH:
        raise BadSubstitution(f"expected at most {MAX_LENGTH} characters, found more")
    return text
