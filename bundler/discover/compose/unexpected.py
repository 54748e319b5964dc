"""A value of a compose file that is of the wrong kind, and the words in which it is told."""

from __future__ import annotations

from collections.abc import Mapping

from bundler.discover.compose.notes import Notes
from bundler.discover.compose.tree import Value
from manifests.safetext import safe_line


class Unexpected(Exception):
    """A value of the wrong kind.

    Attributes:
        value: it.
        what: what was expected.
    """

    def __init__(self, value: Value, what: str) -> None:
        self.value = value
        self.what = what
        super().__init__(what)


def check_hint(file: str) -> str:
    """Return how a person finds out what is wrong with a file's shape."""
    return f"correct it; `docker compose -f {file} config` says what Compose makes of it"


def tell_unexpected(error: Unexpected, notes: Notes) -> None:
    """Tell a value of the wrong kind as a problem."""
    found, hint = _described(error.value), check_hint(error.value.place.file)
    if isinstance(error.value.content, int | float):
        hint = "quote it if it is text"
    message = f"expected {error.what}, found {found}"
    notes.problem(error.value.place, "compose-malformed", message, hint)


def _described(value: Value) -> str:
    if isinstance(value.content, Mapping):
        return "a mapping"
    if isinstance(value.content, tuple):
        return "a list"
    if value.content is None:
        return "nothing"
    if isinstance(value.content, str):
        return repr(safe_line(value.content, limit=200))
    return f"the {'truth value' if isinstance(value.content, bool) else 'number'} {value.text}"
