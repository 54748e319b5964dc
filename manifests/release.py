"""`release.json`: what one signed, numbered bundle of a product holds.

Specified in docs/bundle-format.md. The chunk table names a sha256 for every 8 MiB of every file
larger than that; the one chunk of a smaller file is the file, whose digest SHA256SUMS has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Final

from pydantic import Field, StringConstraints, model_validator

from manifests.base import Base
from manifests.blobrecord import BlobRecord, LayerRecord
from manifests.bundle.layout import FILES, TOOLS
from manifests.bundle.parityrecord import ParityRecord
from manifests.digest import Digest
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
from manifests.layerpolicy import LayerPolicy
from manifests.prunerules.policy import PrunePolicy
from manifests.runspec import RunSpec

__all__ = ["BlobRecord", "LayerRecord"]

RELEASE_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of release.json: some 480 GB of layers."""
CHUNK_SIZE: Final = 8 * 1024 * 1024
"""Bytes that are read, hashed and handed on at once."""
MAX_IMAGES: Final = 2000


class ImageRecord(Part):
    """One image for one platform.

    Attributes:
        name: full reference that the engine shall know it by.
        written: the reference as the app manifest has it.
        platform: where it runs.
        target: digest that `index.json` names: of the manifest, or of the index that holds it.
        manifest: the image manifest.
        config: the image config; its digest is the image ID.
        layers: lowest first.
        index: the source's index, kept when the image keeps its registry bytes.
        policy: `zstd` or `original`: what packing did.
        origin: the kind of source it came from.
        source_digest: what the reference resolved to at its source; None for a local engine.
    """

    name: Line
    written: Line
    platform: PlatformField
    target: DigestField
    manifest: BlobRecord
    config: BlobRecord
    layers: Annotated[tuple[LayerRecord, ...], Field(max_length=512)]
    index: BlobRecord | None = None
    policy: Annotated[LayerPolicy, Field(strict=False)]
    origin: Line
    source_digest: DigestField | None = None

    @property
    def image_id(self) -> Digest:
        """The digest of the config: the same before, in and after the bundle."""
        return self.config.digest

    @property
    def diff_ids(self) -> tuple[Digest, ...]:
        """Digests of the uncompressed layers, lowest first."""
        return tuple(layer.diff_id for layer in self.layers)

    @property
    def documents(self) -> tuple[BlobRecord, ...]:
        """Index, manifest and config: the small blobs, read before any layer."""
        return (*([self.index] if self.index else []), self.manifest, self.config)

    @property
    def blobs(self) -> tuple[BlobRecord, ...]:
        """Every blob of the image, documents first."""
        return (*self.documents, *self.layers)


class FileRecord(Part):
    """A file besides images: the app's, or a tool for the host.

    Attributes:
        name: path in the bundle, under `files/` or `tools/`.
        digest: of its bytes.
        size: bytes.
        executable: whether it had an executable bit when packed.
    """

    name: Line
    digest: DigestField
    size: Size
    executable: bool = False


class WaivedImage(Part):
    """An image that the app names and that the bundle does not hold, as its makers decided.

    Attributes:
        image: as the app's files name it.
        reason: in the makers' words.
    """

    image: Line
    reason: Line


HexDigest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ChunkTable(Part):
    """Digests of consecutive chunks of the larger files.

    Attributes:
        size: bytes of every chunk but the last of a file.
        files: bundle file name to the hexadecimal sha256 of each chunk, in order.
    """

    size: Annotated[int, Field(ge=CHUNK_SIZE, le=CHUNK_SIZE)] = CHUNK_SIZE
    files: dict[Line, tuple[HexDigest, ...]] = Field(default_factory=dict)


