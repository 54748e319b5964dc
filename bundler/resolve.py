"""References -> what they name today: digests and platforms, all at once, all problems together.

After this no tag is looked up again: what was found goes into the lock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bundler.discover.found import Mention
from bundler.fetch import CachedDocuments
from bundler.layers.pools import worker_pool
from bundler.problems import documents_of, placed
from bundler.progress import Progress, Stage
from bundler.sources import Document
from manifests.digest import Digest
from manifests.errors import AppManifestError, MoonliftError, SourceFailed
from manifests.layerpolicy import LayerPolicy
from manifests.lock import LockedImage, LockedManifest
from manifests.mediatype import INDEX_TYPES, MANIFEST_TYPES, Compression, MediaType
from manifests.oci import Descriptor, ImageConfig, Index, Manifest
from manifests.platform import Platform, choose
from manifests.reference import Reference
from manifests.safetext import safe_line

MAX_PLACE: Final = 1024
MAX_PLACES: Final = 1000
"""Places of one image that the lock keeps."""
PARALLEL: Final = 16
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
        mentions: every place that names it.
        pinned: what the lock says that it names; None to look it up.
        last: what the old lock has for it, where it is looked up all the same.
        agreeing: mentions that name a digest beside a tag that others name alone: they must agree.
    """

    reference: Reference
    written: str
    policy: LayerPolicy
    platforms: tuple[Platform, ...]
    origin: str
    mentions: tuple[Mention, ...] = ()
    pinned: LockedImage | None = None
    last: LockedImage | None = None
    agreeing: tuple[Mention, ...] = ()

    @property
    def settled_policy(self) -> LayerPolicy:
        """`auto` decided: whoever names a digest wants the registry's bytes."""
        if self.policy is not LayerPolicy.AUTO:
            return self.policy
        by_digest = self.reference.digest is not None or self.agreeing
        return LayerPolicy.ORIGINAL if by_digest else LayerPolicy.ZSTD


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


@dataclass(frozen=True, slots=True)
class Resolution:
    """What became of every reference.

    Attributes:
        images: those that were found, in their order.
        problems: of all others.
    """

    images: tuple[LockedImage, ...]
    problems: tuple[MoonliftError, ...]


def resolve(images: Sequence[WantedImage], open_source: Open, progress: Progress) -> Resolution:
    """Resolve every image, and give up none because of another.

    A manifest is read for each platform, for what its layers weigh; a config only where nothing
    else tells the platform: each is a question to a registry that may be far away.
    """
    if images:
        progress.expect(Stage.RESOLVE, len(images))

    def one(image: WantedImage) -> LockedImage | MoonliftError:
        try:
            with documents_of(image.written):
                return _resolve_image(image, open_source(image))
        except MoonliftError as error:
            return placed(error, _blamed(image, error))
        finally:
            progress.advance(Stage.RESOLVE, "images", 1)

    with worker_pool(PARALLEL, "resolve") as pool:
        results = list(pool.map(one, images))
    return Resolution(
        images=tuple(one for one in results if isinstance(one, LockedImage)),
        problems=tuple(one for one in results if isinstance(one, MoonliftError)),
    )


def _blamed(image: WantedImage, error: MoonliftError) -> list[Mention]:
    """Return who names the image; first who asks for the platform that the error is about."""
    platform = error.context.get("platform")
    return sorted(image.mentions, key=lambda one: str(one.platform) != platform)


def _resolve_image(image: WantedImage, opened: Opened) -> LockedImage:
    documents, document = opened.documents, opened.document
    _check_agreement(image, document)
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
        platforms=image.platforms,
        manifests=manifests,
        places=places_of(image.mentions),
    )


def places_of(mentions: Sequence[Mention]) -> tuple[str, ...]:
    """Return the places of mentions as the lock has them, in the order of files and lines."""
    ordered = sorted(mentions, key=lambda one: (one.place, one.by))
    lines = (safe_line(f"{one.place}: {one.by}", limit=MAX_PLACE) for one in ordered)
    return tuple(dict.fromkeys(lines))[:MAX_PLACES]


def _check_agreement(image: WantedImage, document: Document) -> None:
    """Check that digests written beside the tag are what the tag names, or a platform of it."""
    named = {document.digest}
    if image.agreeing and document.media_type in INDEX_TYPES:
        index = Index.parse(document.raw, document.media_type)
        named |= {entry.digest for entry in index.manifests}
    for mention in image.agreeing:
        digest = Reference.parse(mention.written).digest
        if digest not in named:
            raise digest_disagrees(image.reference, mention, f"the tag names {document.digest}")


def digest_disagrees(reference: Reference, mention: Mention, other: str) -> AppManifestError:
    """Return the error of a name that stands for two images."""
    digest = Reference.parse(mention.written).digest
    return AppManifestError(
        "digest-disagrees",
        f"{reference.familiar} names two images: {mention.place} says {digest}, {other}",
        hint="write the same digest at every place, or leave it out at all of them",
        image=str(reference),
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
    _check_layers(image, manifest)
    return _locked(platform, entry, manifest)


def _single(
    image: WantedImage, raw: bytes, media_type: str, documents: CachedDocuments
) -> LockedManifest:
    manifest = Manifest.parse(raw, media_type)
    _check_layers(image, manifest)
    config = ImageConfig.parse(documents.get(image.reference, manifest.config).raw)
    for platform in image.platforms:
        if not config.platform.runs_on(platform):
            raise _no_platform(image, platform, [str(config.platform)])
    return _locked(config.platform, Descriptor(media_type, Digest.of(raw), len(raw)), manifest)


def _check_layers(image: WantedImage, manifest: Manifest) -> None:
    if not manifest.is_image:
        raise _not_an_image(image, manifest.config.media_type)
    for layer in manifest.layers:
        compression_of(layer, image.written)


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


def _locked(platform: Platform, descriptor: Descriptor, manifest: Manifest) -> LockedManifest:
    return LockedManifest(
        platform=platform,
        digest=descriptor.digest,
        size=descriptor.size,
        media_type=descriptor.media_type,
        layers_size=sum(layer.size for layer in manifest.layers),
    )


def _no_platform(image: WantedImage, wanted: Platform, offered: list[str]) -> AppManifestError:
    return AppManifestError(
        "platform-missing",
        f"{image.written}: expected an image for {wanted}, found {', '.join(offered) or 'none'}",
        hint="change `platforms` in the app manifest, or use another image",
        image=image.written,
        platform=str(wanted),
    )


def _not_an_image(image: WantedImage, media_type: str) -> AppManifestError:
    return AppManifestError(
        "not-an-image",
        f"{image.written}: expected a container image, found {media_type}",
        hint="artifacts such as charts and signatures can't be loaded into an engine",
        image=image.written,
    )
