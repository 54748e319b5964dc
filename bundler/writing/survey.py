"""What pruning leaves out of the bundle, in bytes: other platforms, attestations, doubles.

Asks the source for the small manifests of what is left out, and only to count; a source that
does not answer leaves a count out, never stops a build.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bundler.cache import Cache
from bundler.fetch import CachedDocuments, FetchedImage, FetchedManifest
from bundler.layers.pools import worker_pool
from manifests.digest import Digest
from manifests.errors import MoonliftError
from manifests.mediatype import MANIFEST_TYPES
from manifests.oci import Descriptor, Manifest
from manifests.release import Release

PARALLEL = 8


@dataclass(frozen=True, slots=True)
class Pruned:
    """Something that was left out.

    Attributes:
        image: as written in the app manifest.
        what: a platform, or `attestation`.
        size: bytes that nothing carried has too; None when the source did not tell.
    """

    image: str
    what: str
    size: int | None


@dataclass(frozen=True, slots=True)
class PruneReport:
    """All that was left out.

    Attributes:
        left_out: platforms and attestations, image by image.
        shared: bytes of layers that several images have and the bundle carries once.
    """

    left_out: tuple[Pruned, ...]
    shared: int

    @property
    def size(self) -> int:
        """Bytes known to be left out at the source."""
        return sum(item.size or 0 for item in self.left_out)


def survey(images: Sequence[FetchedImage], cache: Cache) -> tuple[Pruned, ...]:
    """Count what the platforms and attestations that are not carried weigh at their source.

    A blob that something carried has too, or that was counted before, weighs nothing.
    """
    tasks = [
        (image, entry)
        for image in images
        if image.index is not None
        for entry in image.index.manifests
        if entry.digest not in {one.locked.digest for one in image.manifests}
    ]
    with worker_pool(PARALLEL, "survey") as pool:
        found = list(pool.map(lambda task: _blobs(task[0], task[1], cache), tasks))
    seen = {blob.digest for image in images for one in image.manifests for blob in _all(one)}
    left_out = []
    for (image, entry), blobs in zip(tasks, found, strict=True):
        fresh = {blob.digest: blob.size for blob in blobs or () if blob.digest not in seen}
        seen |= fresh.keys()
        size = None if blobs is None else sum(fresh.values())
        left_out.append(Pruned(image.locked.written, _name(entry), size))
    return tuple(left_out)


def shared_bytes(release: Release) -> int:
    """Return the bytes that carrying identical layers once saves."""
    carried = release.carriers(layer for image in release.images for layer in image.layers)
    unique: dict[Digest, int] = {blob.digest: blob.size for blob in carried}
    return sum(blob.size for blob in carried) - sum(unique.values())


def _name(entry: Descriptor) -> str:
    return "attestation" if entry.is_attestation else str(entry.platform or "unknown platform")


def _all(one: FetchedManifest) -> Sequence[Descriptor]:
    return one.manifest.config, *one.manifest.layers


def _blobs(image: FetchedImage, entry: Descriptor, cache: Cache) -> Sequence[Descriptor] | None:
    """Return what an entry of an index consists of; None when its source does not tell."""
    if entry.media_type not in MANIFEST_TYPES:
        return (entry,)
    try:
        document = CachedDocuments(image.source, cache).get(image.reference, entry)
        manifest = Manifest.parse(document.raw, entry.media_type)
    except MoonliftError:
        return None
    return entry, manifest.config, *manifest.layers
