"""How each layer travels: whole, as a patch, or not at all; pure.

A layer whose manifest is written anew is named as the base has it, so that a store that knows blobs
by digest finds it there. One that keeps its registry's manifest is left out only where the base has
the very same bytes, or knows layers by content alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from bundler.delta.oldbase import OldBase
from bundler.layers.collect import LayerJob, LayerKey
from bundler.layers.facts import LayerFacts
from manifests.base import Base
from manifests.bundle.chunks import ChunkedFile
from manifests.digest import Digest
from manifests.layerpolicy import LayerPolicy
from manifests.mediatype import LAYER_COMPRESSION, Compression, MediaType
from manifests.release import LayerRecord

_OWN_TYPE: Final = {
    Compression.NONE: MediaType.OCI_LAYER,
    Compression.GZIP: MediaType.OCI_LAYER_GZIP,
    Compression.ZSTD: MediaType.OCI_LAYER_ZSTD,
}
"""What a manifest of ours calls a layer."""


@dataclass(frozen=True, slots=True)
class ChosenLayers:
    """What the bundle says of every layer, and what it holds of them.

    Attributes:
        layers: each as its image's manifest names it.
        base: what hosts must have; None for a complete bundle.
        patches: files of the bundle in place of layers, by digest.
    """

    layers: Mapping[LayerKey, LayerFacts]
    base: Base | None = None
    patches: Mapping[Digest, ChunkedFile] = field(default_factory=dict)

    @property
    def files(self) -> Mapping[Digest, ChunkedFile]:
        """The blobs of layers and patches that the bundle holds, by digest."""
        left_out = {*self.base.left_out, *self.base.patch_of} if self.base else set()
        whole = {
            facts.digest: facts.file
            for facts in self.layers.values()
            if facts.digest not in left_out
        }
        return {**whole, **self.patches}

    def settled(self) -> ChosenLayers:
        """Return the same as a complete bundle where nothing is left to the host."""
        used = self.base is not None and (self.base.layers or self.base.patches)
        return self if used else replace(self, base=None)


def needless(job: LayerJob, old: OldBase | None) -> LayerFacts | None:
    """Return what is known of a layer that need not even be fetched; None for all others."""
    if old is None:
        return None
    if job.policy is LayerPolicy.ORIGINAL:
        found = old.by_digest.get(job.wanted.descriptor.digest)
        same = found is not None and found.media_type == job.wanted.descriptor.media_type
        return _facts(found) if found and same and found.diff_id == job.diff_id else None
    found = old.by_diff_id.get(job.diff_id)
    compression = LAYER_COMPRESSION.get(found.media_type) if found is not None else None
    if found is None or compression is None:
        return None
    return _facts(found).model_copy(update={"media_type": str(_OWN_TYPE[compression])})


def leave_out(
    known: Mapping[LayerKey, LayerFacts], fetched: Mapping[LayerKey, LayerFacts], old: OldBase
) -> ChosenLayers:
    """Leave out what the base has.

    Args:
        known: layers that were not fetched, since the base has them.
        fetched: all others.
        old: the base.
    """
    bare = {key: _as_tar(key, facts) for key, facts in fetched.items() if facts.diff_id in old.bare}
    left_out = {**known, **bare}
    base = old.head.naming(_records(left_out.values()))
    return ChosenLayers({**fetched, **left_out}, base)


def _records(facts: Iterable[LayerFacts]) -> tuple[LayerRecord, ...]:
    records = {one.digest: one.record for one in facts}
    return tuple(records[digest] for digest in sorted(records))


def _as_tar(key: LayerKey, facts: LayerFacts) -> LayerFacts:
    """Name a layer of which a host knows only the content by its content, where that can be."""
    if key.policy is LayerPolicy.ORIGINAL:
        return facts
    return _facts(LayerRecord.of_tar(facts.diff_id, facts.uncompressed, MediaType.OCI_LAYER))


def _facts(record: LayerRecord) -> LayerFacts:
    return LayerFacts(
        digest=record.digest,
        size=record.size,
        media_type=record.media_type,
        diff_id=record.diff_id,
        uncompressed=record.uncompressed,
        chunks=(),
    )
