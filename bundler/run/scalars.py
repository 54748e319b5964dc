"""Scalars of Compose files as Compose takes them: text, numbers, sizes, times, truth.

Source: Compose specification, "Specifying byte values", "Specifying durations". Of what it leaves
open this does as Docker Compose 2.26 does: numbers where text is expected are written as Go does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from bundler.discover.compose.tree import Value
from bundler.discover.compose.unexpected import Unexpected
from manifests.durations import whole_milliseconds, whole_seconds

MAX_BYTES: Final = 2**50
_SIZE = re.compile(r"([0-9]{1,18}(?:\.[0-9]{1,9})?) ?([kmgtp]?)(?:i?b)?", re.IGNORECASE | re.ASCII)
_POWERS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_WHOLE = re.compile(r"[-+]?[0-9]{1,19}", re.ASCII)
_DECIMAL = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?", re.ASCII)
_TRUE: Final = frozenset({"1", "true", "yes", "y", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "n", "off"})


def text_of(value: Value, what: str = "text") -> str:
    """Return a scalar as Compose writes it where it wants text.

    Raises:
        Unexpected: it is a list, a mapping or nothing.
    """
    content = value.content
    if isinstance(content, Mapping | tuple) or content is None:
        raise Unexpected(value, what)
    if isinstance(content, bool):
        plain = value.written.lower()
        return plain if plain in ("true", "false") else value.written or value.text
    if isinstance(content, float):
        return _go_float(content)
    return str(content)


def whole(value: Value, what: str, least: int, most: int) -> int:
    """Return a whole number.

    Raises:
        Unexpected: it is none, or out of bounds.
    """
    text = value.text
    if not isinstance(value.content, bool) and _WHOLE.fullmatch(text):
        number = int(text)
        if least <= number <= most:
            return number
    raise Unexpected(value, f"{what}, from {least} to {most}")


def decimal(value: Value, what: str) -> float:
    """Return a number that is not negative.

    Raises:
        Unexpected: it is none.
    """
    if not isinstance(value.content, bool) and _DECIMAL.fullmatch(value.text):
        return float(value.text)
    raise Unexpected(value, what)


def truth(value: Value) -> bool:
    """Return true or false.

    Raises:
        Unexpected: it is neither.
    """
    text = value.text.lower()
    if isinstance(value.content, bool | str) and text in _TRUE | _FALSE:
        return text in _TRUE
    raise Unexpected(value, "true or false")


def size(value: Value) -> int:
    """Return bytes: `512m`, `1.5gb`, `1024`.

    Raises:
        Unexpected: no size, or more than a pebibyte.
    """
    match = _SIZE.fullmatch(value.text.strip()) if value.text else None
    if match is not None and not isinstance(value.content, bool):
        found = int(float(match[1]) * 1024 ** _POWERS[match[2].lower()])
        if found <= MAX_BYTES:
            return found
    raise Unexpected(value, "a size such as 512m or 2g")


def milliseconds(value: Value) -> int:
    """Return a time in milliseconds: `1m30s`.

    Raises:
        Unexpected: it is none.
    """
    try:
        return whole_milliseconds(value.text)
    except ValueError as error:
        raise Unexpected(value, "a time such as 1m30s") from error


def seconds(value: Value) -> int:
    """Return a time in seconds, rounded up: `1m30s`.

    Raises:
        Unexpected: it is none.
    """
    try:
        return whole_seconds(value.text)
    except ValueError as error:
        raise Unexpected(value, "a time such as 1m30s") from error


def items(value: Value | None, what: str = "a list") -> tuple[Value, ...]:
    """Return the items of a list, the same text once; nothing where there is none.

    Raises:
        Unexpected: it is no list.
    """
    if value is None or value.content is None:
        return ()
    if not isinstance(value.content, tuple):
        raise Unexpected(value, what)
    found: dict[object, Value] = {}
    for number, one in enumerate(value.content):
        scalar = not isinstance(one.content, Mapping | tuple)
        found.setdefault(one.text if scalar else number, one)
    return tuple(found.values())


def _go_float(number: float) -> str:
    if number.is_integer() and abs(number) < 1e21:
        return str(int(number))
    if number in (float("inf"), float("-inf")):
        return "+Inf" if number > 0 else "-Inf"
    return "NaN" if number != number else repr(number)  # noqa: PLR0124 - nothing else is not itself