class Release(Document):
    """The whole document.

    Attributes:
        product: name of the app.
        version: for people; any text without spaces.
        sequence: grows with each release of the product; decides what is newer.
        issued: when the lock was made.
        expires: after this the host refuses it; None for never.
        images: in the order in which they are loaded.
        files: besides images.
        tools: programs for the host, such as the installer itself; not placed there.
        waived: images that the app names and that are not here.
        selftest: name of the image that proves a host; None when there is none.
        run: what runs of it; None where it only brings images.
        base: what it is a difference to; None for a complete bundle.
        prune: what may be removed once it runs; None for nothing.
        chunks: the chunk table.
        parity: what restores damaged files; None where nothing does.
    """

    product: Product
    version: Version
    sequence: Sequence
    issued: Instant
    expires: Instant | None = None
    images: Annotated[tuple[ImageRecord, ...], Field(max_length=MAX_IMAGES)]
    files: Annotated[tuple[FileRecord, ...], Field(max_length=10_000)] = ()
    tools: Annotated[tuple[FileRecord, ...], Field(max_length=100)] = ()
    waived: Annotated[tuple[WaivedImage, ...], Field(max_length=MAX_IMAGES)] = ()
    selftest: Line | None = None
    run: RunSpec | None = None
    prune: PrunePolicy | None = None
    base: Base | None = None
    chunks: ChunkTable = ChunkTable()
    parity: ParityRecord | None = None

    @model_validator(mode="after")
    def _in_their_folders(self) -> Release:
        for folder, files in ((FILES, self.files), (TOOLS, self.tools)):
            for file in files:
                if not file.name.startswith(folder):
                    raise ValueError(f"expected a name below {folder}, found {file.name}")
        return self

    @model_validator(mode="after")
    def _builds_on_base(self) -> Release:
        if self.base is not None:
            self.base.check(layer for image in self.images for layer in image.layers)
        return self

    @model_validator(mode="after")
    def _consistent(self) -> Release:
        if self.selftest is not None and not self.selftest_images:
            raise ValueError(f"no image {self.selftest}, which is to prove a host")
        names = {image.name for image in self.images}
        for service in self.run.services if self.run else ():
            if service.image not in names:
                raise ValueError(f"no image {service.image}, which service {service.name} runs")
        sizes = self.sizes()
        for name, chunks in self.chunks.files.items():
            size = sizes.get(name)
            if size is None or len(chunks) != -(-size // CHUNK_SIZE):
                raise ValueError(f"chunk table of {name} does not fit its size")
        for name, size in sizes.items():
            if size > CHUNK_SIZE and name not in self.chunks.files:
                raise ValueError(f"no chunk table for {name}")
        return self

    @model_validator(mode="after")
    def _covered(self) -> Release:
        if self.parity is not None:
            parity = {name for name, _, _ in self.parity.files}
            sizes = (size for name, size in self.sizes().items() if name not in parity)
            self.parity.check_covers(sum(sizes) + sum(self.parity.sizes.values()))
        return self

    def carrier(self, layer: LayerRecord) -> BlobRecord | None:
        """Return the blob that brings a layer; None for one that a host must have already."""
        return layer if self.base is None else self.base.carrier(layer)

    def carriers(self, layers: Iterable[LayerRecord]) -> tuple[BlobRecord, ...]:
        """Return the blobs that bring some layers, as often as they are named."""
        found = (self.carrier(layer) for layer in layers)
        return tuple(blob for blob in found if blob is not None)

    def blobs(self) -> Iterator[BlobRecord]:
        """Yield each distinct blob once: every document first, then layers in load order."""
        seen: set[Digest] = set()
        for record in self._every_blob():
            if record.digest not in seen:
                seen.add(record.digest)
                yield record

    def _every_blob(self) -> Iterator[BlobRecord]:
        for image in self.images:
            yield from image.documents
        for image in self.images:
            yield from self.carriers(image.layers)

    def sizes(self) -> dict[str, int]:
        """Return the size in bytes of every blob and file, by bundle file name.

        Raises:
            ValueError: the document gives one file two sizes or two digests.
        """
        sizes: dict[str, int] = {}
        records = [(blob.name, blob.size) for blob in self._every_blob()]
        records += [(file.name, file.size) for file in (*self.carried, *self.parity_files)]
        for name, size in records:
            if sizes.setdefault(name, size) != size:
                raise ValueError(f"{name} has two sizes")
        return sizes

    @property
    def carried(self) -> tuple[FileRecord, ...]:
        """Everything besides images and our own documents, in the order of the one-file form."""
        return (*self.files, *self.tools)

    @property
    def parity_files(self) -> tuple[FileRecord, ...]:
        """The files that restore others, in the order of the one-file form, where they are last."""
        files = self.parity.files if self.parity else ()
        return tuple(FileRecord(name=one, digest=digest, size=size) for one, size, digest in files)

    @property
    def selftest_images(self) -> tuple[ImageRecord, ...]:
        """The image that proves a host, once for each platform; none when there is none."""
        return tuple(image for image in self.images if image.name == self.selftest)

    @property
    def blob_bytes(self) -> int:
        """Bytes of all distinct blobs."""
        return sum(blob.size for blob in self.blobs())

    @classmethod
    def read(cls, raw: bytes) -> Release:
        """Parse `release.json`.

        Raises:
            MoonliftError: it is not one.
        """
        return cls.parse(raw, limit=RELEASE_LIMIT, subject="release.json")
