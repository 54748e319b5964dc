"""Images of the local Docker engine, 20.10 or newer, with either of its image stores.

The API tells neither configs nor sizes of layers, so the first `resolve` of an image saves it:
once, into a temporary file that layers are then read from. What a save told is remembered in a
folder of records (`dockerrecords`), so that an unchanged image is resolved without a save, and is
never saved when no layer is asked for.

Graph-driver store: a manifest is made for the image as for a `docker save` archive, and the config
must hash to the image ID that the engine names. Containerd's store keeps what the registry gave:
index, manifests and layers are the originals.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import docker

from bundler.sources import Document
from bundler.sources import local_errors as errors
from bundler.sources.dockerarchive import DockerArchive, SavedImage
from bundler.sources.dockerengine import LocalEngine, LocalImage
from bundler.sources.dockerrecords import Records
from bundler.sources.layout import LayoutSource
from bundler.sources.spool import spool
from bundler.sources.tarfiles import TarFiles
from bundler.sources.window import Window
from manifests.digest import Digest
from manifests.errors import MoonliftError
from manifests.mediatype import MediaType
from manifests.oci import Descriptor
from manifests.reference import Reference
from manifests.strictjson import load_object

ORIGIN: Final = "docker"

T = TypeVar("T")


class DockerSource:
    """The local engine. Safe to use from several threads; takes over `client`.

    Args:
        client: with a timeout of an hour or so (`dockerengine.connect`).
        folder: for temporary files: an image's uncompressed layers, until this is closed.
        records: folder for what is remembered from build to build; None for nothing.
    """

    origin = ORIGIN

    def __init__(
        self, client: docker.DockerClient, folder: Path, records: Path | None = None
    ) -> None:
        self._engine = LocalEngine(client)
        self._folder = folder
        self._records = Records(records)
        self._lock = threading.RLock()
        self._found: dict[Reference, LocalImage] = {}
        self._archives: dict[Digest, DockerArchive] = {}
        self._layouts: dict[Digest, LayoutSource] = {}

    def exists(self, reference: Reference) -> bool:
        """Tell whether there is an engine and it has the image."""
        try:
            self._inspect(reference)
        except MoonliftError:
            return False
        return True

    def resolve(self, reference: Reference) -> Document:
        """Return the image's manifest or, from containerd's store, what the registry gave.

        A digest is looked up among the image's RepoDigests; in the graph-driver store the manifest
        returned is nevertheless made here and has another one.

        Raises:
            AppManifestError: `image-not-found`.
            SourceFailed: `engine-unreachable`, `engine-failed`, `digest-mismatch`.
        """
        image = self._inspect(reference)
        if self._engine.containerd_store:
            return self._top(image)
        return self._documents(image)[0]

    def document(self, reference: Reference, descriptor: Descriptor) -> Document:
        """Return a manifest, index or config of the image."""
        image = self._inspect(reference)
        if self._engine.containerd_store:
            return self._original(image, reference, descriptor)
        for document in self._documents(image):
            if document.digest == descriptor.digest:
                return document
        raise errors.file_missing(
            f"the local engine's image {reference.familiar}", str(descriptor.digest)
        )

    def open_blob(self, reference: Reference, descriptor: Descriptor, offset: int = 0) -> Window:
        """Open a layer at byte `offset`; saves the image unless that was done."""
        image = self._inspect(reference)
        if self._engine.containerd_store:
            return self._layout(image).open_blob(reference, descriptor, offset)
        archive = self._archive(image)
        window = archive.open(archive.only(), descriptor)
        window.skip(offset)
        return window

    def close(self) -> None:
        """Drop the temporary files and the connection."""
        with self._lock:
            for archive in self._archives.values():
                archive.close()
            for layout in self._layouts.values():
                layout.close()
            self._archives.clear()
            self._layouts.clear()
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _inspect(self, reference: Reference) -> LocalImage:
        """Ask the engine once, so that a tag that moves meanwhile does not matter."""
        with self._lock:
            if reference not in self._found:
                self._found[reference] = self._engine.inspect(reference)
            return self._found[reference]

    def _documents(self, image: LocalImage) -> tuple[Document, Document]:
        """Return manifest and config of an image of the graph-driver store."""
        known = self._records.manifest_of(image.image_id)
        if known is not None:
            return known
        archive = self._archive(image)
        saved = archive.only()
        _check_identity(archive, saved, image)
        self._records.keep_manifest(saved.manifest, saved.config)
        return saved.manifest, saved.config

    def _archive(self, image: LocalImage) -> DockerArchive:
        return self._once(self._archives, image, DockerArchive)

    def _layout(self, image: LocalImage) -> LayoutSource:
        return self._once(self._layouts, image, lambda files: LayoutSource(files, ORIGIN))

    def _once(self, opened: dict[Digest, T], image: LocalImage, read: Callable[[TarFiles], T]) -> T:
        """Return the saved image; saves it the first time, one image after the other."""
        with self._lock:
            if image.image_id not in opened:
                where = f"docker save {image.image_id.short}"
                archive = spool(self._folder, self._engine.save(image.image_id))
                opened[image.image_id] = read(TarFiles(archive, where))
            return opened[image.image_id]

    def _top(self, image: LocalImage) -> Document:
        """Return what an image of containerd's store is named by: its index or manifest."""
        raw = self._records.document(image.image_id)
        if raw is not None:
            return Document(raw, _own_media_type(raw))
        pinned = Reference(ORIGIN, image.image_id.short, None, image.image_id)
        document = self._layout(image).resolve(pinned)
        self._records.keep(document.raw)
        return document

    def _original(
        self, image: LocalImage, reference: Reference, descriptor: Descriptor
    ) -> Document:
        raw = self._records.document(descriptor.digest)
        if raw is not None:
            return Document(raw, descriptor.media_type)
        document = self._layout(image).document(reference, descriptor)
        self._records.keep(document.raw)
        return document


def _check_identity(archive: DockerArchive, saved: SavedImage, image: LocalImage) -> None:
    """Refuse an image whose config is not the one that the engine names it by."""
    if saved.config.digest != image.image_id:
        name = "config of the saved image"
        raise errors.wrong_digest(archive.where, name, image.image_id, saved.config.digest)


def _own_media_type(raw: bytes) -> str:
    """Return a document's media type as it says itself, or by its shape."""
    document = load_object(raw, limit=len(raw), subject="image")
    own = document.get("mediaType")
    if isinstance(own, str):
        return own
    return MediaType.OCI_INDEX if "manifests" in document else MediaType.OCI_MANIFEST
