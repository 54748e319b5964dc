"""The host's own log of decisions: one JSON line each, only ever added to.

Owns the form of a line. Does not read or write files; `installer.ledger` does. The log explains,
it never decides: a damaged line is skipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pydantic import Field

from manifests.documents import Document, Instant, Line
from manifests.errors import MoonliftError

MAX_LINE: Final = 64 * 1024
"""Bytes of one line."""


class _Line(Document):
    at: Instant
    what: Line
    product: Line = ""
    sequence: int | None = None
    facts: dict[str, str | int] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One decision.

    Attributes:
        at: by the host's clock.
        what: kebab-case: `accepted`, `refused`, `activated`, `ledger-reset`, ...
        product: name of the app; empty if it is about none.
        sequence: number of the release; None if it is about none.
        facts: digests, fingerprints, error codes, by name.
    """

    at: datetime
    what: str
    product: str = ""
    sequence: int | None = None
    facts: Mapping[str, str | int] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return the entry as one line without its end."""
        line = _Line(
            at=self.at,
            what=self.what,
            product=self.product,
            sequence=self.sequence,
            facts=dict(self.facts),
        )
        return line.canonical()


def parse_history(data: bytes) -> tuple[HistoryEntry, ...]:
    """Return the entries in `data`, oldest first, without the lines that are damaged."""
    return tuple(entry for line in data.split(b"\n") if (entry := _parse(line)) is not None)


def _parse(line: bytes) -> HistoryEntry | None:
    try:
        parsed = _Line.parse(line, limit=MAX_LINE, subject="history.jsonl")
    except MoonliftError:
        return None
    return HistoryEntry(parsed.at, parsed.what, parsed.product, parsed.sequence, parsed.facts)
