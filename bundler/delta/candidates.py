"""Which old layer a new one may be a patch of; pure.

Of the layers that the same repository's images had and have no more, it is the one nearest in size:
a layer that changed a little is nearly as large as before. Where the repository is new, all layers
of the base that are gone are looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bundler.delta.chosen import ChosenLayers
from bundler.delta.oldbase import OldBase
from bundler.layers.collect import LayerJob, LayerKey
from bundler.layers.facts import LayerFacts
from manifests.digest import Digest
from manifests.layerpolicy import LayerPolicy
from manifests.release import LayerRecord

SMALLEST: Final = 16 * 1024
"""Bytes of a layer below which a patch is not worth a host's work."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A layer that may travel as a patch.

    Attributes:
        key: of the new layer.
        new: what is known of it.
        old: what it is compared with.
    """

    key: LayerKey
    new: LayerFacts
    old: LayerRecord


def candidates(jobs: Sequence[LayerJob], chosen: ChosenLayers, old: OldBase) -> Iterator[Candidate]:
    """Yield each new layer that has an old one to be compared with, once.

    Args:
        jobs: all layers of the release.
        chosen: what became of them so far.
        old: what hosts have.
    """
    staying, held = {job.diff_id for job in jobs}, chosen.files
    seen: set[Digest] = set()
    for job in jobs:
        new = chosen.layers[job.key]
        whole = new.digest in held and job.policy is not LayerPolicy.ORIGINAL
        if whole and new.size >= SMALLEST and new.diff_id not in seen:
            seen.add(new.diff_id)
            found = _nearest(new, _gone(job, old, staying))
            if found is not None:
                yield Candidate(job.key, new, found)


def _gone(job: LayerJob, old: OldBase, staying: Collection[Digest]) -> list[LayerRecord]:
    known = old.by_diff_id
    same = old.images.get(job.wanted.reference.name, ())
    layers = [known[diff_id] for diff_id in same if diff_id in known]
    return [layer for layer in layers or known.values() if layer.diff_id not in staying]


def _nearest(new: LayerFacts, layers: Sequence[LayerRecord]) -> LayerRecord | None:
    return min(
        layers,
        key=lambda layer: (abs(layer.uncompressed - new.uncompressed), layer.diff_id),
        default=None,
    )
