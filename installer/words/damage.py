"""What `installer verify` says of damage, in words and as JSON; pure, and both bounded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

from installer.events import Failure
from installer.words.app import row, wrapped
from installer.words.results import failure_json
from manifests.bundle.damage import Damage, count_text, found_text
from manifests.imagenames import familiar_name
from manifests.quantities import bytes_text
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue

if TYPE_CHECKING:
    from manifests.bundle.contents import Survey

SHOWN: Final = 50
"""Damaged chunks of which a person sees each."""
LISTED: Final = 1000
"""Damaged chunks of which a program gets each."""


def damage_lines(survey: Survey) -> Iterator[str]:
    """Return a table of what is damaged, file by file; and what was read again."""
    for name in survey.reread[:SHOWN]:
        yield row("read again", f"{name}: wrong at first, then as signed")
    if not survey.damages:
        return
    lost = sum(one.length for one in survey.damages)
    counted = f"{count_text(survey.damages)}, {bytes_text(lost)} of {bytes_text(survey.size)}"
    yield row("damaged", counted)
    for _, group in groupby(survey.damages[:SHOWN], key=lambda one: one.file):
        yield from _file_lines(tuple(group))
    if len(survey.damages) > SHOWN:
        yield row("", f"and {len(survey.damages) - SHOWN} more; --json names up to {LISTED}")


def _file_lines(damages: Sequence[Damage]) -> Iterator[str]:
    first = damages[0]
    yield ""
    yield safe_line(first.file)
    if first.images:
        yield from wrapped("of", ", ".join(map(familiar_name, first.images)))
    yield f"{'offset':>16}  {'bytes':>10}  found"
    for one in damages:
        yield f"{one.offset:>16}  {one.length:>10}  {safe_line(found_text(one))}"


def damage_json(survey: Survey, failure: Failure | None) -> dict[str, JsonValue]:
    """Return the same for programs; `error` is there only if something is damaged."""
    document: dict[str, JsonValue] = {
        "verified": failure is None,
        "read_again": list(survey.reread[:LISTED]),
        "damaged_chunks": len(survey.damages),
        "damaged_bytes": sum(one.length for one in survey.damages),
        "damaged": [_place_json(one) for one in survey.damages[:LISTED]],
    }
    if failure is not None:
        document["error"] = failure_json(failure)
    return document


def _place_json(damage: Damage) -> JsonValue:
    return {
        "file": damage.file,
        "offset": damage.offset,
        "length": damage.length,
        "code": damage.code,
        "found": damage.found,
        "images": list(damage.images),
    }
