"""Docker with containerd's image store: one partial OCI image layout per image.

Owns the archive's form: the documents with their original bytes, the blobs that the engine has
not, and `index.json` last, which is the token to commit. Layers go as they lie in the bundle, so
that digests stay true and `repo@sha256:...` resolves without a network.

An image arrives under a passing name of ours and gets the keeping name only after it was checked.
An image record alone proves nothing here: the store makes it before it unpacks, and leaves it when
that fails. So an image counts as there if the keeping name is, and a blob if such an image has it.

Source: moby daemon/containerd/image_exporter.go, containerd core/images/archive/importer.go; the
order of members, partial archives and names by digest were tried on Docker 26.1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

from installer.engines.archive import Member, stream
from installer.engines.base import KEEP_PREFIX, Delivery, Presence, Source, Store
from installer.engines.docker import DockerEngine, names_of
from manifests.bundle import layout
from manifests.digest import Digest
from manifests.errors import EngineFailed
from manifests.mediatype import MediaType
from manifests.oci import CONTAINERD_NAME
from manifests.reference import Reference
from manifests.release import BlobRecord, ImageRecord, LayerRecord, Release
from manifests.strictjson import JsonValue, canonical

PASSING_SUFFIX: Final = "-loading"


class ContainerdStoreEngine(DockerEngine):
    """Docker whose images lie in containerd."""

    store = Store.CONTAINERD

    def presence(
        self, images: Sequence[ImageRecord], keep: Mapping[Digest, str], known: Sequence[Release]
    ) -> Presence:
        """Ask for the list; the images under our keeping names are whole."""
        del keep
        names = names_of(self._api.listed())
        kept = frozenset(
            digest for name, found in names.items() if is_keeping_name(name) for digest in found
        )
        whole = [*images, *(image for release in known for image in release.images)]
        layers = frozenset(
            layer.digest for image in whole if image.target in kept for layer in image.layers
        )
        return Presence(self.store, kept, layers, names)

    def names(self, image: ImageRecord) -> tuple[str, ...]:
        """Return the tag, or the reference by digest if that is what was asked for."""
        reference = Reference.parse(image.name)
        if reference.digest is None:
            return (str(reference),)
        return (reference.at(image.target),) if reference.digest == image.target else ()

    def load(self, delivery: Delivery, source: Source) -> None:
        """Send what is missing under a passing name, check it, then give it its keeping name."""
        image, passing = delivery.image, f"{delivery.keep}{PASSING_SUFFIX}"
        try:
            self._send(image, passing, delivery.missing, source)
            self._check(image, passing)
        except EngineFailed:
            with suppress(EngineFailed):
                self._api.remove(passing)
            raise
        self._api.tag(str(image.target), delivery.keep)
        self._api.remove(passing)

    def _set_name(self, image: ImageRecord, name: str, source: Source) -> None:
        """Let `name` point to `image`; a name by digest comes with its documents."""
        if "@" in name:
            self._send(image, name, (), source)
        else:
            super()._set_name(image, name, source)

    def _send(
        self, image: ImageRecord, name: str, layers: Sequence[LayerRecord], source: Source
    ) -> None:
        self._api.load(_body(image, name, layers, source), partial(source.at_work, image))


def is_keeping_name(name: str) -> bool:
    """Tell whether a name marks an image as complete."""
    return name.startswith(KEEP_PREFIX) and not name.endswith(PASSING_SUFFIX)


def _body(
    image: ImageRecord, name: str, layers: Sequence[LayerRecord], source: Source
) -> Iterator[bytes | memoryview]:
    yield from stream(_members(image, name, layers, source))
    source.at_work(image, "")


def _members(
    image: ImageRecord, name: str, layers: Sequence[LayerRecord], source: Source
) -> Iterator[Member]:
    yield Member.of(layout.OCI_LAYOUT, layout.OCI_LAYOUT_BYTES)
    for record in {record.digest: record for record in image.documents}.values():
        yield Member.of(record.name, source.document(record.digest))
    for layer in layers:
        yield Member(layer.name, layer.size, source.stored(layer))
    yield Member.of(layout.INDEX, _index(image.index or image.manifest, name))


def _index(target: BlobRecord, name: str) -> bytes:
    entry: dict[str, JsonValue] = {
        "mediaType": target.media_type,
        "digest": str(target.digest),
        "size": target.size,
        "annotations": {CONTAINERD_NAME: name},
    }
    kind = str(MediaType.OCI_INDEX)
    return canonical({"schemaVersion": 2, "mediaType": kind, "manifests": [entry]})
