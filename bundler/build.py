"""`bundle build`: App -> Lock -> FetchedImages -> PackedBundle -> signed files, in this order.

The only orchestrator of the connected side. Asks nothing and prints nothing; tells a `Progress`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from bundler.appfiles import read_app, read_files, wanted_images
from bundler.cache import Cache
from bundler.download import Wanted
from bundler.entries import Entry, bytes_entry
from bundler.fetch import FetchedImage, fetch
from bundler.layers import LayerJob, Workshop, prepare_layers
from bundler.locking import lock_path, locked_files, make_lock, read_lock, write_lock
from bundler.pack import PackedBundle, pack
from bundler.progress import Progress
from bundler.recompress import ZstdSettings
from bundler.resolve import resolve
from bundler.selfcheck import check_written
from bundler.sign import Signer, sign_sums
from bundler.sources.choose import SourceOptions, Sources
from bundler.survey import Pruned, PruneReport, shared_bytes, survey
from bundler.write import DamagedBlob, Output, write
from manifests import layout
from manifests.lock import Lock
from manifests.platform import Platform
from manifests.release import LayerPolicy, Release
from manifests.sums import signature_name


@dataclass(frozen=True, slots=True)
class BuildOptions:
    """What a person may choose for one build.

    Attributes:
        output: where the bundle goes; PRODUCT-VERSION in the working folder when None.
        cache: where layers are kept between builds.
        sources: how registries, engines and files are reached.
        signers: who signs.
        settings: how layers are recompressed.
        policy: overrides every image's own layer policy.
        platforms: override the app's.
    """

    output: Output | None
    cache: Cache
    sources: SourceOptions
    signers: tuple[Signer, ...]
    settings: ZstdSettings = field(default_factory=ZstdSettings)
    policy: LayerPolicy | None = None
    platforms: tuple[Platform, ...] = ()


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
    options.cache.prepare()
    with Sources(options.sources, options.cache) as sources:
        lock, files = _lock(app_path, options, sources, progress)
        images = fetch(lock, sources.opened, options.cache)
        packed, left_out = _pack(lock, images, files, options, progress)
        paths = _write(packed, options, progress)
    source_layers = {
        layer.digest: layer.size
        for image in images
        for one in image.manifests
        for layer in one.manifest.layers
    }
    return BuildReport(
        paths=paths,
        release=packed.release,
        size=packed.size,
        source_size=sum(source_layers.values()),
        pruned=PruneReport(left_out, shared_bytes(packed.release)),
        signers=tuple(signer.public_key.fingerprint for signer in options.signers),
        seconds=time.monotonic() - started,
    )


def _lock(
    app_path: Path, options: BuildOptions, sources: Sources, progress: Progress
) -> tuple[Lock, Sequence[Entry]]:
    app = read_app(app_path)
    files = read_files(app, app_path.parent)
    wanted = wanted_images(app, policy=options.policy, platforms=options.platforms)
    locked = resolve(wanted, sources.open, progress)
    path = lock_path(app_path)
    lock = make_lock(app, locked, locked_files(files), read_lock(path))
    write_lock(path, lock)
    return lock, files


def _pack(
    lock: Lock,
    images: Sequence[FetchedImage],
    files: Sequence[Entry],
    options: BuildOptions,
    progress: Progress,
) -> tuple[PackedBundle, tuple[Pruned, ...]]:
    shop = Workshop(options.cache, options.settings, progress)
    with ThreadPoolExecutor(1, "survey") as aside:
        left_out = aside.submit(survey, images, options.cache)
        layers = prepare_layers(_jobs(images), shop)
        packed = pack(lock, images, layers, files, options.cache)
        return packed, left_out.result()


def _jobs(images: Sequence[FetchedImage]) -> Sequence[LayerJob]:
    return [
        LayerJob(Wanted(image.source, image.reference, layer), diff_id, image.locked.policy)
        for image in images
        for one in image.manifests
        for layer, diff_id in zip(one.manifest.layers, one.config.diff_ids, strict=True)
    ]


def _write(packed: PackedBundle, options: BuildOptions, progress: Progress) -> tuple[Path, ...]:
    release = packed.release
    output = options.output or Output(Path.cwd() / f"{release.product}-{release.version}")
    signatures = sign_sums(packed.sums, options.signers)
    sealing = [bytes_entry(layout.SUMS, packed.sums)]
    sealing += [
        bytes_entry(signature_name(number), signature)
        for number, signature in enumerate(signatures, start=1)
    ]
    try:
        paths = write([*sealing, *packed.entries], output, progress)
    except DamagedBlob as damage:
        options.cache.evict(damage.digest)
        raise
    check_written(paths[0], options.signers)
    return paths
