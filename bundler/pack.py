"""FetchedImages -> PackedBundle: what the bundle holds, to the byte; nothing is written yet.

Decides each image's manifest: the registry's bytes where they are kept, else an OCI manifest over
the recompressed layers. The config, and with it the image ID, never changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bundler.cache import Cache
from bundler.delta.chosen import ChosenLayers
from bundler.fetch import FetchedImage, FetchedManifest
from bundler.layers.collect import LayerKey
from bundler.layers.facts import LayerFacts
from bundler.locking.selftestmark import bundled_name
from bundler.writing.entries import Entry, bytes_entry
from manifests.bundle import layout
from manifests.bundle.chunks import ChunkedFile
from manifests.bundle.sums import Sums
from manifests.digest import Digest
from manifests.layerpolicy import LayerPolicy
from manifests.lock import Lock
from manifests.mediatype import MediaType
from manifests.oci import CONTAINERD_NAME, REF_NAME, Descriptor
from manifests.reference import Reference
from manifests.release import (
    CHUNK_SIZE,
    BlobRecord,
    ChunkTable,
    FileRecord,
    ImageRecord,
    Release,
    WaivedImage,
)
from manifests.strictjson import JsonValue, canonical


@dataclass(frozen=True, slots=True)
class PackedBundle:
    """A bundle that only lacks its signatures.

    Attributes:
        release: what it holds.
        sums: the bytes of SHA256SUMS, which the signatures are over.
        entries: every other file, in the order of the one-file form.
    """

    release: Release
    sums: bytes
    entries: tuple[Entry, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return len(self.sums) + sum(entry.file.size for entry in self.entries)


@dataclass(frozen=True, slots=True)
class _PackedImage:
    """One image for one platform, with the documents that the bundle carries for it."""

    record: ImageRecord
    documents: Mapping[Digest, bytes]
    layers: tuple[LayerFacts, ...]


def pack(
    lock: Lock,
    images: Sequence[FetchedImage],
    chosen: ChosenLayers,
    files: Sequence[Entry],
    cache: Cache,
) -> PackedBundle:
    """Lay out the bundle.

    Args:
        lock: what was resolved.
        images: its documents.
        chosen: every layer; what the bundle holds of them is in the cache.
        files: what the app carries besides images, then tools for the host.
        cache: where the layers' bytes are.
    """
    packed = [one for image in images for one in _pack_image(image, chosen.layers)]
    release = _release(lock, [image.record for image in packed], chosen, files)
    documents = {digest: raw for image in packed for digest, raw in image.documents.items()}
    metadata = [
        bytes_entry(layout.RELEASE, release.canonical()),
        bytes_entry(layout.OCI_LAYOUT, layout.OCI_LAYOUT_BYTES),
        bytes_entry(layout.INDEX, _index_json(release)),
        bytes_entry(layout.DOCKER_MANIFEST, _docker_manifest(release)),
    ]
    held = chosen.files
    blobs = [_blob(record, documents, held, cache) for record in release.blobs()]
    small = [entry for entry in blobs if entry.digest in documents]
    large = [entry for entry in blobs if entry.digest not in documents]
    entries = (*metadata, *small, *files, *large)
    sums = Sums({entry.name: entry.digest for entry in entries}).render()
    return PackedBundle(release, sums, entries)


def _pack_image(
    image: FetchedImage, layers: Mapping[LayerKey, LayerFacts]
) -> Iterator[_PackedImage]:
    keep = image.locked.policy is LayerPolicy.ORIGINAL
    carried = [_carry(one, layers, image.locked.policy) for one in image.manifests]
    index: tuple[BlobRecord, bytes] | None = None
    if keep and image.index is not None:
        index = _document(image.index.media_type, image.index.raw), image.index.raw
    elif len(carried) > 1:
        index = _new_index([(one, record) for one, (record, _, _) in _zip(image, carried)])
    for one, (manifest, raw, facts) in _zip(image, carried):
        config = one.config.raw
        documents = {manifest.digest: raw, Digest.of(config): config}
        if index is not None:
            documents[index[0].digest] = index[1]
        record = ImageRecord(
            name=bundled_name(image.reference),
            written=image.locked.written,
            platform=one.config.platform,
            target=index[0].digest if index else manifest.digest,
            manifest=manifest,
            config=_config_record(one, manifest.media_type),
            layers=tuple(layer.record for layer in facts),
            index=index[0] if index else None,
            policy=image.locked.policy,
            origin=image.locked.origin,
            source_digest=image.locked.digest,
        )
        yield _PackedImage(record, documents, facts)


_Carried = tuple[BlobRecord, bytes, tuple[LayerFacts, ...]]


def _zip(
    image: FetchedImage, carried: list[_Carried]
) -> Iterator[tuple[FetchedManifest, _Carried]]:
    return zip(image.manifests, carried, strict=True)


def _carry(
    one: FetchedManifest, layers: Mapping[LayerKey, LayerFacts], policy: LayerPolicy
) -> _Carried:
    """Return the manifest that the bundle carries, and its layers."""
    facts = tuple(
        layers[LayerKey(layer.digest, layer.media_type, diff_id, policy)]
        for layer, diff_id in one.layers
    )
    if policy is LayerPolicy.ORIGINAL:
        raw = one.manifest.raw
        return _document(one.manifest.media_type, raw), raw, facts
    raw = _oci_manifest(one, facts)
    return _document(MediaType.OCI_MANIFEST, raw), raw, facts


def _oci_manifest(one: FetchedManifest, facts: Sequence[LayerFacts]) -> bytes:
    """Source: OCI image-spec, manifest.md."""
    config = Descriptor(MediaType.OCI_CONFIG, one.manifest.config.digest, one.manifest.config.size)
    descriptors = [Descriptor(fact.media_type, fact.digest, fact.size) for fact in facts]
    return canonical(
        {
            "schemaVersion": 2,
            "mediaType": str(MediaType.OCI_MANIFEST),
            "config": config.to_json(),
            "layers": [descriptor.to_json() for descriptor in descriptors],
        }
    )


def _new_index(
    members: Sequence[tuple[FetchedManifest, BlobRecord]],
) -> tuple[BlobRecord, bytes]:
    """Several recompressed platforms under one name. Source: OCI image-spec, image-index.md."""
    descriptors = [
        Descriptor(record.media_type, record.digest, record.size, one.config.platform)
        for one, record in members
    ]
    raw = canonical(
        {
            "schemaVersion": 2,
            "mediaType": str(MediaType.OCI_INDEX),
            "manifests": [descriptor.to_json() for descriptor in descriptors],
        }
    )
    return _document(MediaType.OCI_INDEX, raw), raw


def _config_record(one: FetchedManifest, manifest_type: str) -> BlobRecord:
    kept = manifest_type == one.manifest.media_type
    media_type = one.manifest.config.media_type if kept else MediaType.OCI_CONFIG
    return _document(media_type, one.config.raw)


def _document(media_type: str, raw: bytes) -> BlobRecord:
    return BlobRecord(digest=Digest.of(raw), size=len(raw), media_type=str(media_type))


def _release(
    lock: Lock,
    images: Sequence[ImageRecord],
    chosen: ChosenLayers,
    files: Sequence[Entry],
) -> Release:
    chunked = [*chosen.files.values(), *(entry.file for entry in files)]
    table = {
        file.name: tuple(digest.hex for digest in file.chunks)
        for file in chunked
        if file.size > CHUNK_SIZE
    }
    return Release(
        product=lock.product,
        version=lock.version,
        sequence=lock.sequence,
        issued=lock.issued,
        expires=lock.expires,
        images=tuple(images),
        files=_records(files, layout.FILES),
        tools=_records(files, layout.TOOLS),
        waived=tuple(WaivedImage(image=one.image, reason=one.reason) for one in lock.waived),
        selftest=lock.selftest,
        run=lock.run.without_lines() if lock.run else None,
        prune=lock.prune,
        chunks=ChunkTable(files=table),
        base=chosen.base,
    )


def _records(files: Sequence[Entry], folder: str) -> tuple[FileRecord, ...]:
    return tuple(_file_record(entry) for entry in files if entry.name.startswith(folder))


def _file_record(entry: Entry) -> FileRecord:
    return FileRecord(
        name=entry.name,
        digest=entry.digest,
        size=entry.file.size,
        executable=entry.executable,
    )


def _index_json(release: Release) -> bytes:
    """Source: OCI image-layout.md, "index.json file"."""
    descriptors: dict[tuple[str, Digest], JsonValue] = {}
    for image in release.images:
        target = image.index or image.manifest
        descriptor = Descriptor(
            target.media_type,
            target.digest,
            target.size,
            None if image.index else image.platform,
            {REF_NAME: image.name, CONTAINERD_NAME: image.name},
        )
        descriptors[image.name, target.digest] = descriptor.to_json()
    return canonical(
        {
            "schemaVersion": 2,
            "mediaType": str(MediaType.OCI_INDEX),
            "manifests": list(descriptors.values()),
        }
    )


def _docker_manifest(release: Release) -> bytes:
    """The same images as `docker load` of an engine without OCI layouts reads them.

    A name can have one image there: the first platform has it. Source: moby, image spec v1.2,
    "Combined Image JSON + Filesystem Changeset Format".
    """
    named: set[str] = set()
    images: list[JsonValue] = []
    for image in release.images:
        tagged = Reference.parse(image.name)
        tags: list[JsonValue] = []
        if tagged.tag and image.name not in named:
            tags.append(tagged.familiar)
        named.add(image.name)
        images.append(
            {
                "Config": image.config.name,
                "RepoTags": tags or None,
                "Layers": [layer.name for layer in image.layers],
            }
        )
    return canonical(images)


def _blob(
    record: BlobRecord,
    documents: Mapping[Digest, bytes],
    files: Mapping[Digest, ChunkedFile],
    cache: Cache,
) -> Entry:
    if record.digest in documents:
        return bytes_entry(record.name, documents[record.digest])
    path, witness = cache.blob_path(record.digest), cache.made(record.digest)
    return Entry(files[record.digest], record.digest, path, witness=witness)
