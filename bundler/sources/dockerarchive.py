"""Images in what `docker save` writes, of any version: `manifest.json` and what it points to.

Such an archive has no OCI manifest that a registry would know, so one is made, always the same for
the same image: its layers are the uncompressed tars, whose digests are the config's diff IDs and
are checked by whoever reads them. A layer that some other tool stored compressed keeps its bytes,
and is read once to learn their digest.

Source: Docker image-spec v1.2, "Combined Image JSON + Filesystem Changeset Format".
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from bundler.sources import Document
from bundler.sources import local_errors as errors
from bundler.sources.names import Offer, pick
from bundler.sources.spool import MAGIC_BYTES, sniff
from bundler.sources.window import Files, Window, read_document
from manifests.bundle.layout import DOCKER_MANIFEST
from manifests.digest import Digest, new_hash
from manifests.errors import MoonliftError
from manifests.mediatype import Compression, MediaType
from manifests.oci import CONFIG_LIMIT, MANIFEST_LIMIT, MAX_LAYERS, Descriptor, ImageConfig
from manifests.reference import Reference
from manifests.release import MAX_IMAGES
from manifests.strictjson import JsonValue, canonical, loads

_PIECE: Final = 1024 * 1024
_NAMED_BY_DIGEST = re.compile(r"(?:.*/)?(?:sha256:)?([0-9a-f]{64})(?:\.json)?", re.ASCII)
_LAYER_TYPES: Final = MappingProxyType(
    {
        Compression.NONE: MediaType.OCI_LAYER,
        Compression.GZIP: MediaType.OCI_LAYER_GZIP,
        Compression.ZSTD: MediaType.OCI_LAYER_ZSTD,
    }
)


@dataclass(frozen=True, slots=True)
class SavedImage:
    """An image of an archive.

    Attributes:
        manifest: made for it.
        config: as saved; its digest is the image ID.
        layers: each layer's file in the archive, by digest in the manifest.
    """

    manifest: Document
    config: Document
    layers: Mapping[Digest, str] = field(repr=False)

    @property
    def documents(self) -> Mapping[Digest, Document]:
        """Manifest and config by digest."""
        return {self.manifest.digest: self.manifest, self.config.digest: self.config}


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of `manifest.json`."""

    config: str
    layers: tuple[str, ...]
    names: tuple[str, ...] = field(compare=False)


