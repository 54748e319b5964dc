"""What old layers take of this host's disks while a difference bundle is loaded. Pure."""

from __future__ import annotations

from pathlib import Path

from installer.delta.needs import Regain
from installer.planning.space import Places, Purpose, Writing


def copying(found: Regain | None, state: Path, places: Places, count: int) -> tuple[Writing, ...]:
    """Return what is written besides the images themselves.

    Docker's classic store lays an image out in its temporary folder before it exports it.

    Args:
        found: what is taken from this host; None for nothing.
        state: folder beside the ledger, in which copies lie until the last image is sent.
        places: where the engine writes.
        count: of images that are sent.
    """
    if found is None:
        return ()
    return (
        Writing(Purpose.OLD_LAYERS, state, (found.copied_bytes,) * count),
        Writing(Purpose.TEMPORARY, places.temporary, (found.export_bytes,)),
    )
