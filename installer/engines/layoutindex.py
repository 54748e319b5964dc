"""The index.json of an image layout that grows: other tools' entries stay as they are.

Pure: bytes in, bytes out. Source: OCI image-spec, image-layout.md, "index.json file".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from manifests.digest import Digest, MalformedDigest
from manifests.errors import EngineFailed, MoonliftError
from manifests.mediatype import MediaType
from manifests.oci import CONTAINERD_NAME, REF_NAME, Descriptor
from manifests.release import ImageRecord
from manifests.strictjson import load_object, readable


@dataclass(frozen=True, slots=True)
class LayoutIndex:
    """An index whose entries are kept as they were read.

    Attributes:
        entries: descriptors as JSON.
        rest: the document's other members.
    """

    entries: tuple[Mapping[str, Any], ...] = ()
    rest: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, raw: bytes, *, limit: int) -> LayoutIndex:
        """Parse index.json.

        Raises:
            EngineFailed: `layout-malformed`.
        """
        try:
            document = load_object(raw, limit=limit, subject="index.json of the layout")
        except MoonliftError as error:
            raise _malformed(str(error)) from error
        entries = document.pop("manifests", [])
        if not isinstance(entries, list):
            raise _malformed("its manifests are no list")
        kept = tuple(entry for entry in entries if isinstance(entry, dict))
        if len(kept) != len(entries):
            raise _malformed("it holds something that is no descriptor")
        return cls(kept, document)

    @property
    def names(self) -> Mapping[str, frozenset[Digest]]:
        """What each name points to: several digests if it has several platforms."""
        found: dict[str, frozenset[Digest]] = {}
        for entry in self.entries:
            name, digest = _name(entry), _digest(entry)
            if name and digest:
                found[name] = found.get(name, frozenset()) | {digest}
        return found

    def with_image(self, image: ImageRecord, name: str) -> LayoutIndex:
        """Return the index with `name` pointing to `image`; other platforms' entries stay."""
        target = image.index or image.manifest
        platform = None if image.index else image.platform
        annotations = {CONTAINERD_NAME: name, REF_NAME: name}
        new = Descriptor(target.media_type, target.digest, target.size, platform, annotations)
        entry = new.to_json()
        others = [old for old in self.entries if _name(old) != name or _elsewhere(old, entry)]
        return LayoutIndex((*others, entry), self.rest)

    def without(self, name: str) -> LayoutIndex:
        """Return the index with no entry under `name`."""
        others = tuple(entry for entry in self.entries if _name(entry) != name)
        return LayoutIndex(others, self.rest)

    def encode(self) -> bytes:
        """Return the bytes of index.json."""
        fixed: dict[str, Any] = {"schemaVersion": 2, "mediaType": str(MediaType.OCI_INDEX)}
        return readable({**fixed, **self.rest, "manifests": [dict(one) for one in self.entries]})


def _name(entry: Mapping[str, Any]) -> str:
    annotations = entry.get("annotations")
    if not isinstance(annotations, Mapping):
        return ""
    return str(annotations.get(CONTAINERD_NAME) or annotations.get(REF_NAME) or "")


def _elsewhere(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Tell whether two entries are for different platforms."""
    platforms = old.get("platform"), new.get("platform")
    return None not in platforms and platforms[0] != platforms[1]


def _digest(entry: Mapping[str, Any]) -> Digest | None:
    try:
        return Digest.parse(str(entry.get("digest")))
    except MalformedDigest:
        return None


def _malformed(reason: str) -> EngineFailed:
    return EngineFailed(
        "layout-malformed",
        f"index.json of the layout: {reason}",
        hint="give another directory, or remove this one",
    )
