"""Gets every layer of a build into the cache: downloads ahead, recompresses on every core.

The largest come first, so that no core idles at the end. Owns the threads of a build; what one
layer goes through is in `download` and `recompress`.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Final

from bundler.cache import Cache, LayerFacts
from bundler.download import Download, Wanted
from bundler.progress import Progress, Stage
from bundler.recompress import Inflated, Inflater, Stored, ZstdSettings, recompress
from manifests.chunks import ChunkHasher
from manifests.digest import Digest
from manifests.errors import SourceFailed
from manifests.oci import Compression, Descriptor, MediaType
from manifests.release import LayerPolicy

DOWNLOADS: Final = 4
"""Layers fetched at once."""
MAX_WORKERS: Final = 4
"""Layers recompressed at once: each may hold a whole zstd window in memory."""

ORIGINAL_KEY: Final = "original"


@dataclass(frozen=True, slots=True)
class LayerJob:
    """One layer and what is to become of it.

    Attributes:
        wanted: where it comes from.
        diff_id: what the image's config says that its tar hashes to.
        policy: `zstd` or `original`.
    """

    wanted: Wanted
    diff_id: Digest
    policy: LayerPolicy

    @property
    def key(self) -> tuple[Digest, LayerPolicy]:
        """What makes two jobs the same."""
        return self.wanted.descriptor.digest, self.policy


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

    def settings_key(self, policy: LayerPolicy) -> str:
        """Return the name under which the cache keeps what this policy makes."""
        return ORIGINAL_KEY if policy is LayerPolicy.ORIGINAL else self.settings.key

    def cached(self, job: LayerJob) -> LayerFacts | None:
        """Return the finished layer if the cache has it, and it is this image's."""
        facts = self.cache.layer(job.wanted.descriptor.digest, self.settings_key(job.policy))
        return facts if facts is not None and facts.diff_id == job.diff_id else None


LayerKey = tuple[Digest, LayerPolicy]


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
    by_size = sorted(missing.values(), key=lambda job: -job.wanted.descriptor.size)
    finished.update(_run(by_size, shop))
    return finished


def _run(jobs: list[LayerJob], shop: Workshop) -> dict[LayerKey, LayerFacts]:
    downloads = {
        digest: Download(wanted, shop.cache.partial_path(digest))
        for digest, wanted in ((job.wanted.descriptor.digest, job.wanted) for job in jobs)
    }
    fetchers = ThreadPoolExecutor(DOWNLOADS, "fetch")
    workers = ThreadPoolExecutor(min(MAX_WORKERS, os.cpu_count() or 1), "pack")
    stop = threading.Event()
    try:
        for download in downloads.values():
            fetchers.submit(download.run, shop.progress)
        futures = {
            job.key: workers.submit(_make, job, downloads[job.wanted.descriptor.digest], shop, stop)
            for job in jobs
        }
        _wait_all(futures.values())
    finally:
        stop.set()
        for download in downloads.values():
            download.abandon()
        workers.shutdown(cancel_futures=True)
        fetchers.shutdown(wait=False, cancel_futures=True)
    for digest in downloads:
        shop.cache.partial_path(digest).unlink(missing_ok=True)
    return {key: future.result() for key, future in futures.items()}


def _wait_all(futures: Iterable[Future[LayerFacts]]) -> None:
    """Wait until all are done or one failed; short waits let Ctrl-C through."""
    pending = set(futures)
    while pending:
        done, pending = wait(pending, timeout=0.5, return_when=FIRST_EXCEPTION)
        for future in done:
            future.result()


def _make(job: LayerJob, download: Download, shop: Workshop, stop: threading.Event) -> LayerFacts:
    descriptor = job.wanted.descriptor
    subject = descriptor.digest.short
    shop.progress.start(Stage.PACK, subject, descriptor.size)

    def source() -> Iterable[bytes]:
        for piece in download.read():
            if stop.is_set():
                raise SourceFailed("cancelled", "another layer failed")
            yield piece
            shop.progress.advance(Stage.PACK, subject, len(piece))

    compression = _compression(job)
    if job.policy is LayerPolicy.ORIGINAL:
        media_type = descriptor.media_type
        inflated, stored = _keep(source(), compression, descriptor)
        _check_diff_id(job, inflated)
        shop.cache.link(download.path, stored.digest)
    else:
        media_type = MediaType.OCI_LAYER_ZSTD
        with shop.cache.incoming() as incoming:
            inflated, stored = recompress(source(), compression, shop.settings, incoming.file.write)
            _check_diff_id(job, inflated)
            shop.cache.adopt(incoming, stored.digest)
    facts = _facts(media_type, inflated, stored)
    shop.cache.put_layer(descriptor.digest, shop.settings_key(job.policy), facts)
    shop.progress.finish(Stage.PACK, subject)
    return facts


def _keep(
    source: Iterable[bytes], compression: Compression, descriptor: Descriptor
) -> tuple[Inflated, Stored]:
    """Read a layer that stays as it is, only to learn what is in it.

    Its digest is the source's: the download has checked it when its last byte came.
    """
    chunks = ChunkHasher()

    def passing() -> Iterable[bytes]:
        for piece in source:
            chunks.update(piece)
            yield piece

    inflater = Inflater(passing(), compression)
    for _ in inflater:
        pass
    return inflater.result(), Stored(descriptor.digest, descriptor.size, chunks.finish())


def _compression(job: LayerJob) -> Compression:
    compression = job.wanted.descriptor.compression
    if compression is None:
        raise SourceFailed(
            "layer-type",
            f"{job.wanted.reference.familiar}: expected a tar layer, "
            f"found {job.wanted.descriptor.media_type}",
            hint="foreign and encrypted layers can't be carried",
        )
    return compression


def _check_diff_id(job: LayerJob, inflated: Inflated) -> None:
    if inflated.diff_id != job.diff_id:
        raise SourceFailed(
            "diff-id-mismatch",
            f"{job.wanted.reference.familiar}: layer {job.wanted.descriptor.digest.short}: "
            f"its config says diff ID {job.diff_id}, its content has {inflated.diff_id}",
            hint="the image is damaged at its source",
        )


def _facts(media_type: str, inflated: Inflated, stored: Stored) -> LayerFacts:
    return LayerFacts(
        digest=stored.digest,
        size=stored.size,
        media_type=str(media_type),
        diff_id=inflated.diff_id,
        uncompressed=inflated.size,
        chunks=stored.chunks,
    )
