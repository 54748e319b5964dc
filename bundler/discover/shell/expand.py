"""Fills variables into the words of a script, without a shell: each word as all it may become.

Source: POSIX shell, section 2.6 (parameter expansion, field splitting) and Bash's arrays. What
only a running shell knows stays as written and is marked unknown.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from bundler.discover.shell.braces import expand_braces, has_braces
from bundler.discover.shell.budget import Budget
from bundler.discover.shell.patterns import Change, change_of
from bundler.discover.shell.tokens import Kind, Piece, Word
from bundler.discover.shell.variables import (
    Alternatives,
    Unknown,
    Value,
    Values,
    Variables,
    Why,
    distinct,
    unknown_value,
)
from bundler.discover.shell.words import Words

_ELEMENT: Final = re.compile(r"\[[^]]{0,200}\]=")
_ALL: Final = frozenset("@*")
_NOTHING: Final[Alternatives] = ((),)


class Expansion:
    """Fills in the words of one text."""

    def __init__(self, text: str, variables: Variables, budget: Budget) -> None:
        self._text = text
        self._variables = variables
        self._budget = budget

    def fields(self, word: Word) -> Alternatives:
        """Return what fields a command gets of a word: one, several, or none.

        Raises:
            ShellLimit: too much of them.
        """
        found = self._joined(word, split=True)
        return tuple(map(expand_braces, found)) if has_braces(word) else found

    def text(self) -> tuple[str, ...]:
        """Return the whole text with its variables filled in, as in double quotes."""
        word = Words(self._text, 0, len(self._text)).quoted()
        return tuple(values[0].shown for values in self.value(word))

    def value(self, word: Word) -> Alternatives:
        """Return the values of a word that is never split, as behind `name=`.

        Raises:
            ShellLimit: too much of them.
        """
        if word.items is not None:
            return self._array(word.items)
        joined = self._joined(word, split=False)
        return tuple(values or (Value(""),) for values in joined)

    def _array(self, items: tuple[Word, ...]) -> Alternatives:
        """Return an array's values; of alternatives within it all are taken as elements."""
        elements: dict[Value, None] = {}
        for item in items:
            for values in self.fields(item):
                elements.update(dict.fromkeys(map(_without_key, values)))
        return (tuple(elements),)

    def _joined(self, word: Word, *, split: bool) -> Alternatives:
        found: Alternatives = _NOTHING
        for piece in word.pieces:
            parts = self._piece(piece, split=split)
            self._budget.spend(sum(map(_length, found)) * len(parts))
            found = distinct(_together(head, tail) for head in found for tail in parts)
        return found

    def _piece(self, piece: Piece, *, split: bool) -> Alternatives:
        if piece.kind is Kind.TEXT:
            return ((Value(piece.text),),)
        if piece.kind is not Kind.VARIABLE:
            return ((self._unknown(piece),),)
        found = self._variable(piece)
        if piece.quoted or not split:
            many = piece.quoted and split and _is_list(piece)
            return found if many else tuple((_in_one(values),) for values in found)
        return tuple(tuple(part for one in values for part in one.fields()) for values in found)

    def _unknown(self, piece: Piece) -> Value:
        if piece.kind is Kind.COMMAND:
            source = f"$({self._text[piece.start : piece.end]})"
            return unknown_value(Unknown("", source, Why.OUTPUT))
        return unknown_value(Unknown("", piece.text, Why.FORM))

    def _variable(self, piece: Piece) -> Alternatives:
        """Return what a variable becomes, with what stands behind it in `${...}`."""
        held = self._held(piece)
        operator = piece.operator.removeprefix(":")
        if piece.operand is None or piece.operator in ("", "indirect", "length"):
            return self._missing(piece) if held is None else held
        if operator in ("-", "=", "+", "?"):
            return self._instead(piece, held, operator)
        if held is None:
            return self._missing(piece)
        change = change_of(piece.operator, piece.operand)
        if change is None:
            return self._unclear(piece)
        self._budget.spend(sum(map(_length, held)))
        return tuple(tuple(_changed(value, change) for value in values) for values in held)

    def _instead(self, piece: Piece, held: Alternatives | None, operator: str) -> Alternatives:
        """Return what `:-`, `:=`, `:?` and `:+` make of a variable."""
        empty_counts = piece.operator.startswith(":")
        full = [one for one in held or () if not (empty_counts and _is_empty(one))]
        lacking = held is None or len(full) < len(held)
        if operator == "?":
            return tuple(full) or self._missing(piece)
        if piece.operand is None:
            return _NOTHING
        if operator == "+":
            return self.value(piece.operand) if full else ((Value(""),),)
        if not lacking:
            return tuple(full)
        found = distinct([*full, *self.value(piece.operand)])
        if operator == "=":
            self._variables.set(piece.text, found)
        return found

    def _held(self, piece: Piece) -> Alternatives | None:
        if piece.operator in ("indirect", "length"):
            return self._unclear(piece)
        if piece.text in _ALL:
            return self._all_parameters()
        parameters = self._variables.parameters
        if piece.text.isdecimal() and parameters is not None and len(piece.text) < 4:
            number = int(piece.text)
            return parameters[number - 1] if 0 < number <= len(parameters) else None
        found = self._variables.get(piece.text)
        return None if found is None else _element(found, piece.subscript)

    def _all_parameters(self) -> Alternatives | None:
        parameters = self._variables.parameters
        if parameters is None:
            return None
        longest = max(map(len, parameters), default=1)
        rows = [[one[min(row, len(one) - 1)] for one in parameters] for row in range(longest)]
        return distinct(tuple(value for values in row for value in values) for row in rows)

    def _missing(self, piece: Piece) -> Alternatives:
        source = self._source(piece)
        parameter = piece.text.isdecimal() or piece.text in _ALL
        why = Why.PARAMETER if parameter else Why.UNSET
        return ((unknown_value(Unknown(piece.text, source, why)),),)

    def _unclear(self, piece: Piece) -> Alternatives:
        source = self._source(piece)
        return ((unknown_value(Unknown("", source, Why.FORM)),),)

    def _source(self, piece: Piece) -> str:
        return self._text[piece.start : piece.end][:200]


