"""`app.lock.json`: every reference of an app resolved to digests, once.

After this no tag is looked up again. The same lock with the same settings makes the same bundle,
byte for byte; so the times that a bundle carries are the lock's. Places are for people: they move
with every line that is added above them, and make no new release.
"""

from __future__ import annotations

from collections.abc import Iterable
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
from manifests.jsonschema import document_schema
from manifests.layerpolicy import LayerPolicy
from manifests.prunerules.policy import PrunePolicy
from manifests.release import WaivedImage
from manifests.runspec import RunSpec
from manifests.workload import Workload

LOCK_LIMIT: Final = 16 * 1024 * 1024
"""Bytes of a lock file."""
Places = tuple[Line, ...]
"""`compose.yaml:14: service web`: file, line and who names the image there."""


class LockedManifest(Part):
    """An image for one platform.

    Attributes:
        platform: as asked for.
        digest: of the image manifest at its source.
        size: bytes of the manifest.
        media_type: of the manifest.
        layers_size: bytes of its layers, compressed as at the source.
    """

    platform: PlatformField
    digest: DigestField
    size: Size
    media_type: Line
    layers_size: Size


class LockedImage(Part):
    """One reference.

    Attributes:
        reference: full form.
        written: as in the app manifest, or in the source that names it first.
        origin: kind of source: `registry`, `docker`, `oci:PATH`, ...
        digest: what the reference resolved to: an index or a manifest.
        media_type: of that document.
        policy: `zstd` or `original`.
        platforms: that were asked for.
        manifests: one for each platform; one alone where it serves several.
        places: that name it.
    """

    reference: Line
    written: Line
    origin: Line
    digest: DigestField
    media_type: Line
    policy: Annotated[LayerPolicy, Field(strict=False)]
    platforms: tuple[PlatformField, ...]
    manifests: tuple[LockedManifest, ...]
    places: Places = ()


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


class LockedGpu(Part):
    """A request for GPUs.

    Attributes:
        by: who asks, in the words of its file.
        count: for one instance; absent for all that the host has.
        devices: indices or UUIDs that are asked for by name.
        place: of the request.
    """

    by: Line
    count: Annotated[int, Field(ge=0)] | None = None
    devices: tuple[Line, ...] = ()
    place: Line = ""


class LockedWaiver(WaivedImage):
    """An image that is left out.

    Attributes:
        image: as the app's files name it.
        reason: in the makers' words.
        places: that name it.
    """

    places: Places = ()


class Lock(Document):
    """The whole document.

    Attributes:
        schema: version of this format.
        product: name of the app.
        version: for people.
        sequence: grows with each release of the product; decides what is newer.
        issued: when the lock was made.
        expires: after this hosts refuse the bundle; absent for never.
        images: in the order in which they are loaded.
        files: besides images.
        gpus: that the app's files ask for.
        workloads: what a scheduler's files say about running the images.
        waived: images that the app's files name and that are left out.
        selftest: name of the image that proves a host; absent when there is none.
        run: what runs of it; absent where it only brings images.
        prune: what may be removed once it runs; absent for nothing.
    """

    product: Product
    version: Version
    sequence: Sequence
    issued: Instant
    expires: Instant | None = None
    images: tuple[LockedImage, ...]
    files: tuple[LockedFile, ...] = ()
    gpus: tuple[LockedGpu, ...] = ()
    workloads: tuple[Workload, ...] = ()
    waived: tuple[LockedWaiver, ...] = ()
    selftest: Line | None = None
    run: RunSpec | None = None
    prune: PrunePolicy | None = None

    @classmethod
    def read(cls, raw: bytes) -> Lock:
        """Parse a lock file.

        Raises:
            MoonliftError: it is not one.
        """
        return cls.parse(raw, limit=LOCK_LIMIT, subject="lock")

    def same_content(self, other: Lock) -> bool:
        """Tell whether both lock the same things, whenever made and wherever named."""
        mine = self.model_copy(update={"issued": other.issued, "sequence": other.sequence})
        return mine.without_places() == other.without_places()

    def without_places(self) -> Lock:
        """Return the lock without the places of its parts."""
        update = {
            "images": _emptied(self.images, places=()),
            "gpus": _emptied(self.gpus, place=""),
            "workloads": _emptied(self.workloads, place=""),
            "waived": _emptied(self.waived, places=()),
            "run": self.run.without_lines() if self.run else None,
        }
        return self.model_copy(update=update)


def _emptied(parts: Iterable[Part], **fields: object) -> tuple[Part, ...]:
    return tuple(part.model_copy(update=fields) for part in parts)


def lock_schema() -> bytes:
    """Return the JSON Schema (draft 2020-12) of `app.lock.json`."""
    return document_schema(
        Lock, "moonlift lock", "Every image of an app resolved to digests: `bundle resolve`."
    )
