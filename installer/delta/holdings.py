"""Which old layers this host's engine has, and in which of its images.

Pure reckoning over what an engine and the ledger's releases say. A layer counts here by its diff
ID: whatever it was called by, its tar is the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from installer.engines.base import Engine, Stack, Store, keep_name
from manifests.digest import Digest
from manifests.mediatype import MediaType
from manifests.release import ImageRecord, LayerRecord, Release


@dataclass(frozen=True, slots=True)
class Held:
    """An old layer in the engine.

    Attributes:
        layer: as the store has it.
        image: identity of an image that has it.
        export_bytes: bytes that the engine writes to its temporary folder to export that image.
    """

    layer: LayerRecord
    image: Digest
    export_bytes: int = 0


def held(
    engine: Engine, wanted: Sequence[LayerRecord], known: Sequence[Release]
) -> Mapping[Digest, Held]:
    """Return those of the wanted layers that the engine has, by diff ID; changes nothing.

    Args:
        engine: is asked.
        wanted: whose tars are needed.
        known: releases that this host has believed before.

    Raises:
        EngineFailed: it does not answer.
    """
    if not wanted:
        return {}
    if engine.info().store is Store.GRAPH_DRIVER:
        return _in_stacks(engine.stacks(), wanted)
    diff_ids = {layer.diff_id for layer in wanted}
    found: dict[Digest, Held] = {}
    for image, layer in recorded(engine, known):
        if layer.diff_id in diff_ids:
            identity = engine.info().store.identity(image)
            found.setdefault(layer.diff_id, Held(layer, identity))
    return found


def recorded(engine: Engine, known: Sequence[Release]) -> Iterator[tuple[ImageRecord, LayerRecord]]:
    """Yield the layers of known releases that the engine has, with an image that has each.

    An image that is only in part there counts in a layout alone, where a blob is whole by itself.

    Raises:
        EngineFailed: it does not answer.
    """
    store = engine.info().store
    images = [image for release in known for image in release.images]
    keep = {
        store.identity(image): keep_name(release.product, store.identity(image))
        for release in known
        for image in release.images
    }
    there = engine.presence(images, keep, known)
    for image in images:
        for key, layer in zip(store.layer_keys(image), image.layers, strict=True):
            alone = store is Store.LAYOUT and key in there.layers
            if alone or there.holds(image):
                yield image, layer


def _in_stacks(stacks: Sequence[Stack], wanted: Iterable[LayerRecord]) -> Mapping[Digest, Held]:
    """Prefer images that have many of the layers: each is exported as a whole."""
    sizes = {layer.diff_id: layer.uncompressed for layer in wanted}
    count = Counter({one.identity: len(sizes.keys() & set(one.diff_ids)) for one in stacks})
    found: dict[Digest, Held] = {}
    for stack in sorted(stacks, key=lambda one: -count[one.identity]):
        for diff_id in sizes.keys() & set(stack.diff_ids):
            layer = LayerRecord.of_tar(diff_id, sizes[diff_id], MediaType.OCI_LAYER)
            found.setdefault(diff_id, Held(layer, stack.identity, stack.size))
    return found
