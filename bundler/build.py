"""`bundle build`: App -> Lock -> FetchedImages -> PackedBundle -> signed files, in this order.

The lock is written when every document that it names was there.

The only orchestrator of the connected side. Asks nothing and prints nothing; tells a `Progress`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bundler.cache import Cache
from bundler.delta.chosen import ChosenLayers, leave_out, needless
from bundler.delta.oldbase import OldBase, opened_base
from bundler.discover.merge import Overrides
from bundler.fetch import FetchedImage, fetch
from bundler.layers.collect import LayerJob, Workshop, prepare_layers
from bundler.layers.download import Wanted
from bundler.layers.pools import worker_pool
from bundler.layers.recompress import ZstdSettings
from bundler.locking.appfiles import host_platform, read_app
from bundler.locking.pins import Renew
from bundler.locking.relock import LockOptions, Relocked, relock
from bundler.locking.reuse import write_lock
from bundler.locking.selftestmark import check_selftest
from bundler.pack import PackedBundle, pack
from bundler.progress import Progress
from bundler.resolve import compression_of
from bundler.sign import Signer, sign_sums
from bundler.sources.choose import SourceOptions, Sources
from bundler.write import DamagedEntry, is_damaged, write
from bundler.writing.entries import Entry, bytes_entry
from bundler.writing.parity import protected
from bundler.writing.place import Output, check_place
from bundler.writing.selfcheck import check_written
from bundler.writing.survey import PruneReport, shared_bytes, survey
from bundler.writing.toolfiles import installer_entries
from manifests.bundle import layout
from manifests.bundle.sums import signature_name
from manifests.layerpolicy import LayerPolicy
from manifests.lock import Lock
from manifests.platform import Platform
from manifests.release import Release


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What a person may choose for one build.

    Attributes:
        output: where the bundle goes; PRODUCT-VERSION in the working folder when None.
        cache: where layers are kept between builds.
        sources: how registries, engines and files are reached.
        signers: who signs.
        settings: how layers are recompressed.
        base: an old bundle, its release.json or a host's inventory, which the bundle is to be a
            difference to; None for a complete one.
        policy: overrides every image's own layer policy.
        platforms: override the app's.
        renew: what is looked up although the lock has it.
        environ: of the process, for sources that are filled in from it.
        selftest: the image that proves a host, as written; empty for none.
        installer: the frozen installer that the bundle carries; None for none.
        parity: percent of the bundle that may be lost and is still restored; 0 for none.
    """

    output: Output | None
    cache: Cache
    sources: SourceOptions
    signers: tuple[Signer, ...]
    settings: ZstdSettings = field(default_factory=ZstdSettings)
    base: Path | None = None
    policy: LayerPolicy | None = None
    platforms: tuple[Platform, ...] = ()
    renew: Renew = Renew.NEW
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    selftest: str = ""
    installer: Path | None = None
    parity: int = 0

    @property
    def lock_options(self) -> LockOptions:
        """How the lock is made."""
        overrides = Overrides(host_platform(), self.policy, self.platforms, self.sources.forced)
        return LockOptions(overrides, self.renew, self.environ, self.selftest)


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What was built.

    Attributes:
        paths: the directory, the tar, or its parts.
        release: what the bundle holds.
        size: bytes of the bundle.
        source_size: bytes of the same images' distinct layers at their source.
        pruned: what was left out.
        signers: fingerprints.
        seconds: wall time.
    """

    paths: tuple[Path, ...]
    release: Release
    size: int
    source_size: int
    pruned: PruneReport
    signers: tuple[str, ...]
    seconds: float


def build(app_path: Path, options: BuildOptions, progress: Progress) -> BuildReport:
    """Build, sign and check one bundle.

    Raises:
        AppManifestError, SourceFailed, UsageError: as each stage says.
    """
    started = time.monotonic()
    app = read_app(app_path)
    output = options.output or Output(Path.cwd() / f"{app.name}-{app.version}")
    check_place(output)
    tools = installer_entries(options.installer)
    with (
        opened_base(options.base) as old,
        options.cache.in_use(),
        Sources(options.sources, options.cache) as sources,
    ):
        made = relock(app_path, app, options.lock_options, sources.open, progress)
        _tell(made, progress)
        images = fetch(made.lock, sources.named, options.cache)
        check_selftest(made.lock.selftest, images)
        write_lock(made.path, made.lock)
        with worker_pool(1, "survey") as aside:
            left_out = aside.submit(survey, images, options.cache)
            shop = Workshop(options.cache, options.settings, progress)
            packing = _Packing(made.lock, images, (*made.files, *tools), shop, options.parity, old)
            packed, paths = _write(packing, options.signers, output)
            pruned = PruneReport(left_out.result(), shared_bytes(packed.release))
    return BuildReport(
        paths=paths,
        release=packed.release,
        size=packed.size,
        source_size=_source_size(images),
        pruned=pruned,
        signers=tuple(signer.public_key.fingerprint for signer in options.signers),
        seconds=time.monotonic() - started,
    )


def _tell(made: Relocked, progress: Progress) -> None:
    """Say what is new in the lock: a build changes it without being asked."""
    for warning in made.warnings:
        progress.note(warning)
    for change in made.changes:
        progress.note(f"{made.path.name}: {change}")


def _source_size(images: Sequence[FetchedImage]) -> int:
    layers = {
        layer.digest: layer.size
        for image in images
        for one in image.manifests
        for layer in one.manifest.layers
    }
    return sum(layers.values())


@dataclass(frozen=True, slots=True)
class _Packing:
    """All that a bundle is packed from, so that it can be packed again."""

    lock: Lock
    images: Sequence[FetchedImage]
    files: Sequence[Entry]
    shop: Workshop
    parity: int
    old: OldBase | None

    def pack(self) -> PackedBundle:
        """Bring every layer that is needed into the cache and lay out the bundle."""
        return pack(self.lock, self.images, self._layers(), self.files, self.shop.cache)

    def _layers(self) -> ChosenLayers:
        jobs = self._jobs()
        known = {job.key: facts for job in jobs if (facts := needless(job, self.old)) is not None}
        fetched = prepare_layers([job for job in jobs if job.key not in known], self.shop)
        if self.old is None:
            return ChosenLayers(fetched)
        chosen = leave_out(known, fetched, self.old)
        if len(known) < len(jobs):
            from bundler.delta.patches import with_patches  # noqa: PLC0415 - start-up time

            chosen = with_patches(chosen, jobs, self.old, self.shop)
        return chosen.settled()

    def _jobs(self) -> Sequence[LayerJob]:
        return [
            LayerJob(
                Wanted(image.source, image.reference, layer),
                compression_of(layer, image.locked.written),
                diff_id,
                image.locked.policy,
            )
            for image in self.images
            for one in image.manifests
            for layer, diff_id in one.layers
        ]


def _write(
    packing: _Packing, signers: Sequence[Signer], output: Output
) -> tuple[PackedBundle, tuple[Path, ...]]:
    """Pack, sign and write; blobs of the cache that are damaged are made anew, once."""
    packed = packing.pack()
    try:
        return _write_protected(packing, packed, signers, output)
    except DamagedEntry as damage:
        if not _evict_damaged(packed, packing.shop.cache):
            raise
        packing.shop.progress.note(f"{damage}; it is made anew")
    return _write_protected(packing, packing.pack(), signers, output)


def _evict_damaged(packed: PackedBundle, cache: Cache) -> bool:
    blobs = [entry for entry in packed.entries if entry.content == cache.blob_path(entry.digest)]
    damaged = [entry for entry in blobs if is_damaged(entry)]
    for entry in damaged:
        cache.evict(entry.digest)
    return bool(damaged)


def _write_protected(
    packing: _Packing, packed: PackedBundle, signers: Sequence[Signer], output: Output
) -> tuple[PackedBundle, tuple[Path, ...]]:
    progress = packing.shop.progress
    with protected(packed, packing.parity, packing.shop.cache, progress) as whole:
        return whole, _write_signed(whole, signers, output, progress)


def _write_signed(
    packed: PackedBundle, signers: Sequence[Signer], output: Output, progress: Progress
) -> tuple[Path, ...]:
    signatures = sign_sums(packed.sums, signers)
    sealing = [bytes_entry(layout.SUMS, packed.sums)]
    sealing += [
        bytes_entry(signature_name(number), signature)
        for number, signature in enumerate(signatures, start=1)
    ]
    entries = [*sealing, *packed.entries]
    return write(entries, output, lambda path: check_written(path, signers), progress)
