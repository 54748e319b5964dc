"""Images in an OCI image layout: a folder, or the same files in a tar.

Owns which descriptor a reference means, and that every document has the size and digest that its
descriptor says. Layers are handed out unread; whoever consumes them checks them.

Source: OCI image-spec, image-layout.md; annotations.md for `org.opencontainers.image.ref.name`.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Final, Self

from bundler.sources import Document
from bundler.sources import local_errors as errors
from bundler.sources.names import Offer, pick
from bundler.sources.window import Files, Window, read_document
from manifests.bundle.layout import INDEX, OCI_LAYOUT, blob_name
from manifests.digest import Digest
from manifests.errors import MoonliftError, SourceFailed
from manifests.mediatype import INDEX_TYPES, MANIFEST_TYPES
from manifests.oci import (
    CONFIG_LIMIT,
    CONTAINERD_NAME,
    MANIFEST_LIMIT,
    MAX_DESCRIPTORS,
    REF_NAME,
    Descriptor,
    Index,
)
from manifests.reference import Reference
from manifests.strictjson import load_object

MAX_DEPTH: Final = 4
"""Indexes within each other, `index.json` counted."""
VERSION: Final = "1.0.0"
_MARKER_LIMIT: Final = 4096


class LayoutSource:
    """An image layout. Safe to use from several threads; takes over `files`."""

    def __init__(self, files: Files, origin: str) -> None:
        self.origin = origin
        self._files = files
        try:
            self._top = self._read_top()
        except BaseException:
            files.close()
            raise

    def resolve(self, reference: Reference) -> Document:
        """Return the manifest or index that `reference` names; a digest counts, not its name."""
        digest = reference.digest
        if digest is None:
            offers = [_offer(entry) for entry in self._top.manifests if not entry.is_attestation]
            digest = pick(reference, offers, self._files.where)
        return self._read(self._by_digest(reference, digest))

    def document(self, reference: Reference, descriptor: Descriptor) -> Document:  # noqa: ARG002
        """Return a manifest, index or config by its descriptor."""
        return self._read(descriptor)

    def open_blob(
        self,
        reference: Reference,  # noqa: ARG002 - a layout has no repositories
        descriptor: Descriptor,
        offset: int = 0,
    ) -> Window:
        """Open a layer at byte `offset`; its size is checked."""
        window = self._files.open(blob_name(descriptor.digest))
        if window.size != descriptor.size:
            window.close()
            name = blob_name(descriptor.digest)
            raise errors.wrong_size(self._files.where, name, descriptor.size, window.size)
        window.skip(offset)
        return window

    def close(self) -> None:
        """Let go of the files."""
        self._files.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read_top(self) -> Index:
        where = self._files.where
        if not self._files.has(OCI_LAYOUT):
            raise errors.malformed(where, f"expected an image layout, found no {OCI_LAYOUT}")
        try:
            raw = read_document(self._files, OCI_LAYOUT, _MARKER_LIMIT)
            marker = load_object(raw, limit=_MARKER_LIMIT, subject=OCI_LAYOUT)
            index = Index.parse(read_document(self._files, INDEX, MANIFEST_LIMIT))
        except MoonliftError as error:
            raise _explained(where, error) from error
        if marker.get("imageLayoutVersion") != VERSION:
            found = marker.get("imageLayoutVersion")
            raise errors.malformed(where, f"expected a layout of version {VERSION}, found {found}")
        return index

    def _by_digest(self, reference: Reference, digest: Digest) -> Descriptor:
        for descriptor in self._walk():
            if descriptor.digest == digest:
                return descriptor
        known = [str(entry.digest) for entry in self._top.manifests]
        raise errors.not_found(self._files.where, reference, known)

    def _walk(self) -> Iterator[Descriptor]:
        """Yield every descriptor, those of outer indexes first; indexes not there are passed."""
        level, seen, count = list(self._top.manifests), set[Digest](), 0
        for _ in range(MAX_DEPTH):
            yield from level
            count += len(level)
            if count > MAX_DESCRIPTORS:
                raise errors.malformed(self._files.where, f"more than {MAX_DESCRIPTORS} images")
            inner = [
                entry
                for entry in level
                if entry.media_type in INDEX_TYPES and entry.digest not in seen
            ]
            seen |= {entry.digest for entry in inner}
            level = [item for entry in inner for item in self._members(entry)]

    def _members(self, descriptor: Descriptor) -> tuple[Descriptor, ...]:
        if not self._files.has(blob_name(descriptor.digest)):
            return ()
        document = self._read(descriptor)
        try:
            return Index.parse(document.raw, document.media_type).manifests
        except MoonliftError as error:
            raise _explained(self._files.where, error) from error

    def _read(self, descriptor: Descriptor) -> Document:
        """Read a document; its size is checked before it is hashed."""
        where, name = self._files.where, blob_name(descriptor.digest)
        known = descriptor.media_type in INDEX_TYPES | MANIFEST_TYPES
        raw = read_document(self._files, name, MANIFEST_LIMIT if known else CONFIG_LIMIT)
        if len(raw) != descriptor.size:
            raise errors.wrong_size(where, name, descriptor.size, len(raw))
        if (found := Digest.of(raw)) != descriptor.digest:
            raise errors.wrong_digest(where, name, descriptor.digest, found)
        return Document(raw, descriptor.media_type)


def _offer(descriptor: Descriptor) -> Offer[Digest]:
    name = descriptor.annotations.get(CONTAINERD_NAME, "")
    short = descriptor.annotations.get(REF_NAME, "")
    names = tuple(filter(None, (name, short)))
    return Offer(descriptor.digest, names, "" if name else short)


def _explained(where: str, error: MoonliftError) -> SourceFailed:
    """Turn what is wrong with a document into what is wrong with the source."""
    return error if isinstance(error, SourceFailed) else errors.malformed(where, str(error))