def named(value: Value, name: str) -> Value:
    """Return a value for the variable `name`, with which an unknown part could be given."""
    parts = (one if one.name else replace(one, name=name) for one in value.unknown)
    return Value(value.text, tuple(parts))


def _together(head: Values, tail: Values) -> Values:
    if not head or not tail:
        return head or tail
    return (*head[:-1], head[-1] + tail[0], *tail[1:])


def _length(values: Values) -> int:
    return sum(len(value.text) for value in values) + 8


def _is_list(piece: Piece) -> bool:
    return piece.text == "@" or piece.subscript == "@"


def _in_one(values: Values) -> Value:
    if len(values) == 1:
        return values[0]
    lost = tuple(one for value in values for one in value.unknown)
    return Value(" ".join(value.text for value in values), lost)


def _is_empty(values: Values) -> bool:
    return not any(value.text for value in values)


def _element(found: Alternatives, subscript: str) -> Alternatives:
    if subscript in _ALL:
        return found
    if not subscript or subscript.isdecimal():
        number = int(subscript or "0") if len(subscript) < 6 else 0
        picked = tuple(values[number : number + 1] for values in found)
        return tuple(one for one in picked if one) or ((Value(""),),)
    return distinct((value,) for values in found for value in values) or ((Value(""),),)


def _without_key(value: Value) -> Value:
    """Return the value of `[key]=value`, an entry of an associative array."""
    match = _ELEMENT.match(value.text)
    return Value(value.text[match.end() :], value.unknown) if match else value


def _changed(value: Value, change: Change) -> Value:
    return value if value.unknown else Value("") + Value(change(value.text))
