"""What a bundle says it holds, read from its small files; layers are not touched.

Documents are checked against each other as always; that the signers are trusted is not: who is
trusted is the host's knowledge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from manifests.bundle.medium import open_medium
from manifests.digest import Digest
from manifests.errors import BundleRefused
from manifests.release import ImageRecord, LayerRecord, Release
from manifests.seals.allowedsigners import AllowedSigner
from manifests.seals.seal import SealedRelease, open_sealed
from manifests.seals.signers import SealCheck, count_valid
from manifests.seals.sshsig import Signature


@dataclass(frozen=True, slots=True)
class ImageSummary:
    """An image and what it weighs.

    Attributes:
        record: as in release.json.
        size: bytes of its layers in the bundle.
        unpacked: bytes of its layers' tars.
        own: bytes of the layers that no other image of the bundle has.
    """

    record: ImageRecord
    size: int
    unpacked: int
    own: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """A bundle seen from outside.

    Attributes:
        path: where it lies.
        release: what it holds.
        sums_digest: its identity: the digest of SHA256SUMS.
        fingerprints: keys whose signatures are valid; not checked against any list of trust.
        images: each with its weight.
    """

    path: str
    release: Release
    sums_digest: Digest
    fingerprints: tuple[str, ...]
    images: tuple[ImageSummary, ...]

    @property
    def layers(self) -> dict[Digest, LayerRecord]:
        """Every distinct layer."""
        return layers_of(self.release)


def layers_of(release: Release) -> dict[Digest, LayerRecord]:
    """Return every distinct layer of a release, in load order."""
    return {layer.digest: layer for image in release.images for layer in image.layers}


def inspect(path: Path) -> Inspection:
    """Read a bundle's small files.

    Raises:
        BundleRefused: they do not agree, or a signature is no signature.
        NotInstallableHere: `bundle-not-found`.
    """
    medium = open_medium(path)
    try:
        sealed = open_sealed(medium, accept_claimed)
        return _inspection(sealed)
    finally:
        medium.close()


def accept_claimed(message: bytes, signatures: Sequence[bytes]) -> SealCheck:
    """Judge signatures by the keys that they themselves name: who claims to have signed.

    Raises:
        BundleRefused: none is valid.
    """
    keys = {}
    for data in signatures:
        try:
            key = Signature.parse(data).public_key
        except BundleRefused:
            continue
        keys[key.fingerprint] = AllowedSigner((key.fingerprint,), key)
    claimed = list(keys.values())
    return count_valid(signatures, message, claimed, threshold=1, now=datetime.now(UTC))


def _inspection(sealed: SealedRelease) -> Inspection:
    release = sealed.release
    users: dict[Digest, set[Digest]] = {}
    for image in release.images:
        for layer in image.layers:
            users.setdefault(layer.digest, set()).add(image.manifest.digest)
    return Inspection(
        path=sealed.medium.path,
        release=release,
        sums_digest=sealed.sums_digest,
        fingerprints=tuple(signer.fingerprint for signer in sealed.check.accepted),
        images=tuple(_summary(release, image, users) for image in release.images),
    )


def _summary(
    release: Release, image: ImageRecord, users: dict[Digest, set[Digest]]
) -> ImageSummary:
    layers = {layer.digest: layer for layer in image.layers}.values()
    own = [layer for layer in layers if len(users[layer.digest]) == 1]
    return ImageSummary(
        record=image,
        size=sum(blob.size for blob in release.carriers(layers)),
        unpacked=sum(layer.uncompressed for layer in layers),
        own=sum(blob.size for blob in release.carriers(own)),
    )
