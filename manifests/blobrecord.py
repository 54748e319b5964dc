"""How release.json names a blob, and what it says of one that is a layer."""

from __future__ import annotations

from manifests.bundle.layout import blob_name
from manifests.digest import Digest
from manifests.documents import DigestField, Line, Part, Size
from manifests.mediatype import LAYER_COMPRESSION, Compression


class BlobRecord(Part):
    """A blob of the bundle.

    Attributes:
        digest: also its file name.
        size: bytes.
        media_type: as in the manifest that names it.
    """

    digest: DigestField
    size: Size
    media_type: Line

    @property
    def name(self) -> str:
        """The blob's file in the bundle."""
        return blob_name(self.digest)


class LayerRecord(BlobRecord):
    """A layer as the bundle carries it.

    Attributes:
        diff_id: digest of the uncompressed tar.
        uncompressed: bytes of the uncompressed tar.
    """

    diff_id: DigestField
    uncompressed: Size

    @property
    def is_tar(self) -> bool:
        """Whether its bytes are those of the tar itself, so that they follow from its content."""
        plain = LAYER_COMPRESSION.get(self.media_type) is Compression.NONE
        return plain and self.digest == self.diff_id and self.size == self.uncompressed

    @classmethod
    def of_tar(cls, diff_id: Digest, uncompressed: int, media_type: str) -> LayerRecord:
        """Return the record of a layer that is not compressed."""
        return cls(
            digest=diff_id,
            size=uncompressed,
            media_type=media_type,
            diff_id=diff_id,
            uncompressed=uncompressed,
        )
