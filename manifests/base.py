"""What a difference bundle stands on: layers that a host has already, and patches of old ones.

The format is specified in docs/bundle-format.md, section 14; how a patch is read in `patch`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Annotated, Final

from pydantic import Field

from manifests.blobrecord import BlobRecord, LayerRecord
from manifests.digest import Digest
from manifests.documents import DigestField, Part, Product, Sequence, Size, Version

PATCH_TYPE: Final = "application/vnd.moonlift.layer.patch.v1+zstd"
MAX_BASE_LAYERS: Final = 20_000


class PatchRecord(BlobRecord):
    """A blob from which, with an old layer, a new one is rebuilt.

    Attributes:
        makes: diff ID of the new layer, whose manifest names its uncompressed tar.
        old: the layer that it is a patch of, as the base has it.
        uncompressed: bytes of its operations.
    """

    makes: DigestField
    old: LayerRecord
    uncompressed: Size


class Base(Part):
    """What a host must have before it can take a difference bundle.

    Attributes:
        product: of the release that it is a difference to; None for a host's inventory.
        version: of that release.
        sequence: of that release.
        sums: its identity, where it was known.
        layers: layers of this release's images that the bundle does not hold.
        patches: what the bundle holds in place of other layers.
    """

    product: Product | None = None
    version: Version | None = None
    sequence: Sequence | None = None
    sums: DigestField | None = None
    layers: Annotated[tuple[LayerRecord, ...], Field(max_length=MAX_BASE_LAYERS)] = ()
    patches: Annotated[tuple[PatchRecord, ...], Field(max_length=MAX_BASE_LAYERS)] = ()

    @cached_property
    def left_out(self) -> Mapping[Digest, LayerRecord]:
        """The layers that are not here, by digest."""
        return {layer.digest: layer for layer in self.layers}

    @cached_property
    def patch_of(self) -> Mapping[Digest, PatchRecord]:
        """The patches by the digest of the layer that each makes."""
        return {patch.makes: patch for patch in self.patches}

    def naming(
        self, layers: tuple[LayerRecord, ...], patches: tuple[PatchRecord, ...] = ()
    ) -> Base:
        """Return the same base for other layers; a mere copy would keep what was looked up."""
        return Base(
            product=self.product,
            version=self.version,
            sequence=self.sequence,
            sums=self.sums,
            layers=layers,
            patches=patches,
        )

    def carrier(self, layer: LayerRecord) -> BlobRecord | None:
        """Return the blob that brings a layer: itself or a patch; None for one that is left out."""
        if layer.digest in self.left_out:
            return None
        return self.patch_of.get(layer.digest, layer)

    def check(self, layers: Iterable[LayerRecord]) -> None:
        """Compare with all layers of the release's images.

        Raises:
            ValueError: something here is not theirs, or is told in two ways.
        """
        unseen = {*self.left_out, *self.patch_of}
        if len(unseen) != len(self.layers) + len(self.patches):
            raise ValueError("the base names a layer twice")
        digests = set()
        for layer in layers:
            unseen.discard(layer.digest)
            digests.add(layer.digest)
            if self.left_out.get(layer.digest, layer) != layer:
                raise ValueError(f"the base has another record of {layer.digest}")
            if layer.digest in self.patch_of and not layer.is_tar:
                raise ValueError(f"{layer.digest} can't come of a patch: it is no plain tar")
        for patch in self.patches:
            if patch.media_type != PATCH_TYPE or patch.digest in digests:
                raise ValueError(f"{patch.digest} is no patch")
        if unseen:
            raise ValueError(f"the base names {min(map(str, unseen))}, which is no image's layer")

    @property
    def title(self) -> str:
        """What it is a difference to, for people."""
        if self.product is None:
            return "a host's inventory"
        return f"{self.product} {self.version} (sequence {self.sequence})"
