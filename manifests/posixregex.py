r"""POSIX regular expressions, as grep reads them, in Python's words.

Owns the translation of basic (`grep`) and extended (`grep -E`) expressions. Python's own dialect
differs in what needs a backslash, knows no `[[:digit:]]` and looks ahead and back, which grep
does not. `\d`, `\s`, `\w` and `\b` are taken in both.

Source: POSIX.1-2017, Base Definitions, chapter 9; GNU grep's `\+`, `\?` and `\|`.
"""

from __future__ import annotations

import re
from typing import Final

from manifests.errors import MalformedInput

MAX_REPEATS: Final = 3
"""Repetitions without end that a stranger's expression may hold: each multiplies the time."""
MAX_OPTIONS: Final = 8

_CLASSES: Final = {
    "alnum": "a-zA-Z0-9",
    "alpha": "a-zA-Z",
    "blank": " \\t",
    "digit": "0-9",
    "lower": "a-z",
    "punct": "!-/:-@\\[-`{-~",
    "space": "\\s",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}
_SPECIAL: Final = "(){}+?|"
"""What is special with a backslash in one kind, and without one in the other."""
_KEPT: Final = frozenset("dDsSwWbB")
_BRACKET = re.compile(r"\[(\^?)(\]?(?:\[:[a-z]+:\]|[^\]])*)\]")
_CLASS = re.compile(r"\[:([a-z]+):\]")
_ATOM = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]", re.DOTALL)


def basic(text: str) -> re.Pattern[str]:
    """Return the expression that `grep TEXT` looks for.

    Raises:
        MalformedInput: `exclude-malformed`.
    """
    return _compiled(text, _translated(text, extended=False))


def extended(text: str) -> re.Pattern[str]:
    """Return the expression that `grep -E TEXT` looks for.

    Raises:
        MalformedInput: `exclude-malformed`.
    """
    return _compiled(text, _translated(text, extended=True))


def bounded(text: str) -> re.Pattern[str]:
    """Return the extended expression of a stranger, which may not take long on any short text.

    Raises:
        MalformedInput: `exclude-malformed`: also for repeated groups and too many repetitions.
    """
    translated = _translated(text, extended=True)
    bare = _ATOM.sub("x", translated)
    repeats = sum(bare.count(sign) for sign in "*+{")
    if re.search(r"\)[*+{?]", bare) or repeats > MAX_REPEATS or bare.count("?") > MAX_OPTIONS:
        raise _malformed(text, f"expected at most {MAX_REPEATS} repetitions, and none of a group")
    return _compiled(text, translated)


def _compiled(text: str, translated: str) -> re.Pattern[str]:
    try:
        return re.compile(translated)
    except (re.error, OverflowError, RecursionError) as error:
        raise _malformed(text, str(error)) from error


def _malformed(text: str, reason: str) -> MalformedInput:
    return MalformedInput(
        "exclude-malformed", f"{text[:200]!r} is not a regular expression: {reason}"
    )


def _translated(text: str, *, extended: bool) -> str:
    parts: list[str] = []
    at = 0
    while at < len(text):
        bracket = _BRACKET.match(text, at) if text[at] == "[" else None
        if bracket is not None:
            parts.append(_bracket(text, bracket))
            at = bracket.end()
        elif text[at] == "\\" and at + 1 < len(text):
            parts.append(_escaped(text[at + 1], extended=extended))
            at += 2
        else:
            parts.append(_plain(text, at, extended=extended))
            at += 1
    return "".join(parts)


def _bracket(text: str, found: re.Match[str]) -> str:
    """Write a bracket expression, in which a backslash stands for itself."""
    written: list[str] = []
    for piece in re.split(r"(\[:[a-z]+:\])", found[2]):
        named = _CLASS.fullmatch(piece)
        if named is None:
            written.append(re.sub(r"([\\\[\]&~|])", r"\\\1", piece))
        elif named[1] in _CLASSES:
            written.append(_CLASSES[named[1]])
        else:
            raise _malformed(text, f"no class {piece}")
    return f"[{found[1]}{''.join(written)}]"


def _escaped(letter: str, *, extended: bool) -> str:
    if letter in _KEPT:
        return f"\\{letter}"
    if letter in _SPECIAL and not extended:
        return letter
    return re.escape(letter)


def _plain(text: str, at: int, *, extended: bool) -> str:
    letter, first = text[at], at == 0 or (extended and text[at - 1] in "(|")
    if letter in _SPECIAL and not extended:
        return re.escape(letter)
    if letter in "*+?" and first:  # nothing stands before it that could repeat
        return "" if extended else re.escape(letter)
    return re.escape(letter) if letter in "\\ #" else letter
