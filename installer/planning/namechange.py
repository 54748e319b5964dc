"""Which names will point where, once every image of a release is there; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from installer.engines.base import Engine, Presence
from installer.engines.namechange import NameChange
from manifests.digest import Digest
from manifests.release import ImageRecord


def name_changes(
    engine: Engine, images: Sequence[ImageRecord], there: Presence, keep: Mapping[Digest, str]
) -> tuple[NameChange, ...]:
    """Return the changes; an image that will be sent gets its keeping name on the way.

    Args:
        engine: whose names they are.
        images: of the release.
        there: what the engine has now, or will have.
        keep: by identity, the name in our own name space of each image.
    """
    changes: dict[tuple[str, Digest], NameChange] = {}
    for image in images:
        identity = there.store.identity(image)
        own = (keep[identity],) if there.store.unpacks and there.holds(image) else ()
        for name in (*own, *engine.names(image)):
            now, new = there.names.get(name, frozenset()), there.store.pointed(image)
            if new not in now:
                old = min(now, default=None)
                changes[name, new] = NameChange(name, image, new, old, ours=name in own)
    return tuple(changes.values())
