"""Where image bytes come from: a registry, a Docker engine, a layout or an archive on disk.

A source hands out bytes and believes nothing: documents are bounded and checked against the
descriptor that named them; blobs are streams that whoever consumes them hashes on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from manifests.digest import Digest
from manifests.oci import Descriptor
from manifests.reference import Reference


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest, index or config as its source gave it.

    Attributes:
        raw: the bytes that the digest is over.
        media_type: what the source said it is.
    """

    raw: bytes = field(repr=False)
    media_type: str

    @property
    def digest(self) -> Digest:
        """The document's name."""
        return Digest.of(self.raw)


class BlobStream(Protocol):
    """Bytes of one blob, in order, not yet checked. Close it by leaving the `with` block."""

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes; empty only at the end of the blob."""

    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None: ...


class ImageSource(Protocol):
    """One place that images come from. Safe to use from several threads."""

    @property
    def origin(self) -> str:
        """Short name for people and for the lock: `registry`, `docker`, `layout`, ..."""

    def resolve(self, reference: Reference) -> Document:
        """Return the manifest or index that `reference` names; its digest included, if it has one.

        Raises:
            AppManifestError: `image-not-found`, `image-denied`: the reference is wrong for here.
            SourceFailed: the source could not answer.
        """

    def document(self, reference: Reference, descriptor: Descriptor) -> Document:
        """Return the manifest, index or config that the descriptor names, checked against it.

        Raises:
            SourceFailed: it is not there, is too large, or does not hash to its digest.
        """

    def open_blob(
        self, reference: Reference, descriptor: Descriptor, offset: int = 0
    ) -> BlobStream:
        """Open a layer at byte `offset`. Transient faults are retried inside.

        Raises:
            SourceFailed: it is not there or the source keeps failing.
        """


@runtime_checkable
class AnnouncingSource(ImageSource, Protocol):
    """A source that tells a digest without handing out what it is of."""

    def head(self, reference: Reference) -> Digest | None:
        """Return what `reference` names; None when the source does not say.

        Raises:
            AppManifestError, SourceFailed: as `resolve`.
        """
