"""What goes wrong with images on this machine, in words: layouts, archives and the local engine.

A message names the place and the file in it; what a file says passes through `safe_line`.
"""

from __future__ import annotations

from collections.abc import Iterable

from manifests.digest import Digest
from manifests.errors import AppManifestError, SourceFailed
from manifests.reference import Reference
from manifests.safetext import safe_line

SHOWN = 10
"""Names of other images told in a hint."""


def unreadable(where: str, error: OSError) -> SourceFailed:
    """The place itself can't be opened or read."""
    return SourceFailed(
        "source-unreadable",
        f"{where}: can't be read: {error.strerror or error}",
        hint="check the path after 'from:' in the app manifest",
        source=where,
    )


def unwritable(folder: str, error: OSError) -> SourceFailed:
    """No temporary file can be written."""
    return SourceFailed(
        "source-unreadable",
        f"{folder}: can't be written: {error.strerror or error}",
        hint="free some space there, or give another folder with --cache",
        folder=folder,
    )


def malformed(where: str, what: str) -> SourceFailed:
    """Something in it is not what it should be."""
    return SourceFailed("source-malformed", f"{where}: {safe_line(what, limit=1000)}", source=where)


def truncated(where: str, what: str) -> SourceFailed:
    """An archive that was cut off."""
    return SourceFailed(
        "source-truncated",
        f"{where}: ends inside {safe_line(what, limit=300)}",
        hint="make or copy the archive again",
        source=where,
    )


def file_missing(where: str, name: str) -> SourceFailed:
    """A file that must be in it and is not."""
    return SourceFailed(
        "source-incomplete",
        f"{where}: expected {safe_line(name, limit=300)}, found none",
        hint="the copy is incomplete: make it again with all its platforms and layers",
        source=where,
    )


def not_regular(where: str, name: str, kind: str) -> SourceFailed:
    """A link, device or folder in the place of a file."""
    shown = safe_line(name, limit=300)
    return malformed(where, f"{shown}: expected a regular file, found {kind}")


def too_large(where: str, name: str, limit: int, found: int) -> SourceFailed:
    """A document over its limit."""
    return SourceFailed(
        "document-too-large",
        f"{where}: {safe_line(name, limit=300)}: expected at most {limit} bytes, found {found}",
        source=where,
    )


def wrong_size(where: str, name: str, expected: int, found: int) -> SourceFailed:
    """Another number of bytes than the descriptor says."""
    return SourceFailed(
        "size-mismatch",
        f"{where}: {safe_line(name, limit=300)}: expected {expected} bytes, found {found}",
        source=where,
        expected=expected,
        found=found,
    )


def wrong_digest(where: str, name: str, expected: Digest, found: Digest) -> SourceFailed:
    """Bytes that do not hash to their name."""
    return SourceFailed(
        "digest-mismatch",
        f"{where}: {safe_line(name, limit=300)}: expected {expected}, found {found}",
        hint="the copy is damaged: make it again",
        source=where,
        expected=str(expected),
        found=str(found),
    )


def not_found(where: str, reference: Reference, names: Iterable[str]) -> AppManifestError:
    """No image of that name."""
    known = sorted(set(names))
    shown = ", ".join(safe_line(name, limit=200) for name in known[:SHOWN])
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    return AppManifestError(
        "image-not-found",
        f"{where}: expected the image {reference.familiar}, found none of that name",
        hint=f"it holds {shown}{more}" if known else "its images have no names",
        image=str(reference),
        source=where,
    )


def ambiguous(where: str, reference: Reference, count: int) -> AppManifestError:
    """Several images that the reference could mean."""
    return AppManifestError(
        "image-ambiguous",
        f"{where}: expected one image {reference.familiar}, found {count} that could be it",
        hint="name its full reference there, or add its @sha256:... digest",
        image=str(reference),
        source=where,
    )


def no_digests(where: str, reference: Reference) -> AppManifestError:
    """A digest asked of something that knows no registry's digests."""
    return AppManifestError(
        "image-not-found",
        f"{where}: expected the image {reference.familiar}, but what `docker save` writes has no"
        " registry digests",
        hint=f"write {reference.name}:TAG instead, or use an oci-archive",
        image=str(reference),
        source=where,
    )
