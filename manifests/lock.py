"""`app.lock.json`: every reference of an app resolved to digests, once.

After this no tag is looked up again. The same lock with the same settings makes the same bundle,
byte for byte; so the times that a bundle carries are the lock's.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from manifests.documents import (
    DigestField,
    Document,
    Instant,
    Line,
    Part,
    PlatformField,
    Product,
    Sequence,
    Size,
    Version,
)
from manifests.release import LayerPolicy

LOCK_LIMIT: Final = 16 * 1024 * 1024
"""Bytes of a lock file."""


class LockedManifest(Part):
    """An image for one platform.

    Attributes:
        platform: as asked for.
        digest: of the image manifest at its source.
        size: bytes of the manifest.
        media_type: of the manifest.
    """

    platform: PlatformField
    digest: DigestField
    size: Size
    media_type: Line


class LockedImage(Part):
    """One reference.

    Attributes:
        reference: full form.
        written: as in the app manifest.
        origin: kind of source: `registry`, `docker`, `oci:PATH`, ...
        digest: what the reference resolved to: an index or a manifest.
        media_type: of that document.
        policy: `zstd` or `original`.
        manifests: one for each platform.
    """

    reference: Line
    written: Line
    origin: Line
    digest: DigestField
    media_type: Line
    policy: Annotated[LayerPolicy, Field(strict=False)]
    manifests: tuple[LockedManifest, ...]


class LockedFile(Part):
    """A file besides images.

    Attributes:
        name: path in the bundle, under `files/`.
        source: path as written, relative to the app manifest.
        digest: of its bytes.
        size: bytes.
        executable: whether it has an executable bit.
    """

    name: Line
    source: Line
    digest: DigestField
    size: Size
    executable: bool = False


class Lock(Document):
    """The whole document; see Release for the meaning of the shared fields."""

    product: Product
    version: Version
    sequence: Sequence
    issued: Instant
    expires: Instant | None = None
    images: tuple[LockedImage, ...]
    files: tuple[LockedFile, ...] = ()

    @classmethod
    def read(cls, raw: bytes) -> Lock:
        """Parse a lock file.

        Raises:
            MoonliftError: it is not one.
        """
        return cls.parse(raw, limit=LOCK_LIMIT, subject="lock")

    def same_content(self, other: Lock) -> bool:
        """Tell whether both lock the same things, whenever they were made."""
        mine = self.model_copy(update={"issued": other.issued, "sequence": other.sequence})
        return mine == other
