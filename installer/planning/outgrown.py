"""Releases that an upgrade will let go, and what that frees; pure.

An outlook, not a promise: `installer.prune` asks the engine what really goes, and when.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from installer.state.apps import InstalledApp
from manifests.release import Release


@dataclass(frozen=True, slots=True)
class Outgrown:
    """What the policy of a release lets go, once it is active.

    Attributes:
        versions: of the releases.
        size: bytes of unpacked layers that no other known release has; shared ones count once.
    """

    versions: tuple[str, ...]
    size: int


NOTHING_OUTGROWN: Final = Outgrown((), 0)


def outgrown(release: Release, app: InstalledApp | None, known: Iterable[Release]) -> Outgrown:
    """Return what goes after `release`.

    Args:
        release: that is about to be installed.
        app: what is here of its product; None for nothing.
        known: releases that were installed here, of any product.
    """
    if release.prune is None or app is None:
        return NOTHING_OUTGROWN
    gone = app.outgrown(release.sequence, release.prune.keep_releases)
    numbers = {one.sequence for one in gone}
    going: list[Release] = []
    staying = [release]
    for one in known:
        leaves = one.product == release.product and one.sequence in numbers
        (going if leaves else staying).append(one)
    return Outgrown(tuple(one.version for one in gone), _freed(going, staying))


def _freed(going: Sequence[Release], staying: Sequence[Release]) -> int:
    needed = {layer.diff_id for one in staying for image in one.images for layer in image.layers}
    sizes = {
        layer.diff_id: layer.uncompressed
        for one in going
        for image in one.images
        for layer in image.layers
    }
    return sum(size for diff_id, size in sizes.items() if diff_id not in needed)
