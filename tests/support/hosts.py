"""Hosts that are not real, for what decides what may be removed from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from manifests.digest import Digest
from manifests.prunerules.inventory import (
    Container,
    ContainerState,
    HostRelease,
    Image,
    Inventory,
    Labels,
    Layer,
    Role,
    Volume,
)
from manifests.prunerules.policy import PrunePolicy

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
MIB = 1024**2
DAY = 24.0


def ago(hours: float) -> datetime:
    """Return a time before now."""
    return NOW - timedelta(hours=hours)


def identity(name: str) -> Digest:
    """Return a digest that only this name gives."""
    return Digest.of(name.encode())


def layer(name: str, mebibytes: int = 1) -> Layer:
    """Return a layer that is shared by all that name it."""
    return Layer(f"layer {name}", mebibytes * MIB)


def image(
    name: str,
    *,
    arrived: float = 30 * DAY,
    built: float | None = None,
    names: Sequence[str] | None = None,
    layers: Sequence[Layer] | None = None,
    labels: Labels | None = None,
    used: float | None = None,
) -> Image:
    """Return an image; times are hours ago. Its name is its own unless `names` are given."""
    return Image(
        identity=identity(name),
        names=(full(name),) if names is None else tuple(map(full, names)),
        layers=tuple(layers or (layer("base", 50), layer(name, 10))),
        created=ago(arrived if built is None else built),
        arrived=ago(arrived),
        used=None if used is None else ago(used),
        labels=labels or {},
    )


def full(name: str) -> str:
    """Return a name with a registry, as the inventory has it."""
    return name if name.partition("/")[0].count(".") else f"docker.io/{name}"


def container(
    name: str,
    of: Image | None = None,
    state: ContainerState = ContainerState.EXITED,
    *,
    ended: float | None = 2 * DAY,
    made: float = 3 * DAY,
    labels: Labels | None = None,
    volumes: Sequence[str] = (),
    command: str = "serve",
) -> Container:
    """Return a container; times are hours ago."""
    return Container(
        identity=identity(f"container {name}").hex,
        name=name,
        image=of.identity if of else None,
        state=state,
        created=ago(made),
        finished=None if ended is None else ago(ended),
        image_name=of.shown[0] if of else "",
        command=command,
        labels=labels or {},
        volumes=frozenset(volumes),
        size=MIB,
    )


def volume(
    name: str, *, driver: str = "local", made: float = 9 * DAY, labels: Labels | None = None
) -> Volume:
    """Return a volume."""
    return Volume(name, driver, ago(made), labels or {}, 5 * MIB)


def release(
    product: str,
    sequence: int,
    *images: Image,
    role: Role = Role.KEPT,
    arrived: float = 9 * DAY,
    policy: PrunePolicy | None = None,
) -> HostRelease:
    """Return a release with its images."""
    identities = frozenset(one.identity for one in images)
    return HostRelease(product, sequence, f"1.{sequence}", ago(arrived), identities, role, policy)


def crowd(images: int = 200, containers: int = 100) -> Inventory:
    """Return a host on which everything runs: nothing of it may go, whatever the settings."""
    made = [
        image(f"crowd/app{number // 4}:{number}", arrived=100 * DAY + number)
        for number in range(images)
    ]
    running = [
        container(
            f"crowd-{number}",
            made[number * images // containers],
            ContainerState.RUNNING,
            ended=None,
        )
        for number in range(containers)
    ]
    used = {one.image for one in running}
    kept = [one if one.identity in used else replace(one, labels=PINNED) for one in made]
    return Inventory(tuple(kept), tuple(running))


PINNED: Labels = {"moonlift.keep": "true"}


def with_crowd(host: Inventory) -> Inventory:
    """Return a host among 200 images and 100 containers in all."""
    others = crowd(200 - len(host.images), 100 - len(host.containers))
    return Inventory(
        (*others.images, *host.images),
        (*others.containers, *host.containers),
        host.volumes,
        host.releases,
    )
