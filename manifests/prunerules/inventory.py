"""What a host has that could be removed: frozen facts, as they were at one moment.

Owns their form and what can be said of one fact alone. Asks nobody and decides nothing:
`installer.prune` asks, `manifests.prunerules.host` decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from manifests.digest import Digest
from manifests.imagenames import familiar_name, repository_of
from manifests.prunerules.policy import PrunePolicy

PIN_LABEL: Final = "moonlift.keep"
"""Whatever has this label, with any value but `false`, stays."""
PRODUCT_LABEL: Final = "moonlift.product"
PROJECT_LABEL: Final = "com.docker.compose.project"
ONE_OFF_LABEL: Final = "com.docker.compose.oneoff"
Labels = Mapping[str, str]


class ContainerState(StrEnum):
    """What an engine says of a container."""

    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"
    UNKNOWN = "unknown"

    @property
    def ended(self) -> bool:
        """Whether it ran, and will not by itself run again."""
        return self in (ContainerState.EXITED, ContainerState.DEAD)


class Role(StrEnum):
    """What a release is to its product."""

    ACTIVE = "active"
    PREVIOUS = "previous"
    PENDING = "pending"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Layer:
    """Bytes that several things may share.

    Attributes:
        key: the same for the same bytes.
        size: bytes that are free once nothing holds it any more.
    """

    key: str
    size: int


@dataclass(frozen=True, slots=True)
class Image:
    """An image of the engine.

    Attributes:
        identity: what the engine knows it by.
        names: full references, by tag or by digest; not ours.
        layers: lowest first.
        created: when it was built, as its maker says.
        arrived: when it came to this host, or got its newest name.
        used: when it was last seen in use; None if it never was.
        labels: of its config.
        ancestors: images that it was built on here; an engine removes none of them before it.
        ours: names of ours, which keep it while its release is installed.
        unexplained: those of `ours` that are of no app known here.
        left_by: the app an install of which was broken off and left it; empty for none.
    """

    identity: Digest
    names: tuple[str, ...]
    layers: tuple[Layer, ...]
    created: datetime
    arrived: datetime
    used: datetime | None = None
    labels: Labels = field(default_factory=dict)
    ancestors: frozenset[Digest] = frozenset()
    ours: tuple[str, ...] = ()
    unexplained: tuple[str, ...] = ()
    left_by: str = ""

    @property
    def shown(self) -> tuple[str, ...]:
        """What people know it by; its ID where it has no name."""
        return tuple(map(familiar_name, self.names)) or self.ours or (self.identity.short,)


@dataclass(frozen=True, slots=True)
class Container:
    """A container of the engine.

    Attributes:
        identity: its ID.
        name: without the slash that engines write before it.
        image: identity of its image; None where the engine no longer knows.
        state: what it does.
        created: when it was made.
        finished: when it last ended; None if it never ran.
        image_name: of its image, as it was started.
        command: that it runs.
        labels: its own and its image's.
        volumes: names of the volumes that it has.
        size: bytes that it wrote.
    """

    identity: str
    name: str
    image: Digest | None
    state: ContainerState
    created: datetime
    finished: datetime | None = None
    image_name: str = ""
    command: str = ""
    labels: Labels = field(default_factory=dict)
    volumes: frozenset[str] = frozenset()
    size: int = 0

    @property
    def since(self) -> datetime:
        """When it was last of use."""
        return self.created if self.finished is None else max(self.created, self.finished)


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume of the engine.

    Attributes:
        name: of it.
        driver: that keeps it.
        created: when it was made; None where the engine does not say.
        labels: of it.
        size: bytes in it; 0 where that is not known.
    """

    name: str
    driver: str
    created: datetime | None
    labels: Labels = field(default_factory=dict)
    size: int = 0


@dataclass(frozen=True, slots=True)
class HostRelease:
    """A release that the ledger keeps.

    Attributes:
        product: name of the app.
        sequence: number of the release.
        version: for people.
        arrived: when it was installed here.
        images: identities of its images in the engine.
        role: what it is to its product.
        policy: what it says of pruning; None for nothing.
        size: bytes of its files that no other release has.
    """

    product: str
    sequence: int
    version: str
    arrived: datetime
    images: frozenset[Digest]
    role: Role = Role.KEPT
    policy: PrunePolicy | None = None
    size: int = 0

    @property
    def key(self) -> tuple[str, int]:
        """Product and number."""
        return self.product, self.sequence


@dataclass(frozen=True, slots=True)
class Inventory:
    """All of it."""

    images: tuple[Image, ...] = ()
    containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    releases: tuple[HostRelease, ...] = ()

    @property
    def living_projects(self) -> frozenset[str]:
        """Compose projects of which something runs, or will."""
        living = (one.labels.get(PROJECT_LABEL) for one in self.containers if not one.state.ended)
        return frozenset(project for project in living if project)


def is_pinned(labels: Labels) -> bool:
    """Tell whether labels say that what has them stays."""
    return labels.get(PIN_LABEL, "false").casefold() not in ("false", "0", "no")


def newest_of_each(images: Iterable[Image], count: int) -> Mapping[Digest, str]:
    """Return, by image, a repository of which it is one of the `count` that were built last.

    One that counts in any of its repositories counts, whatever other names it has.
    """
    members: defaultdict[str, dict[Digest, Image]] = defaultdict(dict)
    for image in images:
        for name in image.names:
            members[repository_of(name)][image.identity] = image
    kept: dict[Digest, str] = {}
    for repository, found in members.items():
        by_age = sorted(found.values(), key=lambda one: (one.created, one.arrived), reverse=True)
        kept.update((image.identity, repository) for image in by_age[:count])
    return kept


def newest_policies(releases: Iterable[HostRelease]) -> dict[str, PrunePolicy]:
    """Return what the newest release of each product says of pruning, where it says something."""
    newest = {one.product: one for one in sorted(releases, key=lambda one: one.sequence)}
    return {name: one.policy for name, one in newest.items() if one.policy is not None}
