"""What an unquoted YAML scalar means: text, number, yes/no or nothing.

YAML 1.1 and 1.2 differ, and so do the programs that read the same file. Here a scalar that either
of them takes for more than text is no text, so that whoever wants text can say "quote it": `1.10`,
`on`, `null`, `0777`. Two exceptions stay text as nearly all programs have it: `22:22`, a number to
base 60 in YAML 1.1, and dates.

Source: YAML 1.2.2 section 10.3 (core schema); yaml.org/type for 1.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Final, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None

MAX_DIGITS: Final = 400
"""Characters of one number; Python's own reader of integers is quadratic."""

_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON"})
_FALSE = frozenset({"false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF"})
_DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)", re.ASCII)
_OCTAL = re.compile(r"([-+]?)0o?([0-7_]+)", re.ASCII)
_BINARY = re.compile(r"([-+]?)0b([01_]+)", re.ASCII)
_HEXADECIMAL = re.compile(r"([-+]?)0x([0-9a-fA-F_]+)", re.ASCII)
_FLOAT = re.compile(
    r"[-+]?(?:[0-9][0-9_]*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?", re.ASCII
)
_SPECIAL = re.compile(r"([-+]?)\.(?:(inf|Inf|INF)|nan|NaN|NAN)", re.ASCII)

_PREFIX = "tag:yaml.org,2002:"


def read_plain(text: str) -> Scalar:
    """Return what an unquoted scalar without a tag means.

    Raises:
        ValueError: a number too long to read.
    """
    if text in _NOTHING:
        return None
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    if text[0] not in "+-.0123456789":
        return text
    number = _number(text)
    return text if number is None else number


def read_tagged(text: str, tag: str) -> Scalar:
    """Return the value of a scalar with an explicit tag such as `!!str`.

    Raises:
        ValueError: not a tag of the core schema, or the text does not fit it.
    """
    reader = _CORE.get(tag)
    if reader is None:
        raise ValueError(f"unknown tag {_shown(tag)}: only plain data is read here")
    return reader(text)


def _number(text: str) -> int | float | None:
    number = _integer(text)
    if number is not None:
        return number
    if (special := _SPECIAL.fullmatch(text)) is not None:
        return float(f"{special[1]}{special[2] or 'nan'}")
    if _FLOAT.fullmatch(text):
        return float(_bounded(text).replace("_", ""))
    return None


def _integer(text: str) -> int | None:
    if _DECIMAL.fullmatch(text):
        return int(_bounded(text).replace("_", ""))
    for pattern, base in ((_OCTAL, 8), (_BINARY, 2), (_HEXADECIMAL, 16)):
        match = pattern.fullmatch(text)
        digits = match[2].replace("_", "") if match else ""
        if match and digits:
            return int(f"{match[1]}{_bounded(digits)}", base)
    return None


def _bounded(text: str) -> str:
    if len(text) > MAX_DIGITS:
        raise ValueError(f"a number of {len(text)} characters: quote it if it is text")
    return text


def _as_integer(text: str) -> Scalar:
    number = _integer(text)
    if number is None:
        raise ValueError(f"expected a whole number after !!int, found {text[:100]!r}")
    return number


def _as_float(text: str) -> Scalar:
    number = _number(text)
    if number is None:
        raise ValueError(f"expected a number after !!float, found {text[:100]!r}")
    return float(number)


def _as_bool(text: str) -> Scalar:
    if text not in _TRUE and text not in _FALSE:
        raise ValueError(f"expected true or false after !!bool, found {text[:100]!r}")
    return text in _TRUE


def _as_nothing(text: str) -> Scalar:
    if text not in _NOTHING:
        raise ValueError(f"expected nothing after !!null, found {text[:100]!r}")
    return None


def _shown(tag: str) -> str:
    return (f"!!{tag.removeprefix(_PREFIX)}" if tag.startswith(_PREFIX) else tag)[:100]


_CORE: MappingProxyType[str, Callable[[str], Scalar]] = MappingProxyType(
    {
        "!": str,
        f"{_PREFIX}str": str,
        f"{_PREFIX}int": _as_integer,
        f"{_PREFIX}float": _as_float,
        f"{_PREFIX}bool": _as_bool,
        f"{_PREFIX}null": _as_nothing,
    }
)
CORE_COLLECTIONS: Final = frozenset({"!", f"{_PREFIX}map", f"{_PREFIX}seq"})
"""Explicit tags that a mapping or a list may have; `!` stands for the usual one."""
