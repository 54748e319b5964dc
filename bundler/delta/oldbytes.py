"""Where the builder finds an old layer's bytes: the old bundle, else its own build cache.

The cache is asked by diff ID, since it may have packed the same tar in another way. What comes is
believed by nobody before it was hashed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Final

from bundler.cache import Cache
from bundler.layers.facts import LayerFacts
from bundler.layers.recompress import Inflater
from manifests.bundle.chunks import chunked_file, verified_chunks
from manifests.digest import Digest
from manifests.mediatype import LAYER_COMPRESSION, Compression
from manifests.release import LayerRecord
from manifests.seals.seal import SealedRelease

_READ: Final = 1024 * 1024


class OldBytes:
    """The bytes of old layers."""

    def __init__(self, sealed: SealedRelease | None, cache: Cache) -> None:
        self._sealed = sealed
        self._cache = cache

    def open(self, layer: LayerRecord) -> Inflater | None:
        """Return a layer's tar, to be read once; None if it is nowhere."""
        sealed = self._sealed
        if sealed is not None and layer.name in sealed.medium.sizes:
            return Inflater(_chunks(sealed, layer), _compression(layer.media_type))
        facts = self._by_diff_id.get(layer.diff_id)
        if facts is None:
            return None
        return cached_tar(self._cache, facts)

    @cached_property
    def _by_diff_id(self) -> dict[Digest, LayerFacts]:
        found = self._cache.all_layers()
        return {facts.diff_id: facts for facts in found}


def cached_tar(cache: Cache, facts: LayerFacts) -> Inflater:
    """Return the tar of a layer that the cache has, to be read once."""
    return Inflater(_file(cache.blob_path(facts.digest)), _compression(facts.media_type))


def _chunks(sealed: SealedRelease, layer: LayerRecord) -> Iterator[bytes]:
    file = chunked_file(sealed.release, layer.name, layer.size, layer.digest)
    for chunk in verified_chunks(sealed.medium, file):
        yield bytes(chunk)


def _file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while data := file.read(_READ):
            yield data


def _compression(media_type: str) -> Compression:
    return LAYER_COMPRESSION.get(media_type, Compression.NONE)
