"""Images in files: `oci:DIR`, `oci-archive:FILE` and `docker-archive:FILE`.

Opens the right kind of source for a path; what is in it is the business of `layout` and
`dockerarchive`.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from bundler.sources import Document
from bundler.sources import local_errors as errors
from bundler.sources.dockerarchive import DockerArchive, SavedImage
from bundler.sources.folder import FolderFiles
from bundler.sources.layout import LayoutSource
from bundler.sources.tarfiles import open_tar
from bundler.sources.window import Window
from manifests.appmanifest.fields import OriginKind
from manifests.oci import Descriptor
from manifests.reference import Reference


class DockerArchiveSource:
    """What `docker save` wrote. Safe to use from several threads; takes over `archive`."""

    def __init__(self, archive: DockerArchive, origin: str) -> None:
        self.origin = origin
        self._archive = archive

    def resolve(self, reference: Reference) -> Document:
        """Return the manifest made for the image.

        Raises:
            AppManifestError: `image-not-found`; always for a digest, which only registries give.
        """
        return self._find(reference).manifest

    def document(self, reference: Reference, descriptor: Descriptor) -> Document:
        """Return the image's manifest or config."""
        document = self._find(reference).documents.get(descriptor.digest)
        if document is None:
            raise errors.file_missing(self._archive.where, str(descriptor.digest))
        return document

    def open_blob(self, reference: Reference, descriptor: Descriptor, offset: int = 0) -> Window:
        """Open a layer at byte `offset`."""
        window = self._archive.open(self._find(reference), descriptor)
        window.skip(offset)
        return window

    def close(self) -> None:
        """Let go of the archive."""
        self._archive.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _find(self, reference: Reference) -> SavedImage:
        if reference.tag is None:
            raise errors.no_digests(self._archive.where, reference)
        return self._archive.find(reference)


def open_local(kind: OriginKind, path: Path, spool: Path) -> LayoutSource | DockerArchiveSource:
    """Open an image layout or archive.

    Args:
        kind: `oci`, `oci-archive` or `docker-archive`.
        path: the folder or file.
        spool: folder for the inflated form of an archive that is compressed.

    Raises:
        SourceFailed: it can't be read, or is something else.
    """
    origin = f"{kind}:{path}"
    match kind:
        case OriginKind.OCI:
            return LayoutSource(FolderFiles(path), origin)
        case OriginKind.OCI_ARCHIVE:
            return LayoutSource(open_tar(path, spool), origin)
        case OriginKind.DOCKER_ARCHIVE:
            return DockerArchiveSource(DockerArchive(open_tar(path, spool)), origin)
    raise ValueError(f"{kind} is not a place on this machine")
