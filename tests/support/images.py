"""Images made in memory, without an engine: specs in, exact blobs out.

    motd = LayerSpec({"etc/motd": b"hello"})
    app = ImageSpec((busybox_layer(), motd), cmd=("cat", "/etc/motd"))
    pushed = push_image(registry, "acme/app", "1.0", app)
    everywhere = IndexSpec((app, app.on("linux/arm64")), attestations=True)

Same spec, same bytes. Media types and shapes follow OCI image-spec 1.1, Docker's image manifest
v2 schema 2 and, for attestations, what BuildKit writes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from tests.support.layers import Compression, LayerSpec, digest_of

MediaTypes = Literal["oci", "docker"]

_OCI = "application/vnd.oci.image."
_DOCKER = "application/vnd.docker."
MANIFEST = {
    "oci": f"{_OCI}manifest.v1+json",
    "docker": f"{_DOCKER}distribution.manifest.v2+json",
}
INDEX = {
    "oci": f"{_OCI}index.v1+json",
    "docker": f"{_DOCKER}distribution.manifest.list.v2+json",
}
CONFIG = {"oci": f"{_OCI}config.v1+json", "docker": f"{_DOCKER}container.image.v1+json"}
LAYER: dict[tuple[MediaTypes, Compression], str] = {
    ("oci", "gzip"): f"{_OCI}layer.v1.tar+gzip",
    ("oci", "zstd"): f"{_OCI}layer.v1.tar+zstd",
    ("oci", "none"): f"{_OCI}layer.v1.tar",
    ("docker", "gzip"): f"{_DOCKER}image.rootfs.diff.tar.gzip",
    ("docker", "zstd"): f"{_DOCKER}image.rootfs.diff.tar.zstd",
    ("docker", "none"): f"{_DOCKER}image.rootfs.diff.tar",
}
_SMALL = 4_000_000


@dataclass(frozen=True)
class Blob:
    """Bytes with their media type; `annotations` and `platform` go to the descriptor."""

    data: bytes
    media_type: str
    annotations: Mapping[str, str] = field(default_factory=dict)
    platform: str = ""

    @cached_property
    def digest(self) -> str:
        """`sha256:<hex>` of the data."""
        return digest_of(self.data)

    def descriptor(self) -> dict[str, object]:
        """Return the OCI descriptor."""
        found: dict[str, object] = {
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": len(self.data),
        }
        if self.platform:
            found["platform"] = _platform(self.platform)
        if self.annotations:
            found["annotations"] = dict(self.annotations)
        return found


@dataclass(frozen=True)
class BuiltImage:
    """An image as bytes.

    Attributes:
        manifest: its digest is the image's, as in `repo@sha256:...`.
        config: its digest is the image ID.
        layers: as stored, bottom first.
        diff_ids: digests of the uncompressed layers, bottom first.
        uncompressed: their sizes.
    """

    manifest: Blob
    config: Blob
    layers: tuple[Blob, ...]
    diff_ids: tuple[str, ...]
    uncompressed: tuple[int, ...] = ()

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """Layers, config and manifest: everything needed, children first."""
        return (*self.layers, self.config, self.manifest)


@dataclass(frozen=True)
class BuiltIndex:
    """A multi-platform image as bytes; `attestations` are listed after the images."""

    index: Blob
    images: tuple[BuiltImage, ...]
    attestations: tuple[BuiltImage, ...]

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """Everything needed, children first, the index last."""
        every = self.images + self.attestations
        children = {blob.digest: blob for image in every for blob in image.blobs}
        return (*children.values(), self.index)


@dataclass(frozen=True)
class ImageSpec:
    """An image for one platform.

    Attributes:
        layers: bottom first.
        entrypoint, cmd, env, labels: as in the config.
        platform: `os/architecture[/variant]`.
        media: the family of media types.
        created: RFC 3339 time.
        extra: more top-level members of the config.
    """

    layers: tuple[LayerSpec, ...]
    entrypoint: tuple[str, ...] = ()
    cmd: tuple[str, ...] = ()
    env: tuple[str, ...] = ("PATH=/usr/sbin:/usr/bin:/sbin:/bin",)
    labels: Mapping[str, str] = field(default_factory=dict)
    platform: str = "linux/amd64"
    media: MediaTypes = "oci"
    created: str = "2024-01-01T00:00:00Z"
    extra: Mapping[str, object] = field(default_factory=dict)

    def on(self, platform: str) -> ImageSpec:
        """Return the same image for another platform: other config, same layers."""
        return replace(self, platform=platform)

    def plus(self, *layers: LayerSpec) -> ImageSpec:
        """Return a child image: `layers` on top."""
        return replace(self, layers=self.layers + layers)

    def build(self) -> BuiltImage:
        """Return the exact bytes; those of a small image are made once."""
        kept: BuiltImage | None = self.__dict__.get("_kept")
        if kept is not None:
            return kept
        made = self._build()
        if sum(made.uncompressed) < _SMALL:
            self.__dict__["_kept"] = made
        return made

    def _build(self) -> BuiltImage:
        tars = [layer.tar() for layer in self.layers]
        blobs = tuple(
            Blob(layer.compressed(tar), LAYER[self.media, layer.compression])
            for layer, tar in zip(self.layers, tars, strict=True)
        )
        diff_ids = tuple(map(digest_of, tars))
        config = Blob(_encode(self._config(diff_ids)), CONFIG[self.media])
        manifest = _manifest(self.media, config, blobs)
        manifest = replace(manifest, platform=self.platform)
        return BuiltImage(manifest, config, blobs, diff_ids, tuple(map(len, tars)))

    def _config(self, diff_ids: tuple[str, ...]) -> dict[str, object]:
        made = {"created": self.created, "created_by": "tests"}
        return {
            **_platform(self.platform),
            "created": self.created,
            "config": {
                "Env": list(self.env),
                "Entrypoint": list(self.entrypoint) or None,
                "Cmd": list(self.cmd) or None,
                "Labels": dict(self.labels) or None,
            },
            "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
            "history": [made for _ in diff_ids],
            **self.extra,
        }


@dataclass(frozen=True)
class IndexSpec:
    """A multi-platform image.

    Attributes:
        images: one per platform.
        attestations: add a provenance attestation per image, as BuildKit does.
        media: the index's own family.
    """

    images: tuple[ImageSpec, ...]
    attestations: bool = False
    media: MediaTypes = "oci"

    def build(self) -> BuiltIndex:
        """Return the exact bytes."""
        images = tuple(image.build() for image in self.images)
        proofs = tuple(map(_attestation, images)) if self.attestations else ()
        document = {
            "schemaVersion": 2,
            "mediaType": INDEX[self.media],
            "manifests": [image.manifest.descriptor() for image in images + proofs],
        }
        return BuiltIndex(Blob(_encode(document), INDEX[self.media]), images, proofs)


Spec = ImageSpec | IndexSpec


def _manifest(media: MediaTypes, config: Blob, layers: tuple[Blob, ...]) -> Blob:
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST[media],
        "config": config.descriptor(),
        "layers": [layer.descriptor() for layer in layers],
    }
    return Blob(_encode(document), MANIFEST[media])


def _attestation(image: BuiltImage) -> BuiltImage:
    """Return the attestation manifest that BuildKit adds for an image."""
    statement = _encode(
        {
            "_type": "https://in-toto.io/Statement/v0.1",
            "predicateType": "https://slsa.dev/provenance/v0.2",
            "subject": [{"name": "tests", "digest": {"sha256": image.manifest.digest[7:]}}],
            "predicate": {"buildType": "tests"},
        }
    )
    kind = {"in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"}
    layer = Blob(statement, "application/vnd.in-toto+json", kind)
    rootfs = {"type": "layers", "diff_ids": [layer.digest]}
    unknown = {"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": rootfs}
    config = Blob(_encode(unknown), CONFIG["oci"])
    points_to = {
        "vnd.docker.reference.digest": image.manifest.digest,
        "vnd.docker.reference.type": "attestation-manifest",
    }
    manifest = replace(
        _manifest("oci", config, (layer,)), annotations=points_to, platform="unknown/unknown"
    )
    return BuiltImage(manifest, config, (layer,), (layer.digest,))


def _platform(text: str) -> dict[str, object]:
    names = ("os", "architecture", "variant")
    return dict(zip(names, text.split("/"), strict=False))


def _encode(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
