"""What a host has: the engine's images, containers and volumes, and the ledger's releases.

Owns how the three sources of an image's age are put together, and which of our names are
explained by a release. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from installer.engines.base import KEEP_PREFIX, EngineInfo, Store, keep_name
from installer.engines.prunefacts import EngineImage
from installer.ledger import Ledger
from installer.prune.leftovers import OwnNames, own_names
from installer.prune.seen import Memory
from installer.running.appfiles import files_bytes
from installer.state.apps import InstalledApp, InstalledRelease
from manifests.errors import MoonliftError
from manifests.prunerules.inventory import Container, HostRelease, Image, Inventory, Role, Volume
from manifests.release import Release


@dataclass(frozen=True, slots=True)
class Place:
    """Which engine it is.

    Attributes:
        address: how a command line names it.
        info: what it says of itself.
    """

    address: str
    info: EngineInfo

    def may_have(self, release: InstalledRelease) -> bool:
        """Tell whether it may be the engine that took a release."""
        return release.may_be_in(self.address, self.info.identity)


class Reading(Protocol):
    """An engine, as far as it is asked."""

    def images(self, known: Mapping[str, EngineImage]) -> Sequence[EngineImage]: ...  # noqa: D102
    def containers(self) -> Sequence[Container]: ...  # noqa: D102
    def volumes(self, *, sizes: bool) -> Sequence[Volume]: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Found:
    """What a host has.

    Attributes:
        inventory: all of it.
        memory: to be remembered when the ledger's lock is held.
        images: as the engine told of them.
    """

    inventory: Inventory
    memory: Memory
    images: tuple[EngineImage, ...]


@dataclass(frozen=True, slots=True)
class Host:
    """What is asked.

    Attributes:
        engine: its images, containers and volumes.
        ledger: its releases.
        place: which engine that is.
        memory: what earlier runs saw.
        known: images by identity, as the engine told of them before; none to ask for all anew.
        now: by the host's clock.
    """

    engine: Reading
    ledger: Ledger
    place: Place
    memory: Memory
    known: Mapping[str, EngineImage]
    now: datetime

    def inventory(self, *, volumes: bool) -> Found:
        """Ask for everything.

        Args:
            volumes: whether volumes matter; measuring them takes the engine long.

        Raises:
            EngineFailed: the engine does not answer.
            NotInstallableHere: the ledger can't be believed.
        """
        releases = tuple(host_releases(self.ledger, self.place))
        with ThreadPoolExecutor(2, "inventory") as pool:
            listing = pool.submit(self.engine.containers)
            images = tuple(self.engine.images(self.known))
            containers = tuple(listing.result())
        known = own_names(self.ledger)
        in_use = {one.image for one in containers if one.image and not one.state.ended}
        memory = self.memory.after({one.identity for one in images}, in_use, self.now)
        found = Inventory(
            images=tuple(_image(one, releases, known, memory) for one in images),
            containers=containers,
            volumes=tuple(self.engine.volumes(sizes=True)) if volumes else (),
            releases=releases,
        )
        return Found(found, memory, images)


def host_releases(ledger: Ledger, place: Place) -> Iterator[HostRelease]:
    """Yield the releases whose images may be in the engine.

    Raises:
        NotInstallableHere: the ledger can't be believed.
    """
    kept = {(one.product, one.sequence): one.raw for one in ledger.releases()}
    state = ledger.state()
    listed: set[tuple[str, int]] = set()
    for app in state.apps:
        for one in app.releases:
            key = app.product, one.sequence
            listed.add(key)
            if place.may_have(one):
                yield _installed(app, one, _read(kept.get(key)))
    for product, sequence in sorted(kept.keys() - listed):
        release, accepted = _read(kept[product, sequence]), state.find(product, sequence)
        if release is not None and accepted is not None:
            yield _unlisted(release, accepted.accepted_at, place.info.store)


def _installed(
    app: InstalledApp, installed: InstalledRelease, release: Release | None
) -> HostRelease:
    return HostRelease(
        product=app.product,
        sequence=installed.sequence,
        version=installed.version,
        arrived=installed.arrived_at,
        images=frozenset(one.identity for one in installed.images),
        role=_role(app, installed.sequence),
        policy=None if release is None else release.prune,
        size=0 if release is None else files_bytes(release),
    )


def _unlisted(release: Release, arrived: datetime, store: Store) -> HostRelease:
    """Return a release of which only release.json is left, for whichever platform it was."""
    return HostRelease(
        product=release.product,
        sequence=release.sequence,
        version=release.version,
        arrived=arrived,
        images=frozenset(map(store.identity, release.images)),
        policy=release.prune,
        size=files_bytes(release),
    )


def _role(app: InstalledApp, sequence: int) -> Role:
    if sequence == app.active:
        return Role.ACTIVE
    if sequence == app.previous:
        return Role.PREVIOUS
    return Role.PENDING if sequence in app.protected else Role.KEPT


def _read(raw: bytes | None) -> Release | None:
    try:
        return None if raw is None else Release.read(raw)
    except MoonliftError:
        return None


def _image(
    one: EngineImage, releases: Iterable[HostRelease], own: OwnNames, memory: Memory
) -> Image:
    owners = [item for item in releases if one.identity in item.images]
    explained = {keep_name(item.product, one.identity) for item in owners}
    ours = tuple(name for name in one.names if name.startswith(KEEP_PREFIX))
    strange = [name for name in ours if name not in explained]
    left_by = [own.leftover_of(name) for name in strange]
    known = [*([one.named] if one.named else []), *(item.arrived for item in owners)]
    return Image(
        identity=one.identity,
        names=tuple(name for name in one.names if name not in ours),
        layers=one.layers,
        created=one.created,
        arrived=max(known, default=memory.first[one.identity]),
        used=memory.used.get(one.identity),
        labels=one.labels,
        ancestors=one.ancestors,
        ours=ours,
        unexplained=tuple(name for name, of in zip(strange, left_by, strict=True) if not of),
        left_by=next(filter(None, left_by), "") if not owners else "",
    )
