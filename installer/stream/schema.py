"""The JSON Schema of `--jsonl`, made from the dataclasses themselves, so that it can't differ.

What a field means is taken from its class's docstring. docs/schemas/events.schema.json is what
`installer schema events` prints; a test holds it to that.
"""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from installer.events import Event, kind_of
from installer.stream.jsonlines import SCHEMA, Begin
from manifests.strictjson import JsonValue, readable

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
ABOUT: Final = (
    "One line of what `installer install --jsonl` and its like print. The first line is `begin`;"
    " the last is `run-finished`, or `error` when it never came to a run. Readers must not mind"
    " fields and kinds of lines that they don't know."
)
_SIMPLE: Final = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}
_ATTRIBUTE: Final = re.compile(r"^    ([\w, ]+): (.*(?:\n {8}.*)*)", re.MULTILINE)
_DOCUMENTS: Final = {
    "bundle": "What `installer verify --json` says of the bundle.",
    "plan": "What `installer plan --json` says of what will be done.",
}


def events_schema() -> bytes:
    """Return the schema of one line."""
    made: dict[str, JsonValue] = {}
    kinds = (Begin, *get_args(Event))
    lines: list[JsonValue] = [_line(kind, made) for kind in kinds]
    lines += [_document(name, about) for name, about in _DOCUMENTS.items()]
    lines.append(_error())
    return readable(
        {
            "$schema": DRAFT,
            "title": "installer --jsonl",
            "description": ABOUT,
            "version": SCHEMA,
            "oneOf": lines,
            "$defs": made,
        }
    )


def _line(kind: type, made: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """Return the schema of an event: its fields, and the name of its kind."""
    whole = _object(kind, made)
    properties = whole["properties"]
    required = whole["required"]
    if not isinstance(properties, dict) or not isinstance(required, list):
        raise TypeError(f"{kind.__name__} has no fields")
    return {
        **whole,
        "properties": {"event": {"const": kind_of(kind)}, **properties},
        "required": ["event", *required],
    }


def _object(kind: type, made: dict[str, JsonValue]) -> dict[str, JsonValue]:
    hints = get_type_hints(kind)
    first, words = _words(kind)
    properties: dict[str, JsonValue] = {}
    for field in fields(kind):
        about = {"description": words[field.name]} if field.name in words else {}
        properties[field.name] = {**_schema(hints[field.name], made), **about}
    return {
        "type": "object",
        "description": first,
        "properties": properties,
        "required": [field.name for field in fields(kind)],
    }


def _schema(hint: Any, made: dict[str, JsonValue]) -> dict[str, JsonValue]:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return {"anyOf": [_schema(one, made) for one in arguments]}
    if origin is tuple:
        return {"type": "array", "items": _schema(arguments[0], made)}
    if origin is Mapping:
        return {"type": "object", "additionalProperties": _schema(arguments[1], made)}
    if issubclass(hint, Enum):
        return {"enum": [one.value for one in hint]}
    if isinstance(hint, type) and is_dataclass(hint):
        return _named(hint, made)
    return {"type": _SIMPLE[hint]}


def _named(kind: type, made: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if kind.__name__ not in made:
        made[kind.__name__] = {}  # first, lest a class that holds itself never end
        made[kind.__name__] = _object(kind, made)
    return {"$ref": f"#/$defs/{kind.__name__}"}


def _document(name: str, about: str) -> dict[str, JsonValue]:
    properties: dict[str, JsonValue] = {"event": {"const": name}}
    return _about(about, properties)


def _error() -> dict[str, JsonValue]:
    error = _about("The failure.", {name: {"type": kind} for name, kind in _error_fields()})
    properties: dict[str, JsonValue] = {"event": {"const": "error"}, "error": error}
    return _about("An expected failure that kept it from coming to a run.", properties)


def _error_fields() -> Iterator[tuple[str, JsonValue]]:
    yield from (("code", "string"), ("message", "string"), ("hint", "string"))
    yield from (("context", "object"), ("exit", "integer"))


def _about(about: str, properties: dict[str, JsonValue]) -> dict[str, JsonValue]:
    required: list[JsonValue] = [*properties]
    return {
        "type": "object",
        "description": about,
        "properties": properties,
        "required": required,
    }


def _words(kind: type) -> tuple[str, dict[str, str]]:
    """Return a docstring's first line, and what it says of each attribute."""
    text = inspect.cleandoc(kind.__doc__ or "")
    head, _, attributes = text.partition("Attributes:\n")
    found = {
        name.strip(): _sentence(about)
        for names, about in _ATTRIBUTE.findall(attributes)
        for name in names.split(",")
    }
    return head.partition("\n")[0], found


def _sentence(text: str) -> str:
    words = " ".join(text.split())
    return words[:1].upper() + words[1:]
