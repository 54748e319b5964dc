"""Signed bundles made in memory from made images, without the bundler.

    key = new_key(tmp_path / "key")
    bundle = make_bundle(tmp_path / "viz", {"docker.io/acme/viz:1": spec}, key)

Unlike the rest of support this stands on `manifests`, whose writers have tests of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

from bundler.sign import open_signer
from bundler.verbs.keygen import generate_key
from manifests.bundle import layout
from manifests.bundle.chunks import ChunkHasher
from manifests.bundle.sums import Sums, signature_name
from manifests.bundle.tarform import END, header, padding, part_name
from manifests.digest import Digest
from manifests.layerpolicy import LayerPolicy
from manifests.oci import CONTAINERD_NAME, REF_NAME, Descriptor
from manifests.platform import Platform
from manifests.prunerules.policy import PrunePolicy
from manifests.release import (
    CHUNK_SIZE,
    BlobRecord,
    ChunkTable,
    FileRecord,
    ImageRecord,
    LayerRecord,
    Release,
    WaivedImage,
)
from manifests.runspec import RunSpec
from manifests.seals.sshkey import PublicKey
from manifests.strictjson import JsonValue, canonical
from tests.support.images import Blob, BuiltImage, ImageSpec, Spec
from tests.support.parity import parity_of

CHUNKING = (
    "bundler.drive.copy",
    "bundler.drive.targets",
    "manifests.bundle.chunks",
    "manifests.release",
    "tests.support.bundles",
)
"""Modules that cut files into chunks."""
ISSUED = datetime(2026, 6, 1, tzinfo=UTC)


@dataclass(frozen=True)
class SigningKey:
    """A key pair on disk."""

    path: Path

    @cached_property
    def public(self) -> PublicKey:
        return PublicKey.from_line(self.public_path.read_text())

    @property
    def public_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.pub")

    def sign(self, message: bytes) -> bytes:
        return open_signer(self.path).sign(message)


@dataclass(frozen=True)
class Facts:
    """What a release says besides its images."""

    product: str = "viz"
    version: str = "1.0.0"
    sequence: int = 1
    issued: datetime = ISSUED
    expires: datetime | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)
    waived: Mapping[str, str] = field(default_factory=dict)
    selftest: str | None = None
    run: RunSpec | None = None
    prune: PrunePolicy | None = None
    parity: int = 0


@dataclass(frozen=True)
class Bundle:
    """A bundle's files in the order of the one-file form.

    Attributes:
        path: its folder; written.
        release: what it holds.
        files: name to content.
    """

    path: Path
    release: Release
    files: Mapping[str, bytes]

    def tar(self) -> bytes:
        """Return the one-file form."""
        pieces = [
            part
            for name, data in self.files.items()
            for part in (header(name, len(data)), data, padding(len(data)))
        ]
        return b"".join([*pieces, END])

    def write_tar(self, path: Path) -> Path:
        path.write_bytes(self.tar())
        return path

    def write_parts(self, path: Path, size: int) -> Path:
        """Write the one-file form in parts beside `path`; return the first."""
        data = self.tar()
        for number, start in enumerate(range(0, len(data), size), start=1):
            path.with_name(part_name(path.name, number)).write_bytes(data[start : start + size])
        return path.with_name(part_name(path.name, 1))


@contextmanager
def small_chunks(size: int) -> Iterator[None]:
    """Let chunks be of `size` bytes, in bundles that are made and read in the block."""
    with ExitStack() as stack:
        for name in CHUNKING:
            stack.enter_context(patch.object(import_module(name), "CHUNK_SIZE", size))
        yield


def new_key(path: Path) -> SigningKey:
    return SigningKey(generate_key(path, comment="tests", passphrase=None).private)


def make_bundle(
    folder: Path,
    images: Mapping[str, Spec],
    *keys: SigningKey,
    facts: Facts | None = None,
) -> Bundle:
    """Write a signed bundle; several specs of one name are one IndexSpec."""
    facts = facts or Facts()
    made = [_Made.of(name, spec) for name, spec in images.items()]
    blobs = {digest: data for one in made for digest, data in one.blobs.items()}
    files = {f"{layout.FILES}{name}": data for name, data in facts.files.items()}
    records = tuple(record for one in made for record in one.records)
    release = _release(facts, records, blobs, files)
    documents = {blob.digest for image in release.images for blob in image.documents}
    ordered = [blob for blob in release.blobs() if blob.digest in documents]
    late = [blob for blob in release.blobs() if blob.digest not in documents]
    covered = {
        layout.OCI_LAYOUT: layout.OCI_LAYOUT_BYTES,
        layout.INDEX: _index(release),
        layout.DOCKER_MANIFEST: b"[]",
        **{blob.name: blobs[blob.digest] for blob in ordered},
        **files,
        **{blob.name: blobs[blob.digest] for blob in late},
    }
    parity: dict[str, bytes] = {}
    if facts.parity:
        record, parity = parity_of(covered, facts.parity)
        chunks = ChunkTable(files={**release.chunks.files, **_tables(parity)})
        release = release.model_copy(update={"parity": record, "chunks": chunks})
    content = {layout.RELEASE: release.canonical(), **covered, **parity}
    bundle = Bundle(folder, release, {**_seal(content, keys), **content})
    for name, data in bundle.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return bundle


@dataclass(frozen=True)
class _Made:
    records: tuple[ImageRecord, ...]
    blobs: Mapping[Digest, bytes]

    @classmethod
    def of(cls, name: str, spec: Spec) -> _Made:
        if isinstance(spec, ImageSpec):
            return cls(*_image(name, spec, spec.build(), None))
        index = spec.build().index
        blobs = {Digest.parse(index.digest): index.data}
        records: list[ImageRecord] = []
        for one in spec.images:
            more, found = _image(name, one, one.build(), index)
            records += more
            blobs |= found
        return cls(tuple(records), blobs)


def _image(
    name: str, spec: ImageSpec, built: BuiltImage, index: Blob | None
) -> tuple[tuple[ImageRecord, ...], dict[Digest, bytes]]:
    layers = tuple(
        LayerRecord(
            digest=Digest.parse(blob.digest),
            size=len(blob.data),
            media_type=blob.media_type,
            diff_id=Digest.parse(diff_id),
            uncompressed=size,
        )
        for blob, diff_id, size in zip(
            built.layers, built.diff_ids, built.uncompressed, strict=True
        )
    )
    record = ImageRecord(
        name=name,
        written=name,
        platform=Platform.parse(spec.platform),
        target=Digest.parse((index or built.manifest).digest),
        manifest=_record(built.manifest),
        config=_record(built.config),
        layers=layers,
        index=_record(index) if index else None,
        policy=LayerPolicy.ORIGINAL,
        origin="registry",
    )
    return (record,), {Digest.parse(blob.digest): blob.data for blob in built.blobs}


def _record(blob: Blob) -> BlobRecord:
    return BlobRecord(
        digest=Digest.parse(blob.digest), size=len(blob.data), media_type=blob.media_type
    )


def _release(
    facts: Facts,
    records: tuple[ImageRecord, ...],
    blobs: Mapping[Digest, bytes],
    files: Mapping[str, bytes],
) -> Release:
    named = {layout.blob_name(digest): data for digest, data in blobs.items()} | dict(files)
    used = {blob.name for record in records for blob in record.blobs} | set(files)
    chunks = {
        name: _chunks(data)
        for name, data in named.items()
        if len(data) > CHUNK_SIZE and name in used
    }
    return Release(
        product=facts.product,
        version=facts.version,
        sequence=facts.sequence,
        issued=facts.issued,
        expires=facts.expires,
        images=records,
        files=tuple(
            FileRecord(name=name, digest=Digest.of(data), size=len(data))
            for name, data in files.items()
        ),
        waived=tuple(WaivedImage(image=image, reason=why) for image, why in facts.waived.items()),
        selftest=facts.selftest,
        run=facts.run,
        prune=facts.prune,
        chunks=ChunkTable(files=chunks),
    )


def _tables(files: Mapping[str, bytes]) -> dict[str, tuple[str, ...]]:
    return {name: _chunks(data) for name, data in files.items() if len(data) > CHUNK_SIZE}


def _chunks(data: bytes) -> tuple[str, ...]:
    hasher = ChunkHasher()
    hasher.update(data)
    return hasher.finish()


def _index(release: Release) -> bytes:
    entries: dict[tuple[str, Digest], JsonValue] = {}
    for image in release.images:
        target = image.index or image.manifest
        names = {REF_NAME: image.name, CONTAINERD_NAME: image.name}
        one = Descriptor(target.media_type, target.digest, target.size, None, names)
        entries[image.name, target.digest] = one.to_json()
    return canonical({"schemaVersion": 2, "manifests": list(entries.values())})


def _seal(content: Mapping[str, bytes], keys: tuple[SigningKey, ...]) -> dict[str, bytes]:
    digests = {name: Digest(hashlib.sha256(data).hexdigest()) for name, data in content.items()}
    sums = Sums(digests).render()
    signatures = {
        signature_name(number): key.sign(sums) for number, key in enumerate(keys, start=1)
    }
    return {layout.SUMS: sums, **signatures}
