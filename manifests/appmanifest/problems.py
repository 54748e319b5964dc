"""What is wrong with an `app.yaml`, in words and with its place; all of it at once.

Turns pydantic's errors into sentences that say what was expected and what was found.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from manifests.appmanifest.fields import EXPECTED
from manifests.errors import AppManifestError
from manifests.safetext import safe_line
from manifests.yaml.node import Node, Path
from manifests.yaml.text import Position

SHOWN: Final = 20
"""Problems told in the message; all are in `problems`."""

_EXPECTED: Final[Mapping[str, str]] = {
    "string_type": "text",
    "int_type": "a whole number",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "bool_type": "true or false",
    "enum": "one of auto, zstd, original",
}


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        line: counted from 1.
        column: counted from 1.
        message: what was expected and what was found.
    """

    line: int
    column: int
    message: str


class InvalidApp(AppManifestError):
    """An app manifest that can't be used; code `app-invalid`.

    Attributes:
        problems: all of them, in the order of the file.
    """

    def __init__(self, subject: str, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        lines = [f"{subject}:{one.line}:{one.column}: {one.message}" for one in self.problems]
        if len(lines) > SHOWN:
            lines[SHOWN:] = [f"{subject}: and {len(lines) - SHOWN} more"]
        super().__init__(
            "app-invalid",
            "\n".join(lines),
            hint="bundle schema app: what may stand in it; bundle init writes one to begin with",
            file=subject,
            problems=len(self.problems),
        )


def find_unreadable(root: Node, schema: int) -> Problem | None:
    """Return what keeps the document as a whole from being judged."""
    if not isinstance(root.value, Mapping):
        return problem_at(root.position, f"expected keys such as 'name:', found {describe(root)}")
    version = root.nearest(("schema",))
    if type(version.value) is int and version.value != schema:
        found = f"expected schema {schema}, found {version.value}: use a newer moonlift"
        return problem_at(version.position, found)
    return None


def translate(
    error: ValidationError, root: Node, keys: Mapping[str, Sequence[str]]
) -> Iterator[Problem]:
    """Yield pydantic's errors as problems.

    Args:
        error: all of them.
        root: the document.
        keys: the known keys of each mapping, by its path without the numbers of entries: "" is
            the document, `images` an entry of that list, `sources.compose` one of that kind.
    """
    for one in error.errors(include_url=False, include_input=False):
        path = _written_path(one["loc"], keys)
        match one["type"]:
            case "extra_forbidden":
                known = keys[_names(one["loc"][:-1])]
                message = f"unknown key {nearest_key(str(path[-1]), known)}"
                yield problem_at(root.place(path), message)
            case "missing":
                yield problem_at(root.place(path[:-1]), f"missing key {str(path[-1])!r}")
            case "too_short" if root.nearest(path).value:
                pass  # its entries are there and wrong, which is told of each
            case _:
                node = root.nearest(path)
                yield problem_at(node.position, _sentence(one, node))


def _names(path: Path) -> str:
    return ".".join(step for step in path if isinstance(step, str))


def _written_path(path: Path, keys: Mapping[str, Sequence[str]]) -> Path:
    """Return a path as the document has it: without the kind that follows an entry's number."""
    return [
        step
        for at, step in enumerate(path)
        if not (at and isinstance(path[at - 1], int) and _names(path[: at + 1]) in keys)
    ]


def describe(node: Node) -> str:
    """Return what a value is, for after the word `found`."""
    value = node.value
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, tuple):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return repr(safe_line(value, limit=200))
    if isinstance(value, bool):
        return f"{node.source}, which means {'true' if value else 'false'}"
    return f"the number {value}"


def problem_at(position: Position, message: str) -> Problem:
    """Return a problem, its message made safe to show."""
    return Problem(position.line, position.column, safe_line(message, limit=1000))


def nearest_key(key: str, known: Sequence[str]) -> str:
    """Return an unknown key with the known one that its writer meant, or all of them."""
    close = difflib.get_close_matches(key, known, n=1)
    rest = f"did you mean {close[0]!r}?" if close else f"expected one of {', '.join(known)}"
    return f"{key[:100]!r}, {rest}"


def _sentence(error: ErrorDetails, node: Node) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "too_short":
            return "expected at least one entry, found none"
        case "too_long":
            return f"expected at most {context['max_length']} entries, found more"
        case "greater_than_equal" | "less_than_equal":
            limit = context.get("ge", context.get("le"))
            side = "at least" if "ge" in context else "at most"
            return f"expected a number of {side} {limit}, found {node.source}"
        case kind if kind == EXPECTED or kind in _EXPECTED:
            what = _EXPECTED.get(kind, error["msg"])
            return f"expected {what}, found {describe(node)}{_remedy(what, node)}"
    return error["msg"]


def _remedy(what: str, node: Node) -> str:
    """Return what to do about a value that YAML took for another kind than its writer."""
    if node.value is None and not node.source:
        return ": fill it in, or remove the key"
    if node.source and not isinstance(node.value, str) and what not in ("a list", "a mapping"):
        return f': quote it: "{node.source[:100]}"'
    return ""
