"""Media types: what a descriptor says that its blob is, and how a layer is wrapped.

Pure tables. Source: OCI image-spec v1.1, media-types.md; Docker image manifest v2.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class MediaType(StrEnum):
    """The media types that an image is made of."""

    OCI_INDEX = "application/vnd.oci.image.index.v1+json"
    OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
    OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
    OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
    OCI_LAYER_GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
    OCI_LAYER_ZSTD = "application/vnd.oci.image.layer.v1.tar+zstd"
    OCI_EMPTY = "application/vnd.oci.empty.v1+json"
    DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
    DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
    DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
    DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
    DOCKER_LAYER_GZIP = "application/vnd.docker.image.rootfs.diff.tar.gzip"
    DOCKER_LAYER_ZSTD = "application/vnd.docker.image.rootfs.diff.tar.zstd"
    DOCKER_FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    DOCKER_SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+json"
    DOCKER_SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"


INDEX_TYPES: Final = frozenset({MediaType.OCI_INDEX, MediaType.DOCKER_LIST})
MANIFEST_TYPES: Final = frozenset({MediaType.OCI_MANIFEST, MediaType.DOCKER_MANIFEST})
CONFIG_TYPES: Final = frozenset({MediaType.OCI_CONFIG, MediaType.DOCKER_CONFIG})
SCHEMA1_TYPES: Final = frozenset({MediaType.DOCKER_SCHEMA1, MediaType.DOCKER_SCHEMA1_SIGNED})


class Compression(StrEnum):
    """How a layer's tar is wrapped."""

    NONE = "none"
    GZIP = "gzip"
    ZSTD = "zstd"


LAYER_COMPRESSION: Final[Mapping[str, Compression]] = MappingProxyType(
    {
        MediaType.OCI_LAYER: Compression.NONE,
        MediaType.OCI_LAYER_GZIP: Compression.GZIP,
        MediaType.OCI_LAYER_ZSTD: Compression.ZSTD,
        MediaType.DOCKER_LAYER: Compression.NONE,
        MediaType.DOCKER_LAYER_GZIP: Compression.GZIP,
        MediaType.DOCKER_LAYER_ZSTD: Compression.ZSTD,
    }
)
