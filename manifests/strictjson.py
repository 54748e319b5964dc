"""JSON of strangers, read strictly (RFC 7493, I-JSON); and the one way we write JSON.

Python's own loader keeps the last of duplicate keys, takes NaN and lone surrogates, and recurses
without bound. Here each is refused, before or while the document is read. Go's decoder matches
keys without regard to case, so two keys that differ only in case are refused too, but in labels
and annotations: an engine written in Go and we would read different documents.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, NoReturn, TypeAlias

from manifests.errors import MalformedInput

JsonValue: TypeAlias = "dict[str, JsonValue] | list[JsonValue] | str | int | float | bool | None"

MAX_DEPTH: Final = 64
MAX_TOKENS: Final = 400_000
"""Structural characters outside strings; bounds memory before anything is built."""
MAX_INTEGER_DIGITS: Final = 19

_STRING_OR_STRUCTURE = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{},:]', re.DOTALL)
"""A string that never ends is taken whole, lest each quote in it be the start of another search."""
_FREE_KEYS: Final = frozenset({"Labels", "annotations", "Annotations"})
"""Members whose keys people choose; engines read them as maps, letter for letter."""


class MalformedJson(MalformedInput):
    """A document that is not strict JSON."""

    def __init__(self, subject: str, reason: str) -> None:
        super().__init__("json-malformed", f"{subject}: {reason}", subject=subject)


def loads(data: bytes, *, limit: int, subject: str) -> JsonValue:
    """Parse `data`.

    Args:
        data: the whole document, UTF-8.
        limit: bytes allowed.
        subject: what is being read, for the message.

    Raises:
        MalformedJson: too large, not UTF-8, too deep, duplicate keys, NaN, trailing data, ...
    """
    _check_shape(data, limit=limit, subject=subject)
    clashes: list[dict[str, JsonValue]] = []
    try:
        text = data.decode("utf-8", errors="strict")
        value: JsonValue = json.loads(
            text,
            object_pairs_hook=lambda pairs: _unique_keys(pairs, clashes),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_bounded_int,
        )
    except (ValueError, RecursionError) as error:
        raise MalformedJson(subject, f"not strict JSON: {error}") from error
    if b"\\u" in data:
        _check_surrogates(value, subject)
    if clashes and not {id(one) for one in clashes} <= {id(one) for one in _free_objects(value)}:
        raise MalformedJson(subject, "two keys differ only in case")
    return value


def load_object(data: bytes, *, limit: int, subject: str) -> dict[str, JsonValue]:
    """Parse `data`, which must be an object.

    Raises:
        MalformedJson: as `loads`, or another kind of value.
    """
    value = loads(data, limit=limit, subject=subject)
    if not isinstance(value, dict):
        raise MalformedJson(subject, f"expected an object, found {type(value).__name__}")
    return value


def canonical(value: JsonValue) -> bytes:
    """Return the compact form with sorted keys: the same value is always the same bytes."""
    text = json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
    )
    return text.encode()


def readable(value: JsonValue) -> bytes:
    """Return the indented form with sorted keys, for documents that people read and diff."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2, sort_keys=True)
    return text.encode() + b"\n"


def _check_shape(data: bytes, *, limit: int, subject: str) -> None:
    if len(data) > limit:
        raise MalformedJson(subject, f"larger than {limit} bytes")
    if data.startswith(b"\xef\xbb\xbf"):
        raise MalformedJson(subject, "starts with a byte order mark")
    if b"\0" in data:
        raise MalformedJson(subject, "holds a NUL byte")
    depth = 0
    for tokens, match in enumerate(_STRING_OR_STRUCTURE.finditer(data), start=1):
        first = data[match.start()]
        depth += (first in b"[{") - (first in b"]}")
        if depth > MAX_DEPTH:
            raise MalformedJson(subject, f"nested deeper than {MAX_DEPTH}")
        if tokens > MAX_TOKENS:
            raise MalformedJson(subject, f"more than {MAX_TOKENS} tokens")


def _unique_keys(
    pairs: list[tuple[str, JsonValue]], clashes: list[dict[str, JsonValue]]
) -> dict[str, JsonValue]:
    """Return an object; add it to `clashes` if two of its keys differ only in case."""
    unique = dict(pairs)
    if len(unique) != len(pairs):
        raise ValueError("duplicate key")
    if len({key.casefold() for key in unique}) != len(pairs):
        clashes.append(unique)
    return unique


def _free_objects(value: JsonValue) -> Iterator[dict[str, JsonValue]]:
    """Yield the objects under `_FREE_KEYS`, wherever they are."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in _FREE_KEYS and isinstance(item, dict):
                yield item
            yield from _free_objects(item)
    elif isinstance(value, list):
        for item in value:
            yield from _free_objects(item)


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"number {text[:20]} is out of range")
    return value


def _bounded_int(text: str) -> int:
    if len(text.lstrip("-")) > MAX_INTEGER_DIGITS:
        raise ValueError(f"integer of more than {MAX_INTEGER_DIGITS} digits")
    return int(text)


def _check_surrogates(value: JsonValue, subject: str) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise MalformedJson(subject, "holds a lone surrogate") from error
