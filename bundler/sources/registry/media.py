"""What kind of document a registry sent: header and document must agree.

A document that could be read as two kinds is an attack (CVE-2021-41190), so `Content-Type`, the
document's own `mediaType` and the descriptor's must all be one (OCI distribution-spec, "Pulling
manifests"). Headers that say nothing, as those of plain file servers, leave it to the document.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from bundler.sources.registry import errors
from manifests.mediatype import INDEX_TYPES, MANIFEST_TYPES, SCHEMA1_TYPES
from manifests.oci import MANIFEST_LIMIT
from manifests.reference import Reference
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue, MalformedJson, load_object

DOCUMENT_TYPES: Final = frozenset(str(kind) for kind in INDEX_TYPES | MANIFEST_TYPES)
"""What we ask for and take."""

_SILENT: Final = frozenset({"", "application/json", "application/octet-stream", "text/plain"})


def check_told(headers: Mapping[str, str], reference: Reference, subject: str) -> str | None:
    """Return the media type that the header tells; None when it tells nothing.

    Raises:
        SourceFailed: `document-malformed`: another kind of content.
        AppManifestError: `image-schema1`.
    """
    told = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if told in _SILENT:
        return None
    if told in SCHEMA1_TYPES:
        raise errors.schema1(reference)
    if told not in DOCUMENT_TYPES:
        shown = safe_line(told, limit=100)
        raise errors.malformed(subject, f"expected an image manifest or index, found {shown}")
    return told


def media_type_of(raw: bytes, told: str | None, reference: Reference, subject: str) -> str:
    """Return a document's media type.

    Args:
        raw: the document.
        told: by the header or the descriptor; None when nobody did.
        reference: for the message.
        subject: for the message.

    Raises:
        SourceFailed: `document-malformed`.
        AppManifestError: `image-schema1`.
    """
    document = _load(raw, subject)
    if document.get("schemaVersion") == 1:
        raise errors.schema1(reference)
    own = document.get("mediaType")
    if own is not None and str(own) not in DOCUMENT_TYPES:
        shown = safe_line(str(own), limit=100)
        raise errors.malformed(subject, f"expected an image manifest or index, found {shown}")
    if told is not None and own not in (None, told):
        raise errors.malformed(subject, f"expected {told}, found {own}")
    found = told or own
    if not isinstance(found, str):
        raise errors.malformed(subject, "neither the registry nor the document says what it is")
    return found


def _load(raw: bytes, subject: str) -> dict[str, JsonValue]:
    try:
        return load_object(raw, limit=MANIFEST_LIMIT, subject=subject)
    except MalformedJson as error:
        raise errors.malformed(subject, "expected strict JSON, found something else") from error
