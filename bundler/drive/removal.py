"""What may go from a drive to make room, by the pruning rules, and how it goes.

Owns what on a drive is of use to whom; `manifests.prunerules.planner` decides. A release loses its
signature first: what is left of it is no bundle. A blob goes with the last release that has it.
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bundler.drive.copy import sync_folder
from manifests.bundle import layout
from manifests.bundle.driveform import PARTIAL, Drive, DriveFolder
from manifests.bundle.pool import FOLDER
from manifests.prunerules.inventory import Layer
from manifests.prunerules.planner import Candidate, Item, Kind, PrunePlan, Reason, Terms, settle
from manifests.prunerules.policy import PrunePolicy
from manifests.release import Release
from manifests.safetext import safe_line

_HEX = 64


@dataclass(frozen=True, slots=True)
class Arriving:
    """The release that is being put on the drive.

    Attributes:
        folder: where.
        release: what it holds.
    """

    folder: Path
    release: Release


def plan_removal(drive: Drive, arriving: Arriving, now: datetime) -> PrunePlan:
    """Return what becomes of everything on the drive; changes nothing.

    Raises:
        OSError: the drive can't be read.
    """
    policy = arriving.release.prune or PrunePolicy()
    pool = _pool(drive.root)
    kept = _newest(drive, arriving)
    others = [one for one in drive.folders if one.path != arriving.folder]
    candidates = [_release(one, pool, kept) for one in others]
    candidates.append(_arriving(arriving, pool))
    candidates += [_unreadable(path, pool) for path in drive.unreadable]
    held = {layer.key for one in candidates for layer in one.holds}
    candidates += [one for one in _orphans(drive.root, pool) if one.identity not in held]
    return settle(candidates, Terms(now, timedelta(seconds=policy.grace_seconds)))


def remove(drive: Drive, plan: PrunePlan) -> Iterator[Item]:
    """Remove what is to go; yield each thing that went.

    Raises:
        OSError: the drive fails.
    """
    going = list(plan.going)
    held = [{layer.key for layer in one.candidate.holds} for one in (*plan.staying, *going)]
    first = len(plan.staying)
    for number, item in enumerate(going, start=first + 1):
        still = set[str]().union(*held[:first], *held[number:])
        path = drive.root / item.candidate.identity
        if item.candidate.kind is Kind.RELEASE:
            _remove_folder(path)
        for layer in item.candidate.holds:
            if layer.key not in still and layer.key != item.candidate.identity:
                (drive.root / layer.key).unlink(missing_ok=True)
        if item.candidate.kind is not Kind.RELEASE:
            path.unlink(missing_ok=True)
        yield item


def _remove_folder(path: Path) -> None:
    for one in sorted(path.iterdir()):
        if layout.is_signature(one.name):
            one.unlink()
    sync_folder(path)
    shutil.rmtree(path)


def _pool(root: Path) -> dict[str, dict[str, int]]:
    """Return the bytes of each file in the pool, by the blob that it belongs to."""
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    with suppress(FileNotFoundError), os.scandir(root / FOLDER) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False):
                key = f"{FOLDER}/{entry.name}"
                found[entry.name[:_HEX]][key] = entry.stat(follow_symlinks=False).st_size
    return found


def _layers(release: Release, pool: dict[str, dict[str, int]]) -> Iterator[Layer]:
    for blob in release.blobs():
        for key, size in pool.get(blob.digest.hex, {}).items():
            yield Layer(key, size)


def _newest(drive: Drive, arriving: Arriving) -> frozenset[Path]:
    """Return the folders of the releases of each product that are never removed."""
    products: defaultdict[str, list[tuple[int, Path, PrunePolicy]]] = defaultdict(list)
    finished = [(one.path, one.release) for one in drive.finished if one.path != arriving.folder]
    for path, release in (*finished, (arriving.folder, arriving.release)):
        policy = release.prune or PrunePolicy()
        products[release.product].append((release.sequence, path, policy))
    kept: set[Path] = set()
    for found in products.values():
        newest = sorted(found, key=lambda one: (-one[0], str(one[1])))
        kept |= {path for _, path, _ in newest[: newest[0][2].keep_releases]}
    return frozenset(kept)


def _release(
    folder: DriveFolder, pool: dict[str, dict[str, int]], kept: frozenset[Path]
) -> Candidate:
    size = sum(one.lstat().st_size for one in folder.path.rglob("*") if not one.is_dir())
    stays = Reason("newest", "one of the newest releases of its product")
    return Candidate(
        kind=Kind.RELEASE,
        identity=folder.path.name,
        names=(safe_line(folder.title) + ("" if folder.finished else ", unfinished"),),
        since=folder.arrived,
        holds=(Layer(folder.path.name, size), *_layers(folder.release, pool)),
        stays=stays if folder.path in kept else None,
    )


def _arriving(arriving: Arriving, pool: dict[str, dict[str, int]]) -> Candidate:
    return Candidate(
        kind=Kind.RELEASE,
        identity=arriving.folder.name,
        names=(f"{arriving.release.product} {arriving.release.version}",),
        since=datetime.now(UTC),
        holds=tuple(_layers(arriving.release, pool)),
        stays=Reason("arriving", "is being put on the drive"),
    )


def _unreadable(path: Path, pool: dict[str, dict[str, int]]) -> Candidate:
    """Keep what can't be read, and with it every blob, for any could be its."""
    every = (Layer(key, size) for files in pool.values() for key, size in files.items())
    return Candidate(
        kind=Kind.RELEASE,
        identity=path.name,
        names=(safe_line(path.name),),
        since=datetime.now(UTC),
        holds=tuple(every),
        stays=Reason("unreadable", "can't be read as a release"),
    )


def _orphans(root: Path, pool: dict[str, dict[str, int]]) -> Iterator[Candidate]:
    """Yield every file of the pool as if no release had it."""
    for files in pool.values():
        for key, size in files.items():
            status = (root / key).lstat()
            yield Candidate(
                kind=Kind.PARTIAL if key.endswith(PARTIAL) else Kind.BLOB,
                identity=key,
                names=(Path(key).name[:12],),
                since=datetime.fromtimestamp(status.st_mtime, UTC),
                holds=(Layer(key, size),),
            )
