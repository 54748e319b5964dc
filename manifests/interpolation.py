"""Variables in texts: `$NAME`, `${NAME}`, and what `:-` `-` `:?` `?` `:+` `+` make of them.

Owns the grammar and what came out of it: the building side fills in what names images, hosts fill
in what is theirs to set. Where variables come from and what an unset one means is the reader's.

Source: Compose specification, "Interpolation". Of what it leaves open this does as Docker Compose
2.40 does: `$` before anything else than a name stays, braces within a default may be balanced.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

MAX_DEPTH: Final = 32
"""Variables within defaults of variables."""
MAX_VALUE: Final = 64 * 1024
"""Characters of one text with variables, before and after they were filled in."""

_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*", re.ASCII)
_OPERATOR = re.compile(r":?[-?+]")
_STEP = re.compile(r"[^$]+|\$\$|\$\{|\$(?P<name>[_a-zA-Z][_a-zA-Z0-9]*)|\$", re.ASCII)
_BRACE = re.compile(r"[{}]")


class MalformedInterpolation(Exception):
    """A text with a `${` that can't be read; the exception's text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A variable that its file says must be set.

    Attributes:
        name: of the variable.
        message: what the file says about it; may be empty.
        empty: whether it is set, to nothing, where that is not enough.
    """

    name: str
    message: str
    empty: bool


@dataclass(frozen=True, slots=True)
class Filled:
    """A text with its variables filled in.

    Attributes:
        text: the result.
        unset: variables without value and default, for which nothing was put in.
        missing: variables that must be set and are not.
    """

    text: str
    unset: tuple[str, ...] = ()
    missing: tuple[Missing, ...] = ()


def interpolate(text: str, variables: Mapping[str, str]) -> Filled:
    """Return `text` with its variables filled in; each `$$` becomes `$`.

    Raises:
        MalformedInterpolation: an unknown form, no closing brace, nested deeper than 32, or
            longer than 65536 characters, before or after.
    """
    if "$" not in text:
        return Filled(text)
    if len(text) > MAX_VALUE:
        raise MalformedInterpolation(f"longer than {MAX_VALUE} characters")
    filler = _Filler(variables)
    return Filled(filler.fill(text, 0), tuple(filler.unset), tuple(filler.missing))


@dataclass(frozen=True, slots=True)
class Use:
    """A variable in a text.

    Attributes:
        name: of the variable.
        operator: that follows the name within braces, such as `:-`; empty for none.
        operand: what follows the operator.
    """

    name: str
    operator: str = ""
    operand: str = ""


def escaped(text: str) -> str:
    """Return a text that interpolation makes `text` of."""
    return text.replace("$", "$$")


def tokens(text: str) -> Iterator[str]:
    """Yield a text's parts: runs without `$`, `$$`, and variables in whole.

    Raises:
        MalformedInterpolation: no closing brace.
    """
    at = 0
    while (step := _STEP.match(text, at)) is not None:
        end = _closing(text, step.end()) + 1 if step[0] == "${" else step.end()
        yield text[at:end]
        at = end


def uses(text: str) -> Iterator[Use]:
    """Yield the variables of a text, those within defaults after the one whose default it is.

    Raises:
        MalformedInterpolation: as `interpolate`.
    """
    waiting = [(text, 0)]
    while waiting:
        one, depth = waiting.pop(0)
        if depth > MAX_DEPTH:
            raise MalformedInterpolation(f"variables nested deeper than {MAX_DEPTH}")
        for token in tokens(one):
            name = _NAME.match(token, 2 if token.startswith("${") else 1)
            if not token.startswith("$") or name is None:
                continue
            operator = _OPERATOR.match(token, name.end())
            if operator is None:
                yield Use(name[0])
                continue
            operand = token[operator.end() : -1]
            yield Use(name[0], operator[0], operand)
            waiting.append((operand, depth + 1))


def split(text: str, separator: str) -> list[str]:
    """Return a text's parts between separators, those within variables not counted.

    Raises:
        MalformedInterpolation: no closing brace.
    """
    parts = [""]
    for token in tokens(text):
        if token.startswith("$"):
            parts[-1] += token
            continue
        first, *others = token.split(separator)
        parts[-1] += first
        parts += others
    return parts


@dataclass(slots=True)
class _Filler:
    """Fills one text, and keeps which variables were not there."""

    variables: Mapping[str, str]
    unset: dict[str, None] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)

    def fill(self, text: str, depth: int) -> str:
        if depth > MAX_DEPTH:
            raise MalformedInterpolation(f"variables nested deeper than {MAX_DEPTH}")
        parts: list[str] = []
        at = size = 0
        while (step := _STEP.match(text, at)) is not None:
            at = step.end()
            if step[0] == "${":
                end = _closing(text, at)
                parts.append(self._braced(text[at:end], depth))
                at = end + 1
            else:
                parts.append(self._plain(step))
            size += len(parts[-1])
            if size > MAX_VALUE:
                raise MalformedInterpolation(f"longer than {MAX_VALUE} characters")
        return "".join(parts)

    def _plain(self, step: re.Match[str]) -> str:
        if step["name"] is not None:
            return self._value(step["name"])
        return "$" if step[0] == "$$" else step[0]

    def _value(self, name: str) -> str:
        value = self.variables.get(name)
        if value is None:
            self.unset[name] = None
        return value or ""

    def _braced(self, inner: str, depth: int) -> str:
        name = _NAME.match(inner)
        if name is None:
            raise MalformedInterpolation(
                f"expected a variable's name after '${{', found {inner[:60]!r}"
            )
        if name.end() == len(inner):
            return self._value(name[0])
        operator = _OPERATOR.match(inner, name.end())
        if operator is None:
            raise MalformedInterpolation(
                f"expected one of :- - :? ? :+ + after '${{{name[0]}',"
                f" found {inner[name.end() :][:60]!r}"
            )
        return self._operated(name[0], operator[0], inner[operator.end() :], depth)

    def _operated(self, name: str, operator: str, operand: str, depth: int) -> str:
        """Return the value or what stands for it; an operand not needed must be readable too."""
        value = self.variables.get(name)
        given = bool(value) if operator.startswith(":") else value is not None
        inner = _Filler(self.variables)
        filled = inner.fill(operand, depth + 1)
        needed = given if operator.endswith("+") else not given
        if needed:
            self.unset |= inner.unset
            self.missing += inner.missing
        if needed and operator.endswith("?"):
            self.missing.append(Missing(name, filled, value is not None))
            return ""
        return filled if needed else "" if operator.endswith("+") else value or ""


def _closing(text: str, start: int) -> int:
    """Return where the brace opened before `start` closes; braces within count in pairs.

    A default with an unpaired brace, as in `${A:-{}`, reaches to the last one of the text.
    """
    opened = 1
    for brace in _BRACE.finditer(text, start):
        opened += 1 if brace[0] == "{" else -1
        if opened == 0:
            return brace.start()
    last = text.rfind("}", start)
    if last < 0:
        raise MalformedInterpolation(f"expected a '}}' after {text[start - 2 : start + 60]!r}")
    return last
