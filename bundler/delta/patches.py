"""Makes patches of layers that changed a little, and keeps those that are worth it.

The old layer's tar lies in a file of the cache's while the new one is compared with it; what comes
is a blob of the cache. Both tars are hashed on the way: a patch is of exactly these two layers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bundler.cache import Incoming
from bundler.delta.candidates import Candidate, candidates
from bundler.delta.chosen import ChosenLayers
from bundler.delta.matching import OldTar
from bundler.delta.oldbase import OldBase
from bundler.delta.oldbytes import OldBytes, cached_tar
from bundler.delta.segments import Cutting
from bundler.layers.collect import LayerJob, Workshop
from bundler.layers.facts import LayerFacts
from bundler.layers.recompress import MalformedLayer, Stored, StoredHasher, ZstdSettings
from bundler.progress import Stage
from manifests.base import PATCH_TYPE, PatchRecord
from manifests.bundle.chunks import ChunkedFile
from manifests.digest import Digest
from manifests.mediatype import MediaType
from manifests.patchform import MAX_OPERATIONS

WORTH: Final = 2
"""A patch has to be so many times smaller than the whole layer: a host has to rebuild it."""
WINDOW_LOG: Final = 23
"""Base-2 logarithm of zstd's window: a patch is mostly small, and read beside two other layers."""


@dataclass(frozen=True, slots=True)
class Patch:
    """A patch in the cache.

    Attributes:
        record: as the release has it.
        file: its bytes as a file of the bundle.
    """

    record: PatchRecord
    file: ChunkedFile

    @classmethod
    def of(cls, one: Candidate, stored: Stored, size: int) -> Patch:
        """Return the patch that was stored, of `size` bytes of operations."""
        record = PatchRecord(
            digest=stored.digest,
            size=stored.size,
            media_type=PATCH_TYPE,
            makes=one.new.diff_id,
            old=one.old,
            uncompressed=size,
        )
        chunks = tuple(map(Digest, stored.chunks))
        return cls(record, ChunkedFile(record.name, stored.size, chunks))


def with_patches(
    chosen: ChosenLayers, jobs: Sequence[LayerJob], old: OldBase, shop: Workshop
) -> ChosenLayers:
    """Replace layers by patches where these are much smaller.

    Args:
        chosen: what is left out, and what is not.
        jobs: all layers of the release.
        old: what hosts have.
        shop: where the layers are.
    """
    maker = _Maker(OldBytes(old.sealed, shop.cache), shop)
    found = [(one, maker.make(one)) for one in candidates(jobs, chosen, old)]
    made = {one.new.diff_id: patch for one, patch in found if patch is not None}
    held = chosen.files
    layers = {
        key: _as_tar(facts) if facts.digest in held and key.diff_id in made else facts
        for key, facts in chosen.layers.items()
    }
    base = chosen.base or old.head
    patches = tuple(made[diff_id].record for diff_id in sorted(made))
    files = {patch.record.digest: patch.file for patch in made.values()}
    return replace(
        chosen,
        layers=layers,
        base=base.naming(base.layers, patches),
        patches=files,
    )


def _as_tar(facts: LayerFacts) -> LayerFacts:
    """Name a layer that is rebuilt by its tar: a host could not make the same zstd of it."""
    return facts.model_copy(
        update={
            "digest": facts.diff_id,
            "size": facts.uncompressed,
            "media_type": str(MediaType.OCI_LAYER),
            "chunks": (),
        }
    )


class _Maker:
    def __init__(self, old: OldBytes, shop: Workshop) -> None:
        self._old = old
        self._shop = shop

    def make(self, one: Candidate) -> Patch | None:
        """Return the patch; None where there is none worth it."""
        old = self._old.open(one.old)
        if old is None:
            return None
        with self._shop.cache.incoming() as file:
            tar = OldTar(file.descriptor, Cutting.of_size(one.old.uncompressed))
            try:
                tar.take(old)
            except MalformedLayer:
                return None
            if old.result().diff_id != one.old.diff_id:
                return None
            return self._compare(one, tar)

    def _compare(self, one: Candidate, tar: OldTar) -> Patch | None:
        new = cached_tar(self._shop.cache, one.new)
        with self._shop.cache.incoming() as incoming:
            packing = _Packing(incoming, ZstdSettings(self._shop.settings.level, WINDOW_LOG))
            fits = packing.pack(tar.patch(self._told(new, one)), one.new.size // WORTH)
            if not fits or new.result().diff_id != one.new.diff_id:
                return None
            stored = packing.stored.finish()
            self._shop.cache.adopt(incoming, stored.digest)
        self._shop.cache.saw_made(stored.digest)
        return Patch.of(one, stored, packing.size)

    def _told(self, pieces: Iterable[bytes], one: Candidate) -> Iterator[bytes]:
        progress, subject = self._shop.progress, f"patch {one.new.diff_id.short}"
        progress.expect(Stage.PACK, one.new.uncompressed)
        progress.start(Stage.PACK, subject, one.new.uncompressed)
        try:
            for piece in pieces:
                yield piece
                progress.advance(Stage.PACK, subject, len(piece))
        finally:
            progress.finish(Stage.PACK, subject)


class _Packing:
    """A patch on its way into the cache.

    Attributes:
        stored: what was written so far.
        size: bytes of its operations.
    """

    def __init__(self, incoming: Incoming, settings: ZstdSettings) -> None:
        self.stored = StoredHasher(incoming.write)
        self.size = 0
        self._compress = settings.compressor().compressobj()
        self._written = 0

    def pack(self, operations: Iterator[bytes], most: int) -> bool:
        """Write all; False as soon as it is more than `most` bytes."""
        for number, operation in enumerate(operations):
            self.size += len(operation)
            self._write(self._compress.compress(operation))
            if self._written > most or number > MAX_OPERATIONS:
                return False
        self._write(self._compress.flush())
        return self._written <= most

    def _write(self, data: bytes) -> None:
        if data:
            self.stored.take(data)
            self._written += len(data)
