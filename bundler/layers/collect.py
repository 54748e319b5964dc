"""Gets every layer of a build into the cache: downloads ahead, recompresses on every core.

The largest come first, so that no core idles at the end. Owns the threads of a build; what one
layer goes through is in `download` and `recompress`.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from bundler.cache import Cache
from bundler.layers.download import Download, Wanted
from bundler.layers.facts import LayerFacts
from bundler.layers.pools import wait_all
from bundler.layers.recompress import (
    Inflated,
    Inflater,
    MalformedLayer,
    Stored,
    ZstdSettings,
    recompress,
)
from bundler.progress import Progress, Stage
from manifests.bundle.chunks import ChunkHasher
from manifests.digest import Digest
from manifests.errors import SourceFailed
from manifests.layerpolicy import LayerPolicy
from manifests.mediatype import Compression, MediaType

DOWNLOADS: Final = 4
"""Layers fetched at once."""
CODEC_MEMORY: Final = 210 * 1024 * 1024
"""Bytes that all compressors may take together; the program stays below 300 MiB."""

ORIGINAL_KEY: Final = "original"


@dataclass(frozen=True, slots=True)
class LayerKey:
    """What makes two layers of a build one piece of work.

    Attributes:
        digest: of the bytes at the source.
        media_type: what they are taken for.
        diff_id: what the image's config says that the tar hashes to.
        policy: `zstd` or `original`.
    """

    digest: Digest
    media_type: str
    diff_id: Digest
    policy: LayerPolicy


@dataclass(frozen=True, slots=True)
class LayerJob:
    """One layer and what is to become of it.

    Attributes:
        wanted: where it comes from.
        compression: how the source wraps it.
        diff_id: what the image's config says that its tar hashes to.
        policy: `zstd` or `original`.
    """

    wanted: Wanted
    compression: Compression
    diff_id: Digest
    policy: LayerPolicy

    @property
    def key(self) -> LayerKey:
        """What makes two jobs the same."""
        descriptor = self.wanted.descriptor
        return LayerKey(descriptor.digest, descriptor.media_type, self.diff_id, self.policy)

    @property
    def media_type(self) -> str:
        """What the layer is when it is done."""
        kept = self.policy is LayerPolicy.ORIGINAL
        return str(self.wanted.descriptor.media_type if kept else MediaType.OCI_LAYER_ZSTD)

    @property
    def subject(self) -> str:
        """Its name for progress: not the same for one layer under two policies."""
        return f"{self.wanted.subject} {self.policy}"


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a layer job needs.

    Attributes:
        cache: where layers are kept.
        settings: for recompressing.
        progress: told of every byte.
    """

    cache: Cache
    settings: ZstdSettings
    progress: Progress

    @property
    def workers(self) -> int:
        """Layers recompressed at once: no more than cores, nor than fit into memory."""
        return max(1, min(os.cpu_count() or 1, CODEC_MEMORY // self.settings.memory))

    def settings_key(self, policy: LayerPolicy) -> str:
        """Return the name under which the cache keeps what this policy makes."""
        return ORIGINAL_KEY if policy is LayerPolicy.ORIGINAL else self.settings.key

    def cached(self, job: LayerJob) -> LayerFacts | None:
        """Return the finished layer if the cache has it, and it is this image's."""
        descriptor = job.wanted.descriptor
        facts = self.cache.layer(descriptor.digest, self.settings_key(job.policy))
        if facts is None or facts.diff_id != job.diff_id:
            return None
        if job.policy is LayerPolicy.ORIGINAL and facts.size != descriptor.size:
            return None
        return facts.model_copy(update={"media_type": job.media_type})


def prepare_layers(jobs: Iterable[LayerJob], shop: Workshop) -> Mapping[LayerKey, LayerFacts]:
    """Bring every layer into the cache and return what became of each.

    Raises:
        SourceFailed: of the first layer that failed; the others' finished work stays.
    """
    finished: dict[LayerKey, LayerFacts] = {}
    missing: dict[LayerKey, LayerJob] = {}
    for job in jobs:
        if (facts := shop.cached(job)) is not None:
            finished[job.key] = facts
        else:
            missing.setdefault(job.key, job)
    shop.cache.forget_partials({key.digest for key in finished} - {key.digest for key in missing})
    by_size = sorted(missing.values(), key=lambda job: -job.wanted.descriptor.size)
    finished.update(_run(by_size, shop))
    return finished


def _run(jobs: Sequence[LayerJob], shop: Workshop) -> dict[LayerKey, LayerFacts]:
    wanted = {job.wanted.descriptor.digest: job.wanted for job in jobs}
    shares = Counter(job.wanted.descriptor.digest for job in jobs)
    stop = threading.Event()
    downloads = {
        digest: _Shared(Download(one, shop.cache), shares[digest], stop)
        for digest, one in wanted.items()
    }
    fetchers = ThreadPoolExecutor(DOWNLOADS, "fetch")
    workers = ThreadPoolExecutor(shop.workers, "pack")
    shop.progress.expect(Stage.FETCH, sum(one.descriptor.size for one in wanted.values()))
    shop.progress.expect(Stage.PACK, sum(job.wanted.descriptor.size for job in jobs))
    try:
        for shared in downloads.values():
            fetchers.submit(shared.download.run, shop.progress)
        futures = {
            job.key: workers.submit(_make, job, downloads[job.wanted.descriptor.digest], shop)
            for job in jobs
        }
        wait_all(futures.values())
        return {key: future.result() for key, future in futures.items()}
    finally:
        stop.set()
        for shared in downloads.values():
            shared.download.abandon()
        workers.shutdown(cancel_futures=True)
        fetchers.shutdown(wait=False, cancel_futures=True)
        for shared in downloads.values():
            shared.download.close()


class _Shared:
    """A download that several jobs read; forgotten on disk when the last of them is done."""

    def __init__(self, download: Download, jobs: int, stop: threading.Event) -> None:
        self.download = download
        self._jobs = jobs
        self._stop = stop
        self._lock = threading.Lock()

    def read(self, job: LayerJob, progress: Progress) -> Iterable[bytes]:
        """Yield the layer's bytes for one job."""
        for piece in self.download.read():
            if self._stop.is_set():
                raise SourceFailed("cancelled", "another layer failed")
            yield piece
            progress.advance(Stage.PACK, job.subject, len(piece))

    def release(self) -> None:
        """Tell that one job is done."""
        with self._lock:
            self._jobs -= 1
            if self._jobs == 0:
                self.download.discard()
                self.download.close()


def _make(job: LayerJob, shared: _Shared, shop: Workshop) -> LayerFacts:
    descriptor = job.wanted.descriptor
    shop.progress.start(Stage.PACK, job.subject, descriptor.size)
    try:
        facts = _store(job, shared, shop)
    except MalformedLayer as error:
        shared.download.discard()
        raise _malformed(job, error) from error
    shop.cache.put_layer(descriptor.digest, shop.settings_key(job.policy), facts)
    shared.release()
    shop.cache.saw_made(facts.digest)
    shop.progress.finish(Stage.PACK, job.subject)
    return facts


def _store(job: LayerJob, shared: _Shared, shop: Workshop) -> LayerFacts:
    source = shared.read(job, shop.progress)
    if job.policy is LayerPolicy.ORIGINAL:
        inflated, stored = _look_into(source, job)
        _check_diff_id(job, inflated)
        if not shared.download.keep():
            _copy(shared.download, shop.cache)
    else:
        with shop.cache.incoming() as incoming:
            inflated, stored = recompress(source, job.compression, shop.settings, incoming.write)
            _check_diff_id(job, inflated)
            shop.cache.adopt(incoming, stored.digest)
    return LayerFacts(
        digest=stored.digest,
        size=stored.size,
        media_type=job.media_type,
        diff_id=inflated.diff_id,
        uncompressed=inflated.size,
        chunks=stored.chunks,
    )


def _look_into(source: Iterable[bytes], job: LayerJob) -> tuple[Inflated, Stored]:
    """Read a layer that stays as it is, only to learn what is in it.

    Its digest is the source's: the download has checked it when its last byte came.
    """
    chunks = ChunkHasher()

    def passing() -> Iterable[bytes]:
        for piece in source:
            chunks.update(piece)
            yield piece

    inflater = Inflater(passing(), job.compression)
    for _ in inflater:
        pass
    descriptor = job.wanted.descriptor
    return inflater.result(), Stored(descriptor.digest, descriptor.size, chunks.finish())


def _copy(download: Download, cache: Cache) -> None:
    with cache.incoming() as incoming:
        for piece in download.read():
            incoming.write(piece)
        cache.adopt(incoming, download.wanted.descriptor.digest)


def _check_diff_id(job: LayerJob, inflated: Inflated) -> None:
    if inflated.diff_id != job.diff_id:
        raise MalformedLayer(
            "diff-id-mismatch",
            f"the image's config says diff ID {job.diff_id}, its content has {inflated.diff_id}",
        )


def _malformed(job: LayerJob, error: MalformedLayer) -> SourceFailed:
    digest = job.wanted.descriptor.digest
    return SourceFailed(
        error.code,
        f"{job.wanted.reference.familiar}: layer {digest}: {error}",
        hint="run the same command again; if it stays so, the image is damaged at its source",
        image=str(job.wanted.reference),
        digest=str(digest),
    )