class DockerArchive:
    """The images of an archive. Safe to use from several threads; takes over `files`."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._images: dict[_Entry, SavedImage] = {}
        try:
            self._entries = self._read_entries()
        except BaseException:
            files.close()
            raise

    @property
    def where(self) -> str:
        """The archive, for messages."""
        return self._files.where

    def find(self, reference: Reference) -> SavedImage:
        """Return the image that `reference` names by its tag.

        Raises:
            AppManifestError: `image-not-found`, `image-ambiguous`.
            SourceFailed: the archive is incomplete or damaged.
        """
        offers = [Offer(entry, entry.names) for entry in self._entries]
        return self._image(pick(reference, offers, self.where))

    def only(self) -> SavedImage:
        """Return the one image of an archive that holds one."""
        if len(set(self._entries)) != 1:
            raise errors.malformed(self.where, f"expected one image, found {len(self._entries)}")
        return self._image(self._entries[0])

    def open(self, image: SavedImage, descriptor: Descriptor) -> Window:
        """Open a layer.

        Raises:
            SourceFailed: the image has none such.
        """
        if descriptor.digest not in image.layers:
            raise errors.file_missing(self.where, f"layer {descriptor.digest}")
        name = image.layers[descriptor.digest]
        window = self._files.open(name)
        if window.size != descriptor.size:
            window.close()
            raise errors.wrong_size(self.where, name, descriptor.size, window.size)
        return window

    def close(self) -> None:
        """Let go of the files."""
        self._files.close()

    def _read_entries(self) -> tuple[_Entry, ...]:
        if not self._files.has(DOCKER_MANIFEST):
            raise errors.malformed(
                self.where, f"expected what `docker save` writes, found no {DOCKER_MANIFEST}"
            )
        raw = read_document(self._files, DOCKER_MANIFEST, MANIFEST_LIMIT)
        try:
            value = loads(raw, limit=MANIFEST_LIMIT, subject=DOCKER_MANIFEST)
        except MoonliftError as error:
            raise errors.malformed(self.where, str(error)) from error
        if not isinstance(value, list) or not 0 < len(value) <= MAX_IMAGES:
            raise errors.malformed(
                self.where, f"{DOCKER_MANIFEST}: expected a list of 1 to {MAX_IMAGES} images"
            )
        return tuple(self._entry(item) for item in value)

    def _entry(self, item: JsonValue) -> _Entry:
        entry = item if isinstance(item, dict) else {}
        config = entry.get("Config")
        layers, names = _texts(entry.get("Layers")), _texts(entry.get("RepoTags") or [])
        if not isinstance(config, str) or layers is None or names is None:
            raise errors.malformed(
                self.where, f"{DOCKER_MANIFEST}: expected Config, Layers and RepoTags"
            )
        return _Entry(config, layers, names)

    def _image(self, entry: _Entry) -> SavedImage:
        with self._lock:
            if entry not in self._images:
                self._images[entry] = self._make(entry)
            return self._images[entry]

    def _make(self, entry: _Entry) -> SavedImage:
        config, diff_ids = self._config(entry)
        layers = [
            self._layer(name, diff_id) for name, diff_id in zip(entry.layers, diff_ids, strict=True)
        ]
        manifest = Document(make_manifest(config, layers), MediaType.OCI_MANIFEST)
        files = {layer.digest: name for layer, name in zip(layers, entry.layers, strict=True)}
        return SavedImage(manifest, config, files)

    def _config(self, entry: _Entry) -> tuple[Document, tuple[Digest, ...]]:
        raw = read_document(self._files, entry.config, CONFIG_LIMIT)
        named = _NAMED_BY_DIGEST.fullmatch(entry.config)
        if named and Digest(named[1]) != Digest.of(raw):
            raise errors.wrong_digest(self.where, entry.config, Digest(named[1]), Digest.of(raw))
        try:
            diff_ids = ImageConfig.parse(raw).diff_ids
        except MoonliftError as error:
            raise errors.malformed(self.where, str(error)) from error
        if len(diff_ids) != len(entry.layers):
            raise errors.malformed(
                self.where,
                f"{entry.config}: expected {len(diff_ids)} layers, found {len(entry.layers)}",
            )
        return Document(raw, MediaType.OCI_CONFIG), diff_ids

    def _layer(self, name: str, diff_id: Digest) -> Descriptor:
        with self._files.open(name) as window:
            magic = window.read(MAGIC_BYTES)
        compression = sniff(magic, f"{self.where}: {name}")
        digest = diff_id if compression is Compression.NONE else self._hash(name)
        return Descriptor(_LAYER_TYPES[compression], digest, window.size)

    def _hash(self, name: str) -> Digest:
        hasher = new_hash()
        with self._files.open(name) as window:
            while piece := window.read(_PIECE):
                hasher.update(piece)
        return Digest.from_hash(hasher)


def make_manifest(config: Document, layers: list[Descriptor]) -> bytes:
    """Return an OCI manifest; the same image gives the same bytes."""
    head = Descriptor(config.media_type, config.digest, len(config.raw))
    return canonical(
        {
            "schemaVersion": 2,
            "mediaType": str(MediaType.OCI_MANIFEST),
            "config": head.to_json(),
            "layers": [layer.to_json() for layer in layers],
        }
    )


def _texts(value: JsonValue) -> tuple[str, ...] | None:
    if not isinstance(value, list) or len(value) > MAX_LAYERS:
        return None
    texts = tuple(item for item in value if isinstance(item, str))
    return texts if len(texts) == len(value) else None
