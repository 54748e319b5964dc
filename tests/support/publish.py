"""Where made images go: into a registry, an OCI image layout, or a docker-archive."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support.images import Blob, BuiltImage, BuiltIndex, ImageSpec, Spec
from tests.support.registry import Registry

REFERENCE_NAME = "org.opencontainers.image.ref.name"
IMAGE_NAME = "io.containerd.image.name"


@dataclass(frozen=True)
class PushedImage:
    """What now lies in a registry.

    Attributes:
        reference: with its tag.
        digest: of what the tag points to, manifest or index.
        built: the bytes; for an index, of its first image.
    """

    reference: str
    digest: str
    built: BuiltImage

    @property
    def pinned(self) -> str:
        """The reference by digest, without tag."""
        return f"{self.reference.rpartition(':')[0]}@{self.digest}"

    @property
    def manifest_digest(self) -> str:
        """Digest of the image's manifest."""
        return self.built.manifest.digest

    @property
    def config_digest(self) -> str:
        """The image ID."""
        return self.built.config.digest

    @property
    def diff_ids(self) -> tuple[str, ...]:
        """Bottom first."""
        return self.built.diff_ids

    @property
    def layer_digests(self) -> tuple[str, ...]:
        """Bottom first, as stored."""
        return tuple(layer.digest for layer in self.built.layers)


def push_image(registry: Registry, repository: str, tag: str, spec: Spec) -> PushedImage:
    """Build `spec` and put all of it into `registry`, tag last."""
    built = spec.build()
    children = built.images + built.attestations if isinstance(built, BuiltIndex) else (built,)
    for image in children:
        for blob in (*image.layers, image.config):
            registry.put_blob(repository, blob.data)
        _put_manifest(registry, repository, image.manifest.digest, image.manifest)
    top = top_of(built)
    _put_manifest(registry, repository, tag, top)
    first = built.images[0] if isinstance(built, BuiltIndex) else built
    return PushedImage(registry.reference(repository, tag), top.digest, first)


def top_of(built: BuiltImage | BuiltIndex) -> Blob:
    """Return the blob that a tag points to."""
    return built.index if isinstance(built, BuiltIndex) else built.manifest


def write_layout(folder: Path, images: Mapping[str, Spec]) -> dict[str, BuiltImage | BuiltIndex]:
    """Write an OCI image layout; return what was built, by name.

    Args:
        folder: made if absent; an existing layout there is replaced.
        images: by reference name; a name with `/` is also given as containerd's image name.
    """
    built = {name: spec.build() for name, spec in images.items()}
    store = folder / "blobs/sha256"
    store.mkdir(parents=True, exist_ok=True)
    for item in built.values():
        for blob in item.blobs:
            (store / blob.digest[7:]).write_bytes(blob.data)
    entries = [_named(name, top_of(item)).descriptor() for name, item in built.items()]
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": entries}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    return built


def docker_archive(images: Mapping[str, ImageSpec]) -> bytes:
    """Return what `docker load` takes: config and uncompressed layers, `manifest.json` last."""
    files: dict[str, bytes] = {}
    entries = []
    for name, spec in images.items():
        plain = replace(spec, layers=tuple(layer.stored_as("none") for layer in spec.layers))
        built = plain.build()
        files |= {blob.digest[7:] + ".tar": blob.data for blob in built.layers}
        config = built.config.digest[7:] + ".json"
        files[config] = built.config.data
        layers = [blob.digest[7:] + ".tar" for blob in built.layers]
        entries.append({"Config": config, "RepoTags": [name], "Layers": layers})
    files["manifest.json"] = json.dumps(entries).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, data in files.items():
            header = tarfile.TarInfo(path)
            header.size = len(data)
            archive.addfile(header, io.BytesIO(data))
    return out.getvalue()


def _put_manifest(registry: Registry, repository: str, tag: str, blob: Blob) -> None:
    registry.put_manifest(repository, tag, blob.data, blob.media_type)


def _named(name: str, blob: Blob) -> Blob:
    names = {REFERENCE_NAME: name}
    if "/" in name:
        names = {IMAGE_NAME: name, REFERENCE_NAME: name.rpartition(":")[2] or name}
    return replace(blob, annotations=names)
