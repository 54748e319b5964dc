"""docker-gc's rules, as its script of 2021-02-01 has them, defects included: what we compare with.

Only what decides: which containers, images and volumes it would try to remove.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from manifests.imagenames import familiar_name
from manifests.prunerules.inventory import Container, ContainerState, Image, Inventory
from manifests.prunerules.patterns import Line

NEVER = datetime(1, 1, 1, tzinfo=UTC)
"""What Docker says of a container that has not ended."""
RUNNING = (ContainerState.RUNNING, ContainerState.PAUSED, ContainerState.RESTARTING)


@dataclass(frozen=True)
class Settings:
    """Its environment variables."""

    grace_period_seconds: int = 3600
    minimum_images_to_save: int = 0
    remove_volumes: bool = False
    volume_delete_only_driver: str = "local"
    exclude_from_gc: tuple[str, ...] = ()
    exclude_containers_from_gc: tuple[str, ...] = ()
    exclude_volumes: tuple[str, ...] = ()


def reaped(host: Inventory, now: datetime, settings: Settings | None = None) -> set[str]:
    """Return the names of all that it would try to remove."""
    chosen = settings or Settings()
    grace = timedelta(seconds=chosen.grace_period_seconds)
    gone = {one.identity for one in host.containers if _reaps(one, now, grace, chosen)}
    kept = [one for one in host.containers if one.identity not in gone]
    used = {one.image for one in kept}
    images = {
        one.shown[0]
        for one in _candidates(host.images, chosen.minimum_images_to_save)
        if now - one.created > grace and one.identity not in used and not _excluded(one, chosen)
    }
    names = {one.name for one in host.containers if one.identity in gone}
    return names | images | set(_volumes(host, kept, chosen))


def _reaps(one: Container, now: datetime, grace: timedelta, settings: Settings) -> bool:
    if one.state in RUNNING or now - (one.finished or NEVER) <= grace:
        return False
    row = f'{one.identity[:12]} {one.image_name} "{one.command}" {one.state} {one.name}'
    lines = map(Line.of_container, settings.exclude_containers_from_gc)
    return not any(line.finds(row) for line in lines)


def _candidates(images: Iterable[Image], saved: int) -> list[Image]:
    """Return all but the newest of each repository: one that is old in any of its own is here."""
    groups: defaultdict[str, list[Image]] = defaultdict(list)
    for one in images:
        for repository in {name.rpartition(":")[0] for name in one.names}:
            groups[repository].append(one)
    listed = [one for one in images if not one.names]
    for group in groups.values():
        listed += sorted(group, key=lambda one: one.created, reverse=True)[saved:]
    return listed


def _excluded(one: Image, settings: Settings) -> bool:
    rows = [f" {familiar_name(name)} {one.identity.short} " for name in one.names]
    return any(Line.of_image(text).finds(row) for text in settings.exclude_from_gc for row in rows)


def _volumes(host: Inventory, kept: list[Container], settings: Settings) -> Iterable[str]:
    used = {name for one in kept for name in one.volumes}
    for one in host.volumes if settings.remove_volumes else ():
        excluded = any(Line.of_volume(text).finds(one.name) for text in settings.exclude_volumes)
        suits = settings.volume_delete_only_driver in ("", one.driver)
        if one.name not in used and suits and not excluded:
            yield one.name
