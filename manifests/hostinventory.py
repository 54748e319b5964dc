"""What a host has, written down to be carried to where bundles are made.

It is no secret and no proof: a bundle made against it names what it builds on, and the host says
what of that is missing.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from manifests.blobrecord import LayerRecord
from manifests.documents import (
    DigestField,
    Document,
    Instant,
    Line,
    Part,
    Product,
    Sequence,
    Version,
)

INVENTORY_LIMIT: Final = 16 * 1024 * 1024
_MOST: Final = 100_000


class InventoryRelease(Part):
    """A release that was installed.

    Attributes:
        product: name of the app.
        version: of the release.
        sequence: its number.
        sums: its identity.
    """

    product: Product
    version: Version
    sequence: Sequence
    sums: DigestField


class InventoryImage(Part):
    """An image that is there.

    Attributes:
        name: that points to it.
        diff_ids: of its layers, lowest first.
    """

    name: Line
    diff_ids: Annotated[tuple[DigestField, ...], Field(max_length=512)]


class HostInventory(Document):
    """The whole document.

    Attributes:
        made: by the host's clock.
        engine: what it is, for people.
        releases: installed here and still known.
        layers: of these releases, those that are here.
        others: diff IDs of further layers, which an engine takes by what they unpack to.
        images: by name.
    """

    made: Instant
    engine: Line
    releases: Annotated[tuple[InventoryRelease, ...], Field(max_length=_MOST)] = ()
    layers: Annotated[tuple[LayerRecord, ...], Field(max_length=_MOST)] = ()
    others: Annotated[tuple[DigestField, ...], Field(max_length=_MOST)] = ()
    images: Annotated[tuple[InventoryImage, ...], Field(max_length=_MOST)] = ()

    @classmethod
    def read(cls, raw: bytes) -> HostInventory:
        """Parse an inventory.

        Raises:
            MoonliftError: it is none.
        """
        return cls.parse(raw, limit=INVENTORY_LIMIT, subject="inventory")
