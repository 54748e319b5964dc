"""Docker with a graph driver (overlay2 and the like): one partial docker-archive per image.

Owns the archive's form: config, the layers whose chain the engine has not, and `manifest.json`
last, which is the token to commit. Layers are sent unpacked: engines before 23 know no zstd, and
unpacking here is faster than there. RepoTags is null, so that no name moves by a load.

Source: moby image/tarexport/load.go: a layer's file is opened only when its chain is unknown; the
same from 17.x to 29. That a config is taken without comparing it with its name was seen on 20.10.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from installer.engines.archive import Member, stream
from installer.engines.base import Delivery, Presence, Source, Store
from installer.engines.docker import DockerEngine, names_of
from installer.engines.dockerapi import Listed, refused
from manifests.digest import Digest
from manifests.errors import EngineFailed
from manifests.oci import chain_ids
from manifests.reference import Reference
from manifests.release import ImageRecord, LayerRecord, Release
from manifests.strictjson import canonical


class GraphDriverEngine(DockerEngine):
    """Docker's classic store."""

    store = Store.GRAPH_DRIVER

    def presence(
        self, images: Sequence[ImageRecord], keep: Mapping[Digest, str], known: Sequence[Release]
    ) -> Presence:
        """Ask for the list, and for the layers of all images only if one of ours is not in it."""
        del keep, known
        listed = self._api.listed()
        found = Presence(
            self.store, frozenset(one.identity for one in listed), frozenset(), names_of(listed)
        )
        if all(found.holds(image) for image in images):
            return found
        return Presence(self.store, found.images, self._chains(listed), found.names)

    def names(self, image: ImageRecord) -> tuple[str, ...]:
        """Return the tag; this store can't hold a reference by digest."""
        reference = Reference.parse(image.name)
        tagged = reference.tagged if reference.digest is None else None
        return (tagged,) if tagged else ()

    def load(self, delivery: Delivery, source: Source) -> None:
        """Send what is missing; everything, if the engine does not take a part."""
        image = delivery.image
        try:
            self._send(image, delivery.missing, source)
        except EngineFailed as error:
            if not _refused_a_part(error, delivery, source):
                raise
            self._send(image, image.layers, source)
        self._check_or_discard(image, image.image_id)
        self._api.tag(str(image.image_id), delivery.keep)

    def _send(self, image: ImageRecord, layers: Sequence[LayerRecord], source: Source) -> None:
        loaded = self._api.load(_body(image, layers, source), partial(source.at_work, image))
        if not loaded:
            raise refused(self._api.url, "it ended without a word of the image")
        for identity in loaded:
            if identity != image.image_id:
                self._check_or_discard(image, identity)

    def _check_or_discard(self, image: ImageRecord, identity: Digest) -> None:
        try:
            self._check(image, str(identity))
        except EngineFailed:
            self._discard(identity)
            raise

    def _discard(self, identity: Digest) -> None:
        """Remove an image that no one asked for; one that has a name was there before."""
        found = self._api.inspect(str(identity))
        if found is not None and not found.get("RepoTags"):
            self._api.remove(str(identity))

    def _chains(self, listed: Sequence[Listed]) -> frozenset[Digest]:
        stacks = self._stacks(listed)
        return frozenset(chain for one in stacks for chain in chain_ids(one.diff_ids))


def _refused_a_part(error: EngineFailed, delivery: Delivery, source: Source) -> bool:
    """Tell whether the whole image may go where a part of it did not."""
    some = len(delivery.missing) < len(delivery.image.layers)
    missed_something = "no such file" in str(error) or "not exist" in str(error)
    return some and missed_something and source.repeatable and source.complete


def _body(
    image: ImageRecord, layers: Sequence[LayerRecord], source: Source
) -> Iterator[bytes | memoryview]:
    yield from stream(_members(image, layers, source))
    source.at_work(image, "")


def _members(image: ImageRecord, layers: Sequence[LayerRecord], source: Source) -> Iterator[Member]:
    config = f"{image.image_id.hex}.json"
    yield Member.of(config, source.document(image.image_id))
    for layer in {layer.diff_id: layer for layer in layers}.values():
        yield Member(_file(layer), layer.uncompressed, source.unpacked(layer))
    files = [_file(layer) for layer in image.layers]
    token = canonical([{"Config": config, "Layers": [*files], "RepoTags": None}])
    yield Member.of("manifest.json", token)


def _file(layer: LayerRecord) -> str:
    return f"{layer.diff_id.hex}.tar"
