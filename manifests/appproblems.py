"""What is wrong with an `app.yaml`, in words and with its place; all of it at once.

Turns pydantic's errors into sentences that say what was expected and what was found, and makes
the checks that compare entries with each other, so that they too are told beside other errors.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from manifests.appfields import EXPECTED
from manifests.errors import AppManifestError
from manifests.reference import MalformedReference, Reference
from manifests.safetext import safe_line
from manifests.yamlnode import Node, Path
from manifests.yamltext import Position

SHOWN: Final = 20
"""Problems told in the message; all are in `problems`."""

_EXPECTED: Final[Mapping[str, str]] = {
    "string_type": "text",
    "int_type": "a whole number",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
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
        super().__init__("app-invalid", "\n".join(lines), file=subject, problems=len(self.problems))


def find_unreadable(root: Node, schema: int) -> Problem | None:
    """Return what keeps the document as a whole from being judged."""
    if not isinstance(root.value, Mapping):
        return _problem(root.position, f"expected keys such as 'name:', found {describe(root)}")
    version = root.nearest(("schema",))
    if type(version.value) is int and version.value != schema:
        found = f"expected schema {schema}, found {version.value}: use a newer moonlift"
        return _problem(version.position, found)
    return None


def compare_entries(root: Node) -> list[Problem]:
    """Return what is wrong between entries, and numbers that programs read differently."""
    return [*_odd_numbers(root), *_repeated_images(root), *_clashing_files(root)]


def translate(
    error: ValidationError, root: Node, keys: Mapping[str, Sequence[str]]
) -> Iterator[Problem]:
    """Yield pydantic's errors as problems.

    Args:
        error: all of them.
        root: the document.
        keys: the known keys of the document ("") and of the entries of its lists.
    """
    for one in error.errors(include_url=False, include_input=False):
        path = one["loc"]
        match one["type"]:
            case "extra_forbidden":
                known = keys[str(path[0]) if len(path) > 1 else ""]
                yield _problem(root.place(path), f"unknown key {_nearest(str(path[-1]), known)}")
            case "missing":
                yield _problem(root.place(path[:-1]), f"missing key {str(path[-1])!r}")
            case "too_short" if root.nearest(path).value:
                pass  # its entries are there and wrong, which is told of each
            case _:
                node = root.nearest(path)
                yield _problem(node.position, _sentence(one, node))


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


def _problem(position: Position, message: str) -> Problem:
    return Problem(position.line, position.column, safe_line(message, limit=1000))


def _nearest(key: str, known: Sequence[str]) -> str:
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


def _odd_numbers(root: Node) -> Iterator[Problem]:
    for key in ("schema", "sequence"):
        node = root.nearest((key,))
        if type(node.value) is int and node.source != str(node.value):
            yield _problem(
                node.position,
                f"{node.source[:100]} is {node.value} to some programs and not to others:"
                f" write {node.value}",
            )


def _items(root: Node, key: str, text_key: str) -> Iterator[tuple[Path, Node]]:
    """Yield the entries of a list that are text, or have text under `text_key`."""
    items = root.nearest((key,)).value
    for number in range(len(items) if isinstance(items, tuple) else 0):
        for path in ((key, number, text_key), (key, number)):
            node = root.nearest(path)
            if isinstance(node.value, str):
                yield path, node
                break


def _repeated_images(root: Node) -> Iterator[Problem]:
    seen: dict[str, Position] = {}
    for _, node in _items(root, "images", "image"):
        try:
            reference = Reference.parse(str(node.value))
        except MalformedReference:
            continue
        name = reference.tagged or str(reference)
        if name in seen:
            line = seen[name].line
            yield _problem(node.position, f"{reference.familiar} is listed before, at line {line}")
        seen.setdefault(name, node.position)


def _clashing_files(root: Node) -> Iterator[Problem]:
    """Find targets that are one file, or file and folder, where case does not count."""
    files: dict[str, Position] = {}
    folders: dict[str, tuple[str, Position]] = {}
    for node in _targets(root):
        target = str(node.value).removeprefix("./")
        parents = [target[:at] for at, letter in enumerate(target) if letter == "/"]
        clashes = [files.get(name.casefold()) for name in (*parents, target)]
        for parent in parents:
            written, place = folders.setdefault(parent.casefold(), (parent, node.position))
            clashes += [place] if written != parent else []
        clashes += [folders[target.casefold()][1]] if target.casefold() in folders else []
        files.setdefault(target.casefold(), node.position)
        if (clash := next(filter(None, clashes), None)) is not None:
            yield _problem(
                node.position,
                f"{target[:200]!r} and the target at line {clash.line} can't both be in a bundle",
            )


def _targets(root: Node) -> Iterator[Node]:
    for path, source in _items(root, "files", "from"):
        to = root.nearest((*path[:2], "to"))
        explicit = len(path) == 3 and to is not root.nearest(path[:2])
        yield to if explicit and isinstance(to.value, str) else source
