"""The form of `--jsonl`: which lines there are besides events, and the version of them all.

Owns the first line and its schema number. What each line holds is in docs/schemas, which
`installer.stream.schema` makes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from installer.events import kind_of, plain_fields
from manifests import __version__
from manifests.strictjson import JsonValue

SCHEMA: Final = 1
"""Grows when a program that read the lines before could not read them any more."""


@dataclass(frozen=True, slots=True)
class Begin:
    """The first line.

    Attributes:
        schema: version of this format.
        program: always installer.
        version: of the program.
        at: when it began, by the host's clock.
    """

    schema: int
    program: str
    version: str
    at: str


def begin_json() -> dict[str, JsonValue]:
    """Return the first line."""
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    begin = Begin(SCHEMA, "installer", __version__, now)
    return {"event": kind_of(Begin), **plain_fields(begin)}
