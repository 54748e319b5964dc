"""How an app is, in words and as JSON; pure, prints nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from manifests.documents import instant_text
from manifests.quantities import bytes_text
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue

if TYPE_CHECKING:  # what only stops an app loads none of it
    from installer.app.logs import LogLine
    from installer.app.status import AppStatus, InstanceStatus
    from installer.engines.appfacts import ListedImage
    from installer.running.runningapp import Chosen

SECONDS: Final = len("2026-11-27T04:37:02")
"""Characters of a time, to its seconds."""
_DIGEST: Final = 19
"""Characters shown of what an image is known by: `sha256:` and twelve more."""
_HEADINGS: Final = ("service", "container", "state", "health", "since", "release", "image", "ports")


def status_lines(
    found: AppStatus, chosen: Chosen, left: Sequence[ListedImage] = ()
) -> Iterator[str]:
    """Say how every instance is, and below what is not as it should be."""
    active = chosen.installed
    version = f"{active.version}, release {active.sequence}" if active else "no release"
    yield safe_line(f"{found.product} {version}, project {found.project}")
    if chosen.app.pending is not None:
        yield f"a switch to release {chosen.app.pending.sequence} was broken off: installer start"
    rows = [_HEADINGS, *(_cells(one) for one in found.instances)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(_HEADINGS))]
    for row in rows:
        cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
    for one in found.instances:
        if one.trouble:
            yield safe_line(f"{one.container or one.service}: {one.trouble}", limit=500)
    yield from _left_lines(left)


def _left_lines(left: Sequence[ListedImage]) -> Iterator[str]:
    """Say what installs left that were broken off."""
    for one in left:
        yield safe_line(f"left by an install that was broken off: {one.names[0]},", limit=200) + (
            f" {bytes_text(one.size)}"
        )
    if left:
        yield "the same install again goes on with them; installer prune removes them"


def status_json(
    found: AppStatus, chosen: Chosen, left: Sequence[ListedImage] = ()
) -> dict[str, JsonValue]:
    """Return the same for programs."""
    active, pending = chosen.installed, chosen.app.pending
    return {
        "product": found.product,
        "project": found.project,
        "well": found.well,
        "active": active.sequence if active else None,
        "version": active.version if active else None,
        "pending": None
        if pending is None
        else {"sequence": pending.sequence, "since": instant_text(pending.since)},
        "instances": [_instance_json(one) for one in found.instances],
        "leftovers": [{"names": list(one.names), "bytes": one.size} for one in left],
    }


def log_text(line: LogLine, width: int) -> str:
    """Return a line with who printed it before."""
    return f"{line.container:<{width}} | {line.text}"


def log_json(line: LogLine) -> dict[str, JsonValue]:
    """Return the same for programs."""
    return {
        "service": line.service,
        "container": line.container,
        "time": line.time,
        "text": line.text,
    }


def _cells(one: InstanceStatus) -> tuple[str, ...]:
    return tuple(
        safe_line(cell, limit=200)
        for cell in (
            one.service,
            one.container or "-",
            one.state,
            str(one.health),
            one.since[:SECONDS] if one.container else "-",
            str(one.release or "-"),
            one.image[:_DIGEST] or "-",
            " ".join(one.ports),
        )
    )


def _instance_json(one: InstanceStatus) -> dict[str, JsonValue]:
    return {
        "service": one.service,
        "number": one.number,
        "container": one.container or None,
        "state": one.state,
        "health": str(one.health),
        "ports": list(one.ports),
        "since": one.since or None,
        "image": one.image or None,
        "release": one.release or None,
        "trouble": one.trouble or None,
    }
