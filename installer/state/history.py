"""The host's own log of decisions: one JSON line each, only ever added to.

Owns the form of a line. Does not read or write files; `installer.ledger` does. The log explains,
it never decides: a damaged line is left out, and counted, so that people can be told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pydantic import Field

from manifests.documents import Document, Instant, Line
from manifests.errors import MoonliftError

MAX_LINE: Final = 64 * 1024
"""Bytes of one line."""
_NAMED_LINES: Final = 10
"""Damaged lines that people are told of, by number."""


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


@dataclass(frozen=True, slots=True)
class History:
    """The log.

    Attributes:
        entries: oldest first, without the lines that are damaged.
        damaged: numbers of those lines, from 1.
        lost: whether there is none, though this host has accepted releases.
    """

    entries: tuple[HistoryEntry, ...]
    damaged: tuple[int, ...] = ()
    lost: bool = False

    def losses(self) -> Iterator[str]:
        """Say what of it can't be told any more."""
        if self.lost:
            yield "history.jsonl is missing, though releases were accepted here: it is lost"
        if self.damaged:
            first = ", ".join(map(str, self.damaged[:_NAMED_LINES]))
            yield f"history.jsonl: damaged and left out, of its lines: {first}" + (
                ", ..." if len(self.damaged) > _NAMED_LINES else ""
            )


def parse_history(data: bytes) -> History:
    """Return the log that `data` is."""
    lines = [(number, line) for number, line in enumerate(data.split(b"\n"), 1) if line]
    read = [(number, _parse(line)) for number, line in lines]
    return History(
        entries=tuple(entry for _, entry in read if entry is not None),
        damaged=tuple(number for number, entry in read if entry is None),
    )


def _parse(line: bytes) -> HistoryEntry | None:
    try:
        parsed = _Line.parse(line, limit=MAX_LINE, subject="history.jsonl")
    except MoonliftError:
        return None
    return HistoryEntry(parsed.at, parsed.what, parsed.product, parsed.sequence, parsed.facts)
