r"""The `#SBATCH` lines of a script.

Owns how sbatch reads them: up to the first command, with quotes and backslashes, no variables,
and everything behind a `#` that has no backslash before it for a comment, so that an image of a
registry is written `registry\#image`. Source: sbatch(1), and pyxis's README ("sbatch").
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from bundler.discover.found import Place
from bundler.discover.shell.command import Argument, Script
from bundler.discover.shell.variables import Unknown, Why

MAX_ARGUMENTS: Final = 1000
"""Of one line; Slurm itself takes lines of 8 KiB at most."""

_LINE: Final = re.compile(r"([ \t]*)(#SBATCH(?=[ \t])|#|$)?([^\n]*)(?:\n|\Z)")
_VARIABLE: Final = re.compile(r"\$\{?[A-Za-z_][A-Za-z0-9_]*\}?|\$\([^)]*\)?", re.ASCII)
_PART: Final = re.compile(
    r"""\\(.)|"((?:\\.|[^"\\])*+)"|'((?:\\.|[^'\\])*+)'|(\#)|([^\s\\"'#]+|["'\\])"""
)
_ESCAPED: Final = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Directive:
    """One `#SBATCH` line.

    Attributes:
        arguments: of sbatch.
        comment: what Slurm cuts off the last argument, from `#` on; empty for nothing.
        late: whether it stands behind the first command, where Slurm does not look.
    """

    arguments: tuple[Argument, ...]
    comment: str = ""
    late: bool = False


def directives(script: Script) -> Iterator[Directive]:
    """Yield the `#SBATCH` lines of a script, in order."""
    late = False
    at = 0
    while at < len(script.text):
        match = _LINE.match(script.text, at)
        if match is None:
            break
        if match[2] == "#SBATCH" and not match[1]:
            yield from _lines(script, match, late=late)
        elif match[2] is None and match[3].strip():
            late = True
        at = max(match.end(), at + 1)


def _lines(script: Script, match: re.Match[str], *, late: bool) -> Iterator[Directive]:
    """Yield a line; more than once where variables of a here-document have several values."""
    start, text = match.start(3), match[3]
    if script.fill is None or "$" not in text:
        yield _read(text, lambda at: script.place(start + at), late=late)
        return
    place = script.place(start)
    for filled in script.fill(text):
        yield _read(filled, lambda _: place, late=late)


def _read(text: str, place: Callable[[int], Place], *, late: bool) -> Directive:
    arguments: list[Argument] = []
    at = 0
    while at < len(text) and len(arguments) < MAX_ARGUMENTS:
        if text[at].isspace():
            at += 1
            continue
        word, behind, comment = _word(text, at, len(text))
        if word or not comment:
            arguments.append(_argument(word, place(at)))
        if comment:
            return Directive(tuple(arguments), comment if word else "", late)
        at = behind
    return Directive(tuple(arguments), late=late)


def _argument(text: str, place: Place) -> Argument:
    variable = _VARIABLE.search(text)
    lost = Unknown("", variable[0], Why.DIRECTIVE) if variable else None
    return Argument(text, place, lost)


def _word(text: str, at: int, end: int) -> tuple[str, int, str]:
    """Return an argument, the offset behind it, and the comment that ends the line in it."""
    parts: list[str] = []
    while at < end and not text[at].isspace():
        match = _PART.match(text, at, end)
        if match is None or match[4]:
            return "".join(parts), end, text[at:end]
        part = next(part for part in match.groups() if part is not None)
        parts.append(_ESCAPED.sub(r"\1", part) if match[2] or match[3] else part)
        at = match.end()
    return "".join(parts), at, ""
