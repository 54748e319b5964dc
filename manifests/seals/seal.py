"""The order in which a bundle comes to be believed; the steps are numbered as in SECURITY.md.

    1  read SHA256SUMS and its signatures, bounded
    2  count valid signatures of distinct trusted keys; nothing else was looked at before
    3  parse SHA256SUMS; the bundle holds those files, no other and none less
    4  read release.json by its digest; it and SHA256SUMS name the same files, in their sizes
    5  read index.json, manifests and configs by digest; they and release.json tell the same
    6  read everything else by digest (`survey_contents`), or chunk by chunk while it is loaded

Trusted keys are an argument: they never come from the bundle. Freshness, platform and space are
the host's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from manifests.bundle import layout
from manifests.bundle.medium import Medium, missing
from manifests.bundle.reading import read_checked
from manifests.bundle.sums import Sums
from manifests.digest import Digest
from manifests.errors import BundleRefused, MoonliftError
from manifests.oci import CONTAINERD_NAME, ImageConfig, Index, Manifest
from manifests.release import RELEASE_LIMIT, ImageRecord, Release
from manifests.seals.listing import Judge, Listing, open_listing
from manifests.seals.signers import SealCheck

DOCUMENTS_LIMIT: Final = 128 * 1024 * 1024
"""Bytes of all manifests and configs together; they are held in memory."""
SMALL_FILE_LIMIT: Final = 16 * 1024 * 1024

_METADATA = frozenset({layout.RELEASE, layout.OCI_LAYOUT, layout.INDEX, layout.DOCKER_MANIFEST})


@dataclass(frozen=True, slots=True)
class SealedRelease:
    """A bundle whose signatures count and whose documents agree; its layers are not yet read.

    Attributes:
        medium: where it lies.
        sums: every file and its digest.
        sums_digest: of SHA256SUMS itself: the identity of the bundle.
        release: what it holds.
        release_raw: bytes of release.json.
        documents: index, manifest and config bytes by digest.
        check: who signed.
    """

    medium: Medium
    sums: Sums
    sums_digest: Digest
    release: Release
    release_raw: bytes = field(repr=False)
    documents: Mapping[Digest, bytes] = field(repr=False)
    check: SealCheck

    def config(self, image: ImageRecord) -> bytes:
        """Return the bytes of an image's config."""
        return self.documents[image.config.digest]


def open_sealed(medium: Medium, judge: Judge) -> SealedRelease:
    """Take steps 1 to 5.

    Raises:
        BundleRefused: with the step's own code.
    """
    return seal(open_listing(medium, judge))


def seal(listing: Listing) -> SealedRelease:
    """Take steps 4 and 5.

    Raises:
        BundleRefused: with the step's own code.
    """
    medium, sums = listing.medium, listing.sums
    release_raw = _read_checked(medium, sums, layout.RELEASE, RELEASE_LIMIT)
    release = Release.read(release_raw)
    _check_listing(medium, sums, release)
    index_raw = _read_metadata(medium, sums)
    documents = _read_documents(medium, release)
    _check_index(index_raw, release)
    for image in release.images:
        check_image(image, documents)
    return SealedRelease(
        medium, sums, listing.sums_digest, release, release_raw, documents, listing.check
    )


def _read_checked(medium: Medium, sums: Sums, name: str, limit: int) -> bytes:
    if name not in sums.files:
        raise missing(name, layout.SUMS)
    return read_checked(medium, name, limit, sums.files[name])


def _check_listing(medium: Medium, sums: Sums, release: Release) -> None:
    """Step 4: SHA256SUMS, release.json and the file sizes agree."""
    expected = {blob.name: blob.digest for blob in release.blobs()}
    expected |= {file.name: file.digest for file in (*release.carried, *release.parity_files)}
    listed = {name: digest for name, digest in sums.files.items() if name not in _METADATA}
    if listed != expected:
        name = min(
            name
            for name in listed.keys() | expected.keys()
            if listed.get(name) != expected.get(name)
        )
        raise BundleRefused(
            "listing-differs",
            f"{name}: {layout.SUMS} says {listed.get(name)}, {layout.RELEASE} {expected.get(name)}",
            file=name,
        )
    if medium.sequential:
        return
    for name, size in release.sizes().items():
        if medium.sizes[name] != size:
            raise BundleRefused(
                "size-mismatch",
                f"{name}: expected {size} bytes, found {medium.sizes[name]}",
                hint="copy the bundle again from where it came",
                file=name,
            )


def _read_metadata(medium: Medium, sums: Sums) -> bytes:
    marker = _read_checked(medium, sums, layout.OCI_LAYOUT, 4096)
    if marker.strip() != layout.OCI_LAYOUT_BYTES:
        raise BundleRefused("layout-version", f"{layout.OCI_LAYOUT}: expected version 1.0.0")
    index = _read_checked(medium, sums, layout.INDEX, SMALL_FILE_LIMIT)
    _read_checked(medium, sums, layout.DOCKER_MANIFEST, SMALL_FILE_LIMIT)
    return index


def _read_documents(medium: Medium, release: Release) -> dict[Digest, bytes]:
    """Step 5: every index, manifest and config, by digest."""
    wanted = {record.digest: record for image in release.images for record in image.documents}
    total = sum(record.size for record in wanted.values())
    if total > DOCUMENTS_LIMIT:
        raise BundleRefused(
            "file-too-large",
            f"manifests and configs: expected at most {DOCUMENTS_LIMIT} bytes, found {total}",
        )
    return {
        digest: read_checked(medium, record.name, record.size, digest)
        for digest, record in wanted.items()
    }


def _check_index(raw: bytes, release: Release) -> None:
    index = Index.parse(raw)
    found = {(item.annotations.get(CONTAINERD_NAME), item.digest) for item in index.manifests}
    expected = {(image.name, image.target) for image in release.images}
    if found != expected:
        raise BundleRefused(
            "index-differs", f"{layout.INDEX} does not name the images of {layout.RELEASE}"
        )


def check_image(image: ImageRecord, documents: Mapping[Digest, bytes]) -> None:
    """Check that index, manifest, config and release.json tell the same of one image.

    Raises:
        BundleRefused: `image-differs`.
    """
    try:
        if image.index is not None:
            _check_member(image, Index.parse(documents[image.index.digest], image.index.media_type))
        manifest = Manifest.parse(documents[image.manifest.digest], image.manifest.media_type)
        config = ImageConfig.parse(documents[image.config.digest])
    except MoonliftError as error:
        raise _differs(image, str(error)) from error
    target = image.index or image.manifest
    layers = [(layer.digest, layer.size, layer.media_type) for layer in image.layers]
    claims = {
        "target": (image.target, target.digest),
        "config": (image.config.digest, manifest.config.digest),
        "config size": (image.config.size, manifest.config.size),
        "layers": (layers, [(one.digest, one.size, one.media_type) for one in manifest.layers]),
        "diff IDs": (image.diff_ids, config.diff_ids),
        "platform": (image.platform, config.platform),
    }
    for what, (expected, found) in claims.items():
        if expected != found:
            raise _differs(image, f"{what}: release.json has {expected}, the image {found}")


def _check_member(image: ImageRecord, index: Index) -> None:
    if image.manifest.digest not in {entry.digest for entry in index.manifests}:
        raise _differs(image, f"its index does not name {image.manifest.digest}")


def _differs(image: ImageRecord, reason: str) -> BundleRefused:
    return BundleRefused("image-differs", f"{image.name}: {reason}"[:1000], image=image.name)
