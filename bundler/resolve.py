"""App -> Lock: every reference of an app to digests, all at once, all problems together.

After this no tag is looked up again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bundler.fetch import CachedDocuments
from bundler.pools import worker_pool
from bundler.problems import documents_of, together
from bundler.progress import Progress, Stage
from bundler.sources import Document
from manifests.digest import Digest
from manifests.errors import AppManifestError, MoonliftError, SourceFailed
from manifests.lock import LockedImage, LockedManifest
from manifests.mediatype import INDEX_TYPES, MANIFEST_TYPES, Compression, MediaType
from manifests.oci import Descriptor, ImageConfig, Index, Manifest
from manifests.platform import Platform, choose
from manifests.reference import Reference
from manifests.release import LayerPolicy

PARALLEL = 16
"""References resolved at once: mostly waiting for the network."""


@dataclass(frozen=True, slots=True)
class WantedImage:
    """One reference of the app, with every default filled in.

    Attributes:
        reference: what is wanted.
        written: as the person wrote it.
        policy: `auto`, `zstd` or `original`.
        platforms: for which it is wanted.
        origin: kind of source asked for: `auto`, `registry`, `docker`, `oci:PATH`, ...
    """

    reference: Reference
    written: str
    policy: LayerPolicy
    platforms: tuple[Platform, ...]
    origin: str

    @property
    def settled_policy(self) -> LayerPolicy:
        """`auto` decided: whoever names a digest wants the registry's bytes."""
        if self.policy is not LayerPolicy.AUTO:
            return self.policy
        return LayerPolicy.ORIGINAL if self.reference.digest else LayerPolicy.ZSTD


@dataclass(frozen=True, slots=True)
class Opened:
    """A source that has the image.

    Attributes:
        origin: its name in the lock.
        documents: the image's documents there.
        document: the manifest or index that the reference names.
    """

    origin: str
    documents: CachedDocuments
    document: Document


Open = Callable[[WantedImage], Opened]
"""Finds the source that has an image."""


def resolve(
    images: Sequence[WantedImage], open_source: Open, progress: Progress
) -> tuple[LockedImage, ...]:
    """Resolve every image.

    Raises:
        AppManifestError, SourceFailed: all the problems of all images together.
    """
    progress.expect(Stage.RESOLVE, len(images))

    def one(image: WantedImage) -> LockedImage | MoonliftError:
        try:
            with documents_of(image.written):
                return _resolve_image(image, open_source(image))
        except MoonliftError as error:
            return error
        finally:
            progress.advance(Stage.RESOLVE, "images", 1)

    with worker_pool(PARALLEL, "resolve") as pool:
        results = list(pool.map(one, images))
    problems = [result for result in results if isinstance(result, MoonliftError)]
    if problems:
        raise together(problems)
    return tuple(result for result in results if isinstance(result, LockedImage))


def _resolve_image(image: WantedImage, opened: Opened) -> LockedImage:
    documents, document = opened.documents, opened.document
    if document.media_type in INDEX_TYPES:
        index = Index.parse(document.raw, document.media_type)
        found: dict[Digest, LockedManifest] = {}
        for platform in image.platforms:
            one = _from_index(image, platform, index, documents)
            found.setdefault(one.digest, one)
        manifests = tuple(found.values())
    else:
        manifests = (_single(image, document.raw, document.media_type, documents),)
    return LockedImage(
        reference=str(image.reference),
        written=image.written,
        origin=opened.origin,
        digest=document.digest,
        media_type=document.media_type,
        policy=image.settled_policy,
        manifests=manifests,
    )


def _from_index(
    image: WantedImage, platform: Platform, index: Index, documents: CachedDocuments
) -> LockedManifest:
    entries = [entry for entry in index.manifests if not entry.is_attestation]
    offered = [(entry.platform, entry) for entry in entries if entry.platform is not None]
    entry = choose(platform, offered)
    if entry is None:
        raise _no_platform(image, platform, [str(offer) for offer, _ in offered])
    if entry.media_type not in MANIFEST_TYPES:
        raise _not_an_image(image, entry.media_type)
    manifest = Manifest.parse(documents.get(image.reference, entry).raw, entry.media_type)
    _config(image, manifest, documents)
    return _locked(platform, entry)


def _single(
    image: WantedImage, raw: bytes, media_type: str, documents: CachedDocuments
) -> LockedManifest:
    manifest = Manifest.parse(raw, media_type)
    config = _config(image, manifest, documents)
    for platform in image.platforms:
        if not config.platform.runs_on(platform):
            raise _no_platform(image, platform, [str(config.platform)])
    return _locked(config.platform, Descriptor(media_type, Digest.of(raw), len(raw)))


def _config(image: WantedImage, manifest: Manifest, documents: CachedDocuments) -> ImageConfig:
    if not manifest.is_image:
        raise _not_an_image(image, manifest.config.media_type)
    for layer in manifest.layers:
        compression_of(layer, image.written)
    return ImageConfig.parse(documents.get(image.reference, manifest.config).raw)


def compression_of(layer: Descriptor, image: str) -> Compression:
    """Return how a layer is wrapped.

    Raises:
        SourceFailed: `layer-foreign`, `layer-type`: it can't be carried.
    """
    if layer.media_type == MediaType.DOCKER_FOREIGN_LAYER or layer.urls:
        raise SourceFailed(
            "layer-foreign",
            f"{image}: layer {layer.digest.short} is kept outside the registry",
            hint="foreign layers can't be carried; use an image without them",
        )
    if layer.compression is None:
        raise SourceFailed(
            "layer-type",
            f"{image}: layer {layer.digest.short}: expected a tar, found {layer.media_type}",
            hint="encrypted and other special layers can't be carried",
        )
    return layer.compression


def _locked(platform: Platform, descriptor: Descriptor) -> LockedManifest:
    return LockedManifest(
        platform=platform,
        digest=descriptor.digest,
        size=descriptor.size,
        media_type=descriptor.media_type,
    )


def _no_platform(image: WantedImage, wanted: Platform, offered: list[str]) -> AppManifestError:
    return AppManifestError(
        "platform-missing",
        f"{image.written}: expected an image for {wanted}, found {', '.join(offered) or 'none'}",
        hint="change `platforms` in the app manifest, or use another image",
        image=image.written,
    )


def _not_an_image(image: WantedImage, media_type: str) -> AppManifestError:
    return AppManifestError(
        "not-an-image",
        f"{image.written}: expected a container image, found {media_type}",
        hint="artifacts such as charts and signatures can't be loaded into an engine",
        image=image.written,
    )
