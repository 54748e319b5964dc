"""What the build cache knows of a layer, and the file in which it is kept, with its own digest."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from manifests.bundle.chunks import ChunkedFile
from manifests.bundle.layout import blob_name
from manifests.digest import Digest
from manifests.documents import DigestField, Document, Line, Size
from manifests.errors import MoonliftError
from manifests.release import HexDigest, LayerRecord

FACTS_LIMIT: Final = 16 * 1024 * 1024
_HEX: Final = 64


class LayerFacts(Document):
    """What is known of a layer in the cache.

    Attributes:
        digest: of the stored bytes.
        size: bytes stored.
        media_type: of the stored bytes.
        diff_id: digest of the uncompressed tar.
        uncompressed: bytes of the uncompressed tar.
        chunks: hexadecimal sha256 of each 8 MiB of the stored bytes.
    """

    digest: DigestField
    size: Size
    media_type: Line
    diff_id: DigestField
    uncompressed: Size
    chunks: tuple[HexDigest, ...]

    @property
    def record(self) -> LayerRecord:
        """The layer as `release.json` lists it."""
        return LayerRecord(
            digest=self.digest,
            size=self.size,
            media_type=self.media_type,
            diff_id=self.diff_id,
            uncompressed=self.uncompressed,
        )

    @property
    def file(self) -> ChunkedFile:
        """The stored bytes as a file of a bundle."""
        chunks = tuple(map(Digest, self.chunks))
        return ChunkedFile(blob_name(self.digest), self.size, chunks)


def written_facts(facts: LayerFacts) -> bytes:
    """Return the bytes of the file."""
    data = facts.canonical()
    return Digest.of(data).hex.encode() + data


def blob_of_facts(path: Path) -> str:
    """Return the hexadecimal digest of the blob that a file of facts is about; empty for none."""
    facts = read_facts(path)
    return "" if facts is None else facts.digest.hex


def read_facts(path: Path) -> LayerFacts | None:
    """Return what a file of facts says, None if it is not there or damaged."""
    try:
        with path.open("rb") as file:
            raw = file.read(FACTS_LIMIT)
        if Digest.of(raw[_HEX:]).hex.encode() != raw[:_HEX]:
            return None
        return LayerFacts.parse(raw[_HEX:], limit=FACTS_LIMIT, subject="cache")
    except (OSError, MoonliftError):
        return None
