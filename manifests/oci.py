"""The OCI image-spec's documents as typed views of raw bytes.

The bytes that were hashed are kept and are the truth; a parsed object is a view of them and is
never serialised again to make a digest. Unknown fields are ignored, as the spec asks; documents
that could be read as two different kinds are refused (CVE-2021-41190). No I/O here.

Source: OCI image-spec v1.1 (descriptor, manifest, index, config), Docker image manifest v2.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from manifests.digest import Digest
from manifests.mediatype import (
    CONFIG_TYPES,
    INDEX_TYPES,
    LAYER_COMPRESSION,
    MANIFEST_TYPES,
    SCHEMA1_TYPES,
    Compression,
    MediaType,
)
from manifests.ocifields import (
    MalformedDocument,
    own_media_type,
    platform_json,
    read_annotations,
    read_digest,
    read_list,
    read_platform,
    read_urls,
    refuse_fields,
)
from manifests.platform import Platform
from manifests.strictjson import JsonValue, load_object

MANIFEST_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of a manifest or index (distribution-spec, "Pushing manifests")."""
CONFIG_LIMIT: Final = 8 * 1024 * 1024
"""Bytes of an image config."""
MAX_LAYERS: Final = 512
"""Layers of one image; overlay file systems give up near 127."""
MAX_DESCRIPTORS: Final = 10_000
"""Entries of one index."""
MAX_SIZE: Final = 2**50
"""Bytes of one blob that we believe in: 1 PiB."""

REF_NAME: Final = "org.opencontainers.image.ref.name"
CONTAINERD_NAME: Final = "io.containerd.image.name"
ATTESTATION_MARK: Final = "vnd.docker.reference.type"


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A pointer to a blob.

    Attributes:
        media_type: as written; a stranger's is carried, never guessed.
        digest: of the blob's bytes.
        size: bytes.
        platform: only in an index.
        annotations: text to text; for display and for names, never a path.
        urls: where a foreign layer would be fetched from; never followed by us.
    """

    media_type: str
    digest: Digest
    size: int
    platform: Platform | None = None
    annotations: Mapping[str, str] = field(default_factory=dict)
    urls: tuple[str, ...] = ()

    def to_json(self) -> dict[str, JsonValue]:
        """Return the descriptor in the spec's spelling."""
        document: dict[str, JsonValue] = {
            "mediaType": str(self.media_type),
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.platform is not None:
            document["platform"] = platform_json(self.platform)
        if self.annotations:
            document["annotations"] = dict(self.annotations)
        return document

    @property
    def is_attestation(self) -> bool:
        """Whether this is BuildKit's provenance or SBOM beside an image, not an image."""
        return self.annotations.get(ATTESTATION_MARK) == "attestation-manifest"

    @property
    def compression(self) -> Compression | None:
        """How a layer is wrapped; None when the media type is no known layer."""
        return LAYER_COMPRESSION.get(self.media_type)


@dataclass(frozen=True, slots=True)
class Index:
    """An index (manifest list): one name, several platforms.

    Attributes:
        raw: the bytes that were hashed.
        media_type: OCI index or Docker manifest list.
        manifests: in the order written.
    """

    raw: bytes = field(repr=False)
    media_type: str
    manifests: tuple[Descriptor, ...]

    @classmethod
    def parse(cls, raw: bytes, media_type: str | None = None) -> Index:
        """Parse an index.

        Args:
            raw: the document.
            media_type: what the descriptor or the HTTP header said; None when nobody did.

        Raises:
            MalformedDocument, MalformedJson: it is not one.
        """
        document = load_object(raw, limit=MANIFEST_LIMIT, subject="image index")
        refuse_fields(document, "image index", ("layers", "config", "fsLayers"))
        found = own_media_type(document, "image index", media_type, MediaType.OCI_INDEX)
        if found not in INDEX_TYPES:
            raise MalformedDocument("image index", "an index's media type", found)
        entries = read_list(document, "manifests", "image index", most=MAX_DESCRIPTORS)
        return cls(raw, found, tuple(_descriptor(entry, "image index") for entry in entries))


@dataclass(frozen=True, slots=True)
class Manifest:
    """One image for one platform.

    Attributes:
        raw: the bytes that were hashed.
        media_type: OCI manifest or Docker schema 2.
        config: descriptor of the config; its digest is the image ID.
        layers: lowest first.
    """

    raw: bytes = field(repr=False)
    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]

    @classmethod
    def parse(cls, raw: bytes, media_type: str | None = None) -> Manifest:
        """Parse an image manifest.

        Raises:
            MalformedDocument, MalformedJson: it is not one; schema 1 is refused by name.
        """
        document = load_object(raw, limit=MANIFEST_LIMIT, subject="image manifest")
        if document.get("schemaVersion") == 1 or media_type in SCHEMA1_TYPES:
            raise MalformedDocument(
                "image manifest", "schema 2 or OCI", "Docker schema 1, which no one can verify"
            )
        refuse_fields(document, "image manifest", ("manifests", "fsLayers"))
        found = own_media_type(document, "image manifest", media_type, MediaType.OCI_MANIFEST)
        if found not in MANIFEST_TYPES:
            raise MalformedDocument("image manifest", "a manifest's media type", found)
        config = _descriptor(document.get("config"), "image manifest config")
        entries = read_list(document, "layers", "image manifest", most=MAX_LAYERS)
        layers = tuple(_descriptor(entry, "image manifest layer") for entry in entries)
        return cls(raw, found, config, layers)

    @property
    def digest(self) -> Digest:
        """The manifest's own name."""
        return Digest.of(self.raw)

    @property
    def is_image(self) -> bool:
        """Whether the config is an image's: artifacts can't be loaded into an engine."""
        return self.config.media_type in CONFIG_TYPES


