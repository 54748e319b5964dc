"""Brace expansion, as Bash has it: `app:{1,2}` and `{1..3}` are several words."""

from __future__ import annotations

import re
from typing import Final

from bundler.discover.shell.tokens import Kind, ShellLimit, Word
from bundler.discover.shell.variables import MAX_ALTERNATIVES, Value, Values

MAX_TEXT: Final = 4096
"""Characters of a word with braces; a longer one is left as it is."""

_BRACES: Final = re.compile(
    r"\{([^{},]*(?:,[^{},]*)+)\}|\{([0-9]{1,6})\.\.([0-9]{1,6})\}", re.ASCII
)


def has_braces(word: Word) -> bool:
    """Tell whether braces in a word are expanded: none of them is quoted."""
    texts = [piece for piece in word.pieces if piece.kind is Kind.TEXT]
    return any("{" in piece.text and not piece.quoted for piece in texts) and not any(
        "{" in piece.text and piece.quoted for piece in texts
    )


def expand_braces(values: Values) -> Values:
    """Return the fields that braces make of fields; one with unknown parts stays as it is.

    Raises:
        ShellLimit: more than 1000.
    """
    found: list[Value] = []
    for value in values:
        as_it_is = value.unknown or len(value.text) > MAX_TEXT
        found += [value] if as_it_is else map(Value, _expanded(value.text))
    return tuple(found)


def _expanded(text: str) -> list[str]:
    done: list[str] = []
    waiting = [text]
    while waiting:
        text = waiting.pop()
        match = _BRACES.search(text)
        if match is None:
            done.append(text)
        else:
            parts = (text[: match.start()] + part + text[match.end() :] for part in _parts(match))
            waiting.extend(reversed(list(parts)))
        if len(done) + len(waiting) > MAX_ALTERNATIVES:
            raise ShellLimit(f"more than {MAX_ALTERNATIVES} words made of braces")
    return done


def _parts(match: re.Match[str]) -> list[str]:
    if match[1] is not None:
        return match[1].split(",")[: MAX_ALTERNATIVES + 1]
    first, last = int(match[2]), int(match[3])
    step = 1 if first <= last else -1
    numbers = range(first, last + step, step)[: MAX_ALTERNATIVES + 1]
    width = len(match[2]) if match[2].startswith("0") else 0
    return [str(number).zfill(width) for number in numbers]
