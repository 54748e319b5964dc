"""Records as JSON, back again, and the JSON Schema of both; all three from the same declarations.

Knows frozen dataclasses of text, numbers, booleans, enums, tuples of one type and null. What comes
from a child process or a file is checked against the declaration before it is believed.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import types
import typing
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar

R = TypeVar("R")


class MalformedRecord(ValueError):
    """JSON that is not what a record's declaration says."""


def to_json(record: object) -> Any:
    """Return a record as what `json.dumps` takes; infinities and NaN become null."""
    if dataclasses.is_dataclass(record):
        names = (field.name for field in dataclasses.fields(record))
        return {name: to_json(getattr(record, name)) for name in names}
    if isinstance(record, (tuple, list)):
        return [to_json(one) for one in record]
    if isinstance(record, float):
        return record if math.isfinite(record) else None
    return str(record) if isinstance(record, StrEnum) else record


def from_json(kind: type[R], value: object) -> R:
    """Return the record that JSON describes.

    Raises:
        MalformedRecord: it does not describe one; says where.
    """
    return typing.cast("R", _read(kind, value, kind.__name__))


def json_schema(kind: type, *, title: str) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a record and of all within it."""
    found: dict[str, Any] = {}
    _describe(kind, found)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "$ref": f"#/$defs/{kind.__name__}",
        "$defs": dict(sorted(found.items())),
    }


@functools.cache
def _fields(kind: type) -> Mapping[str, Any]:
    return typing.get_type_hints(kind)


def _read(kind: Any, value: object, place: str) -> Any:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return _read_optional(kind, value, place)
    if origin is tuple and isinstance(value, list):
        inner = typing.get_args(kind)[0]
        return tuple(_read(inner, one, f"{place}[{at}]") for at, one in enumerate(value))
    if dataclasses.is_dataclass(kind) and isinstance(value, dict):
        return _read_record(kind, value, place)
    if isinstance(kind, type) and issubclass(kind, StrEnum) and isinstance(value, str):
        return _read_enum(kind, value, place)
    if kind is float and type(value) in (int, float):
        return _finite(value, place)
    if kind in (int, str, bool) and type(value) is kind:
        return value
    raise MalformedRecord(f"{place}: expected {_words(kind)}, found {type(value).__name__}")


def _read_enum(kind: type[StrEnum], value: str, place: str) -> StrEnum:
    try:
        return kind(value)
    except ValueError as error:
        raise MalformedRecord(f"{place}: expected one of {', '.join(kind)}") from error


def _finite(value: Any, place: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise MalformedRecord(f"{place}: expected a finite number")
    return number


def _read_optional(kind: Any, value: object, place: str) -> Any:
    (inner,) = (one for one in typing.get_args(kind) if one is not type(None))
    return None if value is None else _read(inner, value, place)


def _read_record(kind: Any, value: Mapping[str, object], place: str) -> Any:
    fields = _fields(kind)
    if value.keys() != fields.keys():
        differing = sorted(map(str, value.keys() ^ fields.keys()))
        raise MalformedRecord(f"{place}: unknown or missing: {', '.join(differing)[:200]}")
    read = {name: _read(hint, value[name], f"{place}.{name}") for name, hint in fields.items()}
    return kind(**read)


def _words(kind: Any) -> str:
    return getattr(kind, "__name__", str(kind))


def _describe(kind: Any, found: dict[str, Any]) -> dict[str, Any]:
    origin = typing.get_origin(kind)
    if origin in (types.UnionType, typing.Union):
        return {"anyOf": [_describe(one, found) for one in typing.get_args(kind)]}
    if origin is tuple:
        return {"type": "array", "items": _describe(typing.get_args(kind)[0], found)}
    if dataclasses.is_dataclass(kind):
        return _describe_record(typing.cast("type", kind), found)
    if issubclass(kind, StrEnum):
        return {"enum": [str(one) for one in kind]}
    names = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
    return {"type": names[kind]}


def _describe_record(kind: type, found: dict[str, Any]) -> dict[str, Any]:
    if kind.__name__ not in found:
        found[kind.__name__] = {}
        meanings = _meanings(kind)
        properties = {
            name: {**_describe(hint, found), "description": meanings[name]}
            if name in meanings
            else _describe(hint, found)
            for name, hint in _fields(kind).items()
        }
        found[kind.__name__] = {
            "type": "object",
            "description": (inspect.getdoc(kind) or "").partition("\n")[0],
            "required": list(properties),
            "properties": properties,
        }
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _meanings(kind: type) -> dict[str, str]:
    """Return what the docstring's `Attributes:` say of each field."""
    _, _, listed = (inspect.getdoc(kind) or "").partition("Attributes:\n")
    meanings: dict[str, str] = {}
    name = ""
    for line in listed.splitlines():
        if line.startswith("    ") and not line.startswith("     "):
            name, _, text = line.strip().partition(": ")
            meanings[name] = text
        elif name and line.strip():
            meanings[name] += " " + line.strip()
    return meanings