@dataclass(frozen=True, slots=True)
class ImageConfig:
    """An image's config: the document whose digest is the image ID.

    Attributes:
        raw: the bytes that were hashed.
        platform: where the image runs.
        diff_ids: digest of each layer's uncompressed tar, lowest first.
    """

    raw: bytes = field(repr=False)
    platform: Platform
    diff_ids: tuple[Digest, ...]

    @classmethod
    def parse(cls, raw: bytes) -> ImageConfig:
        """Parse a config.

        Raises:
            MalformedDocument, MalformedJson: it is not one.
        """
        document = load_object(raw, limit=CONFIG_LIMIT, subject="image config")
        rootfs = document.get("rootfs")
        if not isinstance(rootfs, dict):
            raise MalformedDocument("image config", "rootfs", rootfs)
        texts = read_list(rootfs, "diff_ids", "image config", most=MAX_LAYERS)
        diff_ids = tuple(read_digest(text, "image config diff_ids") for text in texts)
        return cls(raw, read_platform(document, "image config"), diff_ids)


def chain_ids(diff_ids: Sequence[Digest]) -> tuple[Digest, ...]:
    """Return the chain ID of each layer: what an engine names a stack of layers by.

    Source: OCI image-spec, config.md, "Layer ChainID".
    """
    chain: list[Digest] = []
    for diff_id in diff_ids:
        if not chain:
            chain.append(diff_id)
            continue
        link = f"{chain[-1]} {diff_id}".encode()
        chain.append(Digest(hashlib.sha256(link).hexdigest()))
    return tuple(chain)


def _descriptor(value: JsonValue, subject: str) -> Descriptor:
    if not isinstance(value, dict):
        raise MalformedDocument(subject, "a descriptor", value)
    media_type, size = value.get("mediaType"), value.get("size")
    if not isinstance(media_type, str) or not media_type:
        raise MalformedDocument(subject, "a media type", media_type)
    if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= MAX_SIZE:
        raise MalformedDocument(subject, "a size in bytes", size)
    platform = value.get("platform")
    return Descriptor(
        media_type,
        read_digest(value.get("digest"), subject),
        size,
        read_platform(platform, subject) if isinstance(platform, dict) else None,
        read_annotations(value, subject),
        read_urls(value),
    )
