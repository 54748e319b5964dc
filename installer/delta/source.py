"""Where an engine's bytes come from when the bundle does not hold all of them.

Stands before the bundle's own source: what the bundle holds passes through, what it leaves out
comes from the old bundle or from the stock of old layers.
"""

from __future__ import annotations

from collections.abc import Iterator

from installer.delta.needs import Regain
from installer.delta.stock import Stock
from installer.running.expand import ChunkReader
from installer.running.source import BundleSource
from manifests.base import PatchRecord
from manifests.digest import Digest, new_hash
from manifests.patchform import PatchSizes, apply_patch, malformed
from manifests.release import BlobRecord, ImageRecord, LayerRecord


class DeltaSource:
    """The bytes of one difference bundle for one load."""

    def __init__(self, bundle: BundleSource, regain: Regain, stock: Stock) -> None:
        self._bundle = bundle
        self._release = regain.release
        self._stock = stock
        self._old = regain.old
        self._layers = {
            layer.digest: layer for image in regain.release.images for layer in image.layers
        }

    @property
    def repeatable(self) -> bool:
        """As the bundle's."""
        return self._bundle.repeatable

    @property
    def complete(self) -> bool:
        """What the bundle leaves out is here only as far as the engine lacks it."""
        return False

    def document(self, digest: Digest) -> bytes:
        """Return an index, manifest or config: a bundle has all of them."""
        return self._bundle.document(digest)

    def stored(self, blob: BlobRecord) -> Iterator[memoryview]:
        """Yield a layer as its manifest names it."""
        layer = self._layers[blob.digest]
        if self._release.carrier(layer) is layer:
            return self._bundle.stored(layer)
        if self._old is not None and layer.digest in self._old.by_digest:
            return self._bundle.beside(self._old.sealed).stored(layer)
        return self.unpacked(layer)

    def unpacked(self, layer: LayerRecord) -> Iterator[memoryview]:
        """Yield a layer's tar."""
        carrier = self._release.carrier(layer)
        if carrier is layer:
            return self._bundle.unpacked(layer)
        if isinstance(carrier, PatchRecord):
            return self._rebuilt(layer, carrier)
        if self._old is not None and layer.diff_id in self._old.by_diff_id:
            old = self._old.by_diff_id[layer.diff_id]
            return self._bundle.beside(self._old.sealed).unpacked(old)
        return self._passing(self._stock.read(layer.diff_id))

    def _rebuilt(self, layer: LayerRecord, patch: PatchRecord) -> Iterator[memoryview]:
        """Yield the tar that a patch makes; what is wrong is told before its last byte."""
        sizes = PatchSizes(patch.name, patch.old.uncompressed, layer.uncompressed)
        operations = ChunkReader(self._bundle.unpacked(patch))
        hasher, left = new_hash(), layer.uncompressed
        with self._stock.opened(patch.old.diff_id) as read_old:
            for piece in apply_patch(sizes, operations, read_old):
                hasher.update(piece)
                left -= len(piece)
                if not left and Digest.from_hash(hasher) != layer.diff_id:
                    raise malformed(patch.name, f"it makes {Digest.from_hash(hasher)}")
                yield piece
        if not layer.uncompressed and Digest.from_hash(hasher) != layer.diff_id:
            raise malformed(patch.name, "it makes nothing")

    def _passing(self, pieces: Iterator[memoryview]) -> Iterator[memoryview]:
        for piece in pieces:
            self._bundle.tick()
            yield piece

    def at_work(self, image: ImageRecord, how_far: str) -> None:
        """Pass on that the engine has all of an image and unpacks it."""
        self._bundle.at_work(image, how_far)
