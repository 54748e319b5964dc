"""The bundles on a drive as they describe themselves, for a list or a screen; none is believed.

Reads the small documents of every release in a drive's root, never a layer, and changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from installer.console import Console
from manifests.bundle.driveform import read_drive
from manifests.documents import instant_text
from manifests.errors import NotInstallableHere
from manifests.quantities import bytes_text
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue


@dataclass(frozen=True, slots=True)
class FoundBundle:
    """A bundle on a drive, by its own words.

    Attributes:
        path: of its folder.
        product: that it is a release of.
        version: for people.
        sequence: that decides what is newer.
        issued: when it was made.
        images: how many.
        size: bytes of its blobs and files.
        since: what it is a difference to; empty for a complete one.
    """

    path: Path
    product: str
    version: str
    sequence: int
    issued: datetime
    images: int
    size: int
    since: str = ""


def bundles_on(drive: Path) -> tuple[FoundBundle, ...]:
    """Return the finished bundles in a drive's root, by product, the newest first.

    Raises:
        NotInstallableHere: `bundle-not-found`: there is no such folder, or it can't be read.
    """
    try:
        folders = read_drive(drive).finished
    except OSError as error:
        raise NotInstallableHere(
            "bundle-not-found",
            f"expected a drive at {drive}, found {error.strerror or error}",
            hint="give the folder that the drive is mounted on",
        ) from error
    found = (
        FoundBundle(
            path=one.path,
            product=one.release.product,
            version=one.release.version,
            sequence=one.release.sequence,
            issued=one.release.issued,
            images=len(one.release.images),
            size=sum(one.release.sizes().values()),
            since=one.release.base.title if one.release.base is not None else "",
        )
        for one in folders
    )
    return tuple(sorted(found, key=lambda one: (one.product, -one.sequence)))


def list_bundles(console: Console, drive: Path) -> None:
    """Show the bundles on a drive.

    Raises:
        NotInstallableHere: `bundle-not-found`.
    """
    found = bundles_on(drive)
    console.lines(_line(one) for one in found)
    if not found:
        console.say(f"no finished bundle in {drive}")
    console.document("bundles", {"bundles": [_json(one) for one in found]})


def _line(one: FoundBundle) -> str:
    return safe_line(
        f"{one.path}  {one.product} {one.version}, sequence {one.sequence}, "
        f"issued {instant_text(one.issued)}, {bytes_text(one.size)}"
        + (f", only what is new since {one.since}" if one.since else "")
    )


def _json(one: FoundBundle) -> JsonValue:
    return {
        "path": str(one.path),
        "product": one.product,
        "version": one.version,
        "sequence": one.sequence,
        "issued": instant_text(one.issued),
        "images": one.images,
        "bytes": one.size,
        "since": one.since or None,
    }
