"""How much room a load takes, where, against what is free: the reckoning alone, no I/O.

Owns what each kind of store writes where and when, and the height that this reaches on each file
system. `installer.planning.filesystems` says which file systems there are.

A graph driver's engine first copies a whole archive to its temporary folder and removes it when
the image is in; containerd keeps the blobs beside what they unpack to; a layout keeps the blobs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate, zip_longest
from pathlib import Path
from typing import Final

from installer.engines.base import Delivery, Store
from manifests.errors import NotInstallableHere
from manifests.quantities import bytes_text

SPACE_MARGIN: Final = 32 * 1024 * 1024
"""Bytes that stay free, whatever the estimate says."""
SPACE_FACTOR: Final = 1.05
"""File systems need more than the files' bytes."""


class Purpose(StrEnum):
    """What a place is to whoever writes there."""

    TEMPORARY = "temporary"
    STORE = "store"
    STATE = "state"
    OLD_LAYERS = "old layers"

    @property
    def lasting(self) -> bool:
        """Whether what is written stays."""
        return self not in (Purpose.TEMPORARY, Purpose.OLD_LAYERS)


@dataclass(frozen=True, slots=True)
class Places:
    """Where an engine writes; None where that is not known.

    Attributes:
        temporary: what it copies while it loads.
        store: its images.
    """

    temporary: Path | None
    store: Path | None


@dataclass(frozen=True, slots=True)
class FileSystem:
    """A file system of this host.

    Attributes:
        key: what tells it from all others.
        device: such as `/dev/sda2`.
        mount: where it is mounted.
        kind: such as `ext4`.
        free: bytes that a user who is not root could still write.
        total: bytes.
    """

    key: str
    device: str
    mount: str
    kind: str
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Writing:
    """What is written in one place.

    Attributes:
        purpose: what the place is.
        path: where it is; None where that is not known.
        steps: bytes for each delivery in turn.
    """

    purpose: Purpose
    path: Path | None
    steps: tuple[int, ...]

    @property
    def total(self) -> int:
        """Bytes written there from start to end."""
        return sum(self.steps)

    @property
    def height(self) -> int:
        """Bytes that lie there at most at a time."""
        return self.total if self.purpose.lasting else max(self.steps, default=0)


@dataclass(frozen=True, slots=True)
class Demand:
    """What is asked of one file system.

    Attributes:
        system: which.
        purposes: what is written there.
        need: bytes that must be free before the start, a margin included.
    """

    system: FileSystem
    purposes: tuple[Purpose, ...]
    need: int

    @property
    def missing(self) -> int:
        """Bytes that are not there."""
        return max(0, self.need - self.system.free)


@dataclass(frozen=True, slots=True)
class Room:
    """All that is written, and what it asks of each file system.

    Attributes:
        writings: place by place.
        demands: file system by file system.
        unseen: places whose file system can't be seen from here.
    """

    writings: tuple[Writing, ...] = ()
    demands: tuple[Demand, ...] = ()
    unseen: tuple[Writing, ...] = ()

    def written(self, purpose: Purpose) -> int:
        """Return the bytes that are written for a purpose."""
        return sum(one.total for one in self.writings if one.purpose is purpose)


def writings(store: Store, deliveries: Sequence[Delivery], places: Places) -> tuple[Writing, ...]:
    """Return what an engine writes for these deliveries."""
    packed = [sum(layer.size for layer in one.missing) for one in deliveries]
    unpacked = [sum(layer.uncompressed for layer in one.missing) for one in deliveries]
    kept = {
        Store.GRAPH_DRIVER: unpacked,
        Store.CONTAINERD: [sum(both) for both in zip(packed, unpacked, strict=True)],
        Store.LAYOUT: packed,
    }[store]
    stored = Writing(Purpose.STORE, places.store, tuple(kept))
    if store is not Store.GRAPH_DRIVER:
        return (stored,)
    return (Writing(Purpose.TEMPORARY, places.temporary, tuple(unpacked)), stored)


def reckon(written: Sequence[Writing], file_system_of: Callable[[Path], FileSystem | None]) -> Room:
    """Return what the writings ask of the file systems that they fall on."""
    some = tuple(one for one in written if one.total)
    found = [None if one.path is None else file_system_of(one.path) for one in some]
    systems = {one.key: one for one in found if one is not None}
    pairs = list(zip(some, found, strict=True))
    demands = [
        _demand(system, [one for one, at in pairs if at is not None and at.key == key])
        for key, system in systems.items()
    ]
    return Room(some, tuple(demands), tuple(one for one, at in pairs if at is None))


def needed_bytes(store: Store, deliveries: Sequence[Delivery]) -> int:
    """Return what one file system needs that all of a load falls on."""
    return _need(writings(store, deliveries, Places(None, None)))


def lacking(room: Room) -> Iterator[NotInstallableHere]:
    """Yield an error for each file system that has too little room."""
    for one in room.demands:
        if one.missing:
            yield _no_space(one)


def _demand(system: FileSystem, written: Sequence[Writing]) -> Demand:
    return Demand(system, tuple(one.purpose for one in written), _need(written))


def _need(written: Sequence[Writing]) -> int:
    height = _height(written)
    return int(height * SPACE_FACTOR) + SPACE_MARGIN if height else 0


def _height(written: Sequence[Writing]) -> int:
    """Return the most that lies there at any time: what stayed so far, and what will go again."""
    lasting = [one.steps for one in written if one.purpose.lasting]
    passing = [one.steps for one in written if not one.purpose.lasting]
    grown = accumulate(map(sum, zip_longest(*lasting, fillvalue=0)))
    gone = map(sum, zip_longest(*passing, fillvalue=0))
    return max(map(sum, zip_longest(grown, gone, fillvalue=0)), default=0)


def _no_space(demand: Demand) -> NotInstallableHere:
    system, purposes = demand.system, " and ".join(demand.purposes)
    return NotInstallableHere(
        "no-space",
        f"{system.mount} ({system.device}): expected {bytes_text(demand.need)} free for the"
        f" engine's {purposes}, found {bytes_text(system.free)}:"
        f" {bytes_text(demand.missing)} are missing",
        hint="free space there; docker system df shows what the engine could drop",
        root=system.mount,
        device=system.device,
        need=demand.need,
        free=system.free,
    )
