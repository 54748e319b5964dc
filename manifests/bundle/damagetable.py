"""What both programs' `verify` say of damage, in words and as JSON; pure, and both bounded."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Final

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
LABEL: Final = 13
"""Characters of a label, its gap included."""
WIDTH: Final = 80


def damage_lines(survey: Survey) -> Iterator[str]:
    """Return a table of what is damaged, file by file; and what was read again."""
    for name in survey.reread[:SHOWN]:
        yield _row("read again", f"{name}: wrong at first, then as signed")
    if not survey.damages:
        return
    lost = sum(one.length for one in survey.damages)
    counted = f"{count_text(survey.damages)}, {bytes_text(lost)} of {bytes_text(survey.size)}"
    yield _row("damaged", counted)
    for _, group in groupby(survey.damages[:SHOWN], key=lambda one: one.file):
        yield from _file_lines(tuple(group))
    if len(survey.damages) > SHOWN:
        yield _row("", f"and {len(survey.damages) - SHOWN} more; --json names up to {LISTED}")


def damage_json(survey: Survey) -> dict[str, JsonValue]:
    """Return the same for programs; the counts are of all."""
    return {
        "verified": not survey.damages,
        "read_again": list(survey.reread[:LISTED]),
        "damaged_chunks": len(survey.damages),
        "damaged_bytes": sum(one.length for one in survey.damages),
        "damaged": [_place_json(one) for one in survey.damages[:LISTED]],
    }


def _file_lines(damages: Sequence[Damage]) -> Iterator[str]:
    first = damages[0]
    yield ""
    yield safe_line(first.file)
    if first.images:
        names = safe_line(", ".join(map(familiar_name, first.images)))
        for number, line in enumerate(textwrap.wrap(names, WIDTH - LABEL)):
            yield _row("" if number else "of", line)
    yield f"{'offset':>16}  {'bytes':>10}  found"
    for one in damages:
        yield f"{one.offset:>16}  {one.length:>10}  {safe_line(found_text(one))}"


def _row(label: str, text: str) -> str:
    return f"{label:<{LABEL}}{safe_line(text)}"


def _place_json(damage: Damage) -> JsonValue:
    return {
        "file": damage.file,
        "offset": damage.offset,
        "length": damage.length,
        "code": damage.code,
        "found": damage.found,
        "images": list(damage.images),
    }
