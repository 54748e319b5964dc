"""What is written where, and what is free there, in words and as JSON; pure, prints nothing."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from manifests.quantities import bytes_text
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue

if TYPE_CHECKING:
    from installer.planning.space import Demand, Room, Writing

LABEL: Final = 13
WIDTH: Final = 80
_PLACES: Final = {
    "temporary": "the engine's temporary folder",
    "store": "the engine's store",
    "state": "the installer's state folder",
    "old layers": "the installer's state folder, for old layers",
}


def room_lines(room: Room) -> Iterator[str]:
    """Say how many bytes go where, then what each file system needs and has."""
    labels = iter(("to write",))
    for writing in room.writings:
        yield from _wrapped(next(labels, ""), _written(writing))
    labels = iter(("space",))
    for demand in room.demands:
        yield from _wrapped(next(labels, ""), _asked(demand))
    for writing in room.unseen:
        unseen = f"{_PLACES[writing.purpose]} can't be seen from here: free space unknown"
        yield from _wrapped(next(labels, ""), unseen)


def room_json(room: Room) -> dict[str, JsonValue]:
    """Return the same for programs."""
    return {
        "writes": [
            {
                "purpose": str(one.purpose),
                "path": None if one.path is None else str(one.path),
                "bytes": one.total,
                "height_bytes": one.height,
            }
            for one in room.writings
        ],
        "file_systems": [
            {
                "mount": one.system.mount,
                "device": one.system.device,
                "kind": one.system.kind,
                "purposes": [str(purpose) for purpose in one.purposes],
                "need_bytes": one.need,
                "free_bytes": one.system.free,
                "total_bytes": one.system.total,
                "missing_bytes": one.missing,
            }
            for one in room.demands
        ],
        "unseen": [str(one.purpose) for one in room.unseen],
    }


def _written(writing: Writing) -> str:
    most = f", at most {bytes_text(writing.height)} at a time"
    return f"{bytes_text(writing.total)} to {_PLACES[writing.purpose]}" + (
        most if writing.height < writing.total else ""
    )


def _asked(demand: Demand) -> str:
    system = demand.system
    where = f"{system.mount} ({system.device}, {system.kind})"
    lack = f", {bytes_text(demand.missing)} are missing" if demand.missing else ""
    return f"{where}: {bytes_text(demand.need)} needed, {bytes_text(system.free)} free{lack}"


def _wrapped(label: str, text: str) -> Iterator[str]:
    for line in textwrap.wrap(safe_line(text), WIDTH - LABEL):
        yield f"{label:<{LABEL}}{line}"
        label = ""
