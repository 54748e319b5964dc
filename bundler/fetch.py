"""Lock -> FetchedImages: the documents of every locked image, exact to the byte.

Takes nothing but what the lock names, by digest; layers are not touched here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bundler.cache import Cache
from bundler.layers.pools import worker_pool
from bundler.problems import documents_of, together
from bundler.sources import AnnouncingSource, Document, ImageSource
from manifests.digest import Digest
from manifests.errors import AppManifestError, MoonliftError, SourceFailed
from manifests.lock import Lock, LockedImage, LockedManifest
from manifests.mediatype import INDEX_TYPES
from manifests.oci import CONFIG_LIMIT, MANIFEST_LIMIT, Descriptor, ImageConfig, Index, Manifest
from manifests.reference import Reference

PARALLEL = 8
"""Images whose documents are fetched at once."""


@dataclass(frozen=True, slots=True)
class FetchedManifest:
    """One image for one platform: its documents.

    Attributes:
        locked: what the lock says of it.
        manifest: the image manifest.
        config: the image config.
    """

    locked: LockedManifest
    manifest: Manifest
    config: ImageConfig

    @property
    def layers(self) -> Sequence[tuple[Descriptor, Digest]]:
        """Each layer with its diff ID, lowest first."""
        return tuple(zip(self.manifest.layers, self.config.diff_ids, strict=True))


@dataclass(frozen=True, slots=True)
class FetchedImage:
    """One reference: its documents and where its layers are.

    Attributes:
        locked: what the lock says of it.
        reference: parsed.
        source: where its layers are.
        index: the index that the reference resolved to; None when it is one manifest.
        manifests: one for each platform.
    """

    locked: LockedImage
    reference: Reference
    source: ImageSource
    index: Index | None
    manifests: tuple[FetchedManifest, ...]


def fetch(
    lock: Lock, source_of: Callable[[str], ImageSource], cache: Cache
) -> Sequence[FetchedImage]:
    """Fetch the documents of every image, from the cache where it has them.

    Args:
        lock: what to fetch.
        source_of: gives the source of the lock's `origin`.
        cache: kept up to date.

    Raises:
        AppManifestError, SourceFailed: documents are gone, or are not what the lock says; the
            problems of all images together.
    """

    def one(image: LockedImage) -> FetchedImage | MoonliftError:
        try:
            with gone_digests(image):
                return _fetch_image(image, source_of(image.origin), cache)
        except MoonliftError as error:
            return error

    with worker_pool(PARALLEL, "fetch") as pool:
        results = list(pool.map(one, lock.images))
    problems = [result for result in results if isinstance(result, MoonliftError)]
    if problems:
        raise together(problems)
    return [result for result in results if isinstance(result, FetchedImage)]


@contextmanager
def gone_digests(image: LockedImage) -> Iterator[None]:
    """Say what to do where a source has no more what the lock names.

    Raises:
        AppManifestError: `locked-image-gone`.
    """
    try:
        yield
    except MoonliftError as error:
        if error.code != "image-not-found" and error.context.get("status") != 404:
            raise
        raise AppManifestError(
            "locked-image-gone",
            f"{image.written}: {image.digest}, which the lock names, is gone: {error}",
            hint="look every tag up anew: bundle resolve app.yaml",
            image=image.written,
        ) from error


def _fetch_image(locked: LockedImage, source: ImageSource, cache: Cache) -> FetchedImage:
    reference = Reference.parse(locked.reference)
    documents = CachedDocuments(source, cache)
    with documents_of(locked.written):
        return FetchedImage(
            locked=locked,
            reference=reference,
            source=source,
            index=_fetch_index(reference, locked, documents),
            manifests=tuple(_fetch_manifest(reference, one, documents) for one in locked.manifests),
        )


def _fetch_index(
    reference: Reference, locked: LockedImage, documents: CachedDocuments
) -> Index | None:
    if locked.media_type not in INDEX_TYPES:
        return None
    descriptor = Descriptor(locked.media_type, locked.digest, 0)
    return Index.parse(documents.known(reference, descriptor), locked.media_type)


def _fetch_manifest(
    reference: Reference, locked: LockedManifest, documents: CachedDocuments
) -> FetchedManifest:
    descriptor = Descriptor(locked.media_type, locked.digest, locked.size)
    manifest = Manifest.parse(documents.get(reference, descriptor).raw, locked.media_type)
    config = ImageConfig.parse(documents.get(reference, manifest.config).raw)
    if len(config.diff_ids) != len(manifest.layers):
        raise SourceFailed(
            "image-inconsistent",
            f"{reference.familiar}: its manifest has {len(manifest.layers)} layers, "
            f"its config {len(config.diff_ids)}",
            hint="the image is damaged at its source",
        )
    return FetchedManifest(locked, manifest, config)


@dataclass(frozen=True, slots=True)
class CachedDocuments:
    """A source's documents through the cache."""

    source: ImageSource
    cache: Cache

    def get(self, reference: Reference, descriptor: Descriptor) -> Document:
        """Return the document that the descriptor names."""
        limit = max(CONFIG_LIMIT, MANIFEST_LIMIT)
        data = self.cache.document(descriptor.digest, limit)
        if data is None:
            document = self.source.document(reference, descriptor)
            self.cache.put_document(document.raw)
            return document
        if len(data) != descriptor.size:
            raise SourceFailed(
                "size-mismatch",
                f"{descriptor.digest} of {reference}: expected {descriptor.size} bytes, "
                f"found {len(data)}",
                hint="the image is damaged at its source",
            )
        return Document(data, descriptor.media_type)

    def resolve(self, reference: Reference) -> Document:
        """Ask the source what the reference names now, and keep the answer."""
        document = self.source.resolve(reference)
        if self.cache.document(document.digest, MANIFEST_LIMIT) is None:
            self.cache.put_document(document.raw)
        return document

    def unchanged(self, reference: Reference, last: LockedImage | None) -> Document | None:
        """Return what the reference named last, if it is cached and still what it names.

        Only asks for the digest, which registries that count downloads don't count.
        """
        if last is None or reference.digest or not isinstance(self.source, AnnouncingSource):
            return None
        data = self.cache.document(last.digest, MANIFEST_LIMIT)
        try:
            if data is None or self.source.head(reference) != last.digest:
                return None
        except MoonliftError:
            return None  # what is wrong, if anything, is told by the answer to the real question
        return Document(data, last.media_type)

    def known(self, reference: Reference, descriptor: Descriptor) -> bytes:
        """Return an index by its digest, whose size nobody told."""
        data = self.cache.document(descriptor.digest, MANIFEST_LIMIT)
        if data is not None:
            return data
        pinned = Reference(reference.registry, reference.repository, None, descriptor.digest)
        document = self.source.resolve(pinned)
        if document.digest != descriptor.digest:
            raise SourceFailed(
                "digest-mismatch",
                f"{reference.familiar}: expected {descriptor.digest}, found {document.digest}",
            )
        self.cache.put_document(document.raw)
        return document.raw
