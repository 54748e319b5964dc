"""Fields of OCI documents, read strictly: each is what the specification says, or refused.

Knows no document as a whole; `oci` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from manifests.digest import Digest, MalformedDigest
from manifests.errors import MalformedInput
from manifests.platform import Platform
from manifests.strictjson import JsonValue


class MalformedDocument(MalformedInput):
    """A manifest, index or config that is not what its media type says."""

    def __init__(self, subject: str, expected: str, found: object) -> None:
        super().__init__(
            "document-malformed",
            f"{subject}: expected {expected}, found {str(found)[:200]}",
            subject=subject,
        )


def read_digest(value: JsonValue, subject: str) -> Digest:
    """Return a field as a digest.

    Raises:
        MalformedDocument: it is something else.
    """
    if not isinstance(value, str):
        raise MalformedDocument(subject, "a digest", value)
    try:
        return Digest.parse(value)
    except MalformedDigest as error:
        raise MalformedDocument(subject, "a sha256 digest", value) from error


def read_platform(value: Mapping[str, JsonValue], subject: str) -> Platform:
    """Return a platform; its parts are cut at 64 characters.

    Raises:
        MalformedDocument: it is something else.
    """
    os, architecture = value.get("os"), value.get("architecture")
    variant = value.get("variant", "")
    if not (isinstance(os, str) and isinstance(architecture, str) and isinstance(variant, str)):
        raise MalformedDocument(subject, "os and architecture", value.get("architecture"))
    return Platform.normalized(os[:64], architecture[:64], variant[:64])


def platform_json(platform: Platform) -> dict[str, JsonValue]:
    """Return a platform as JSON."""
    document: dict[str, JsonValue] = {"architecture": platform.architecture, "os": platform.os}
    if platform.variant:
        document["variant"] = platform.variant
    return document


def read_annotations(value: Mapping[str, JsonValue], subject: str) -> Mapping[str, str]:
    """Return the annotations whose values are text.

    Raises:
        MalformedDocument: it is something else.
    """
    found = value.get("annotations") or {}
    if not isinstance(found, dict):
        raise MalformedDocument(subject, "annotations", found)
    return MappingProxyType({k: v for k, v in found.items() if isinstance(v, str)})


def read_urls(value: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """Return where else a blob is kept."""
    found = value.get("urls")
    return tuple(map(str, found)) if isinstance(found, list) else ()


def read_list(
    document: Mapping[str, JsonValue], name: str, subject: str, *, most: int
) -> list[JsonValue]:
    """Return a list of at most `most` values.

    Raises:
        MalformedDocument: it is something else.
    """
    found = document.get(name)
    if not isinstance(found, list):
        raise MalformedDocument(subject, f"a list {name}", found)
    if len(found) > most:
        raise MalformedDocument(subject, f"at most {most} {name}", len(found))
    return found


def refuse_fields(document: Mapping[str, JsonValue], subject: str, fields: tuple[str, ...]) -> None:
    """Refuse a document of another kind or version.

    Raises:
        MalformedDocument: it is something else.
    """
    version = document.get("schemaVersion")
    if version != 2 or isinstance(version, bool):
        raise MalformedDocument(subject, "schemaVersion 2", version)
    for name in fields:
        if name in document:
            raise MalformedDocument(subject, f"no {name!r} in this kind of document", name)


def own_media_type(
    document: Mapping[str, JsonValue], subject: str, told: str | None, default: str
) -> str:
    """Return the document's media type; what it says itself must agree with what we were told.

    Raises:
        MalformedDocument: it does not.
    """
    own = document.get("mediaType", told or default)
    if not isinstance(own, str):
        raise MalformedDocument(subject, "a media type", own)
    if told is not None and own != told:
        raise MalformedDocument(subject, told, own)
    return own
