"""A source of bytes for engines that need none: where no bundle is, names move all the same."""

from __future__ import annotations

from collections.abc import Iterator

from manifests.digest import Digest
from manifests.release import BlobRecord, ImageRecord, LayerRecord


class NoSource:
    """Holds nothing; what asks it all the same has a bug."""

    def document(self, digest: Digest) -> bytes:
        """There is none."""
        raise AssertionError(f"{digest} was asked for without a bundle")

    def stored(self, blob: BlobRecord) -> Iterator[memoryview]:
        """There is none."""
        raise AssertionError(f"{blob.name} was asked for without a bundle")

    def unpacked(self, layer: LayerRecord) -> Iterator[memoryview]:
        """There is none."""
        raise AssertionError(f"{layer.name} was asked for without a bundle")

    @property
    def repeatable(self) -> bool:
        """There is nothing to read twice."""
        return False

    @property
    def complete(self) -> bool:
        """There is no layer at all."""
        return False

    def at_work(self, image: ImageRecord, how_far: str) -> None:
        """Nothing is at work."""
