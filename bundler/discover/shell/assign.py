"""Assignments of a script: `name=value`, arrays, `+=`, and commands that set variables."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from bundler.discover.shell.expand import Expansion, named
from bundler.discover.shell.tokens import Kind, Word
from bundler.discover.shell.variables import (
    Alternatives,
    Unknown,
    Variables,
    Why,
    distinct,
    unknown_value,
)

_TARGET: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(\[[^]]{0,200}\])?(\+?)=", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
DECLARATIONS: Final = frozenset({"export", "declare", "typeset", "local", "readonly"})
READERS: Final = frozenset({"read", "mapfile", "readarray", "getopts"})


def is_assignment(word: Word) -> bool:
    """Tell whether a word in front of a command is an assignment."""
    return _target(word) is not None


def assign(word: Word, expansion: Expansion, variables: Variables) -> None:
    """Carry out an assignment; a word that is none is passed over.

    Raises:
        ShellLimit: too much in variables.
    """
    match = _target(word)
    if match is None:
        return
    name, element, more = match.groups()
    first = replace(word.pieces[0], text=match.string[match.end() :])
    pieces = (first, *word.pieces[1:]) if first.text else word.pieces[1:]
    new = expansion.value(replace(word, pieces=pieces))
    old = variables.get(name)
    if old is not None and (more or element):
        new = _appended(old, new, whole=word.items is not None or element is not None)
    named_values = (tuple(named(value, name) for value in values) for values in new)
    variables.set(name, distinct(named_values))


def assign_unknown(words: Sequence[Word], variables: Variables, command: str) -> None:
    """Note the variables that a command such as `read` sets to what only it knows."""
    for word in words:
        name = word.literal or ""
        if _NAME.fullmatch(name):
            lost = Unknown(name, f"{command} {name}", Why.OUTPUT, f"${name}")
            variables.set(name, ((unknown_value(lost),),))


def _target(word: Word) -> re.Match[str] | None:
    first = word.pieces[0] if word.pieces else None
    if first is None or first.kind is not Kind.TEXT or first.quoted:
        return None
    return _TARGET.match(first.text)


def _appended(old: Alternatives, new: Alternatives, *, whole: bool) -> Alternatives:
    """Return what `+=` makes: longer arrays, or longer texts."""
    if whole:
        return distinct((*head, *tail) for head in old for tail in new)
    return distinct((head[0] + tail[0],) for head in old for tail in new if head and tail)
