"""What keeps a container, image, release or volume of a host, whatever its age.

Owns docker-gc's rules and ours, in the order in which they are asked. Pure: facts come in, a plan
goes out; `manifests.prunerules.planner` adds the grace period, the want of room and the bytes.

Nothing here removes anything that is reachable from what runs, from the current and the previous
release, or from an exclude: a container keeps its image and its volumes, a release its images.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from manifests.digest import Digest
from manifests.prunerules.excludes import Excludes
from manifests.prunerules.inventory import (
    ONE_OFF_LABEL,
    PRODUCT_LABEL,
    PROJECT_LABEL,
    Container,
    ContainerState,
    HostRelease,
    Image,
    Inventory,
    Layer,
    Role,
    Volume,
    is_pinned,
    newest_of_each,
    newest_policies,
)
from manifests.prunerules.planner import Candidate, Item, Kind, PrunePlan, Reason, Terms, settle
from manifests.prunerules.policy import PrunePolicy

LOCAL_DRIVER: Final = "local"

_PINNED: Final = Reason("pinned", "its label moonlift.keep says so")


@dataclass(frozen=True, slots=True)
class HostTerms:
    """How a host is pruned.

    Attributes:
        policy: what may go, and after how long.
        now: by the host's clock.
        product: only what is of this app; empty for everything.
        excludes: what stays, the policy's own and those of releases not counted.
        keep_releases: of every product; None for what each product's newest release says.
        keep_dead: whether containers that failed to be removed once stay.
        volume_driver: only volumes of this driver; empty for any.
        room: bytes to free, oldest first; None to let all go that may.
    """

    policy: PrunePolicy
    now: datetime
    product: str = ""
    excludes: Excludes = field(default_factory=Excludes)
    keep_releases: int | None = None
    keep_dead: bool = False
    volume_driver: str = LOCAL_DRIVER
    room: int | None = None

    @property
    def grace(self) -> timedelta:
        """For which something must have been of no use."""
        return timedelta(seconds=self.policy.grace_seconds)


def plan_host(inventory: Inventory, terms: HostTerms) -> PrunePlan:
    """Return what becomes of everything on a host.

    Raises:
        MalformedInput: `exclude-malformed`: a policy's pattern is none.
    """
    return _Planning(inventory, terms).plan()


class _Planning:
    def __init__(self, inventory: Inventory, terms: HostTerms) -> None:
        self._inventory = inventory
        self._terms = terms
        self._ages = Terms(terms.now, terms.grace, terms.room)
        self._policies = newest_policies(inventory.releases)
        self._excludes = terms.excludes | Excludes.of(self._patterns())
        self._releases = {one.key: self._release_stays(one) for one in inventory.releases}
        self._containers = [self._container(one) for one in inventory.containers]
        self._users = self._image_users()
        self._newest = newest_of_each(inventory.images, terms.policy.keep_images)

    def plan(self) -> PrunePlan:
        images = self._images()
        volumes = [self._volume(one) for one in self._inventory.volumes]
        plan = settle([*self._containers, *images, *volumes], self._ages)
        releases = [self._release(one, plan) for one in self._inventory.releases]
        return _with_releases(plan, releases)

    def _patterns(self) -> Iterable[str]:
        yield from self._terms.policy.exclude
        for policy in self._policies.values():
            yield from policy.exclude

    def _release_stays(self, release: HostRelease) -> Reason | None:
        """Return why a release stays, None if it goes as soon as its images do."""
        if self._terms.product not in ("", release.product):
            return Reason("scope", f"not of {self._terms.product}")
        if release.role is not Role.KEPT:
            return Reason("release", f"the {release.role} release of {release.product}")
        kept = self._kept_count(release.product)
        newer = sum(
            one.product == release.product and one.sequence > release.sequence
            for one in self._inventory.releases
        )
        if newer < kept:
            return Reason("release", f"one of the newest {kept} releases of {release.product}")
        if self._terms.now - release.arrived <= self._terms.grace:
            return Reason("grace", "it arrived within the grace period")
        return None

    def _kept_count(self, product: str) -> int:
        own = self._policies.get(product, self._terms.policy).keep_releases
        return own if self._terms.keep_releases is None else self._terms.keep_releases

    def _container(self, one: Container) -> Candidate:
        return Candidate(
            kind=Kind.CONTAINER,
            identity=one.identity,
            names=(one.name,),
            since=one.since,
            holds=(Layer(f"container {one.identity}", one.size),),
            stays=next(self._container_reasons(one), None),
        )

    def _container_reasons(self, one: Container) -> Iterator[Reason]:
        if not one.state.ended:
            yield Reason("in-use", f"it is {one.state}")
        if is_pinned(one.labels):
            yield _PINNED
        yield from _excluded(self._excludes.of_container(one))
        yield from self._of_an_app(one)
        if not self._terms.policy.containers:
            yield Reason("containers", "containers that have ended are not to go")
        if one.state is ContainerState.DEAD and self._terms.keep_dead:
            yield Reason("dead", "dead containers are not to go")

    def _of_an_app(self, one: Container) -> Iterator[Reason]:
        """Tell why an ended container of an app stays: it is part of what may be started."""
        product, project = one.labels.get(PRODUCT_LABEL), one.labels.get(PROJECT_LABEL)
        if product and any(release.product == product for release in self._inventory.releases):
            yield Reason("app", f"part of {product}, which is installed")
        if self._terms.product and product != self._terms.product:
            yield Reason("scope", f"not of {self._terms.product}")
        one_off = one.labels.get(ONE_OFF_LABEL, "False").casefold() == "true"
        if project and not one_off and project in self._inventory.living_projects:
            yield Reason("app", f"part of the Compose project {project}, which runs")

    def _image_users(self) -> Mapping[Digest, str]:
        """Return, by image, a container that keeps it."""
        users: dict[Digest, str] = {}
        for one, candidate in zip(self._inventory.containers, self._containers, strict=True):
            if one.image is not None and not self._ages.is_due(candidate):
                users.setdefault(one.image, one.name)
        return users

    def _images(self) -> list[Candidate]:
        """Return the images; one that others were built on here is as they are."""
        made = {one.identity: self._image(one) for one in self._inventory.images}
        built_on: defaultdict[Digest, list[Candidate]] = defaultdict(list)
        for one in self._inventory.images:
            for ancestor in one.ancestors:
                built_on[ancestor].append(made[one.identity])
        return [_with_children(one, built_on[identity]) for identity, one in made.items()]

    def _image(self, one: Image) -> Candidate:
        ends = [item.since for item in self._inventory.containers if item.image == one.identity]
        return Candidate(
            kind=Kind.IMAGE,
            identity=str(one.identity),
            names=one.shown,
            since=max([one.arrived, *([one.used] if one.used else []), *ends]),
            holds=one.layers,
            stays=next(self._image_reasons(one), None),
            about=f"left by an install of {one.left_by} that was broken off" if one.left_by else "",
        )

    def _image_reasons(self, one: Image) -> Iterator[Reason]:
        if user := self._users.get(one.identity):
            yield Reason("in-use", f"container {user} was made from it")
        yield from self._released(one)
        if one.unexplained:
            yield Reason("keeping-name", f"{one.unexplained[0]} is of no app known here")
        if is_pinned(one.labels):
            yield _PINNED
        yield from _excluded(self._excludes.of_image(one))
        if repository := self._newest.get(one.identity):
            count = self._terms.policy.keep_images
            yield Reason("keep-images", f"one of the newest {count} of {repository}")
        if not (one.names or one.ours or self._terms.policy.dangling):
            yield Reason("nameless", "images without a name are not to go")

    def _released(self, one: Image) -> Iterator[Reason]:
        """Tell why a release keeps an image, or why it is none of our business."""
        owners = [item for item in self._inventory.releases if one.identity in item.images]
        for owner in owners:
            if self._releases[owner.key] is not None:
                text = f"of {owner.product} {owner.version}, release {owner.sequence}"
                yield Reason("release", text)
        if self._terms.product and not owners and one.left_by != self._terms.product:
            yield Reason("scope", f"not of {self._terms.product}")

    def _volume(self, one: Volume) -> Candidate:
        ends = [item.since for item in self._inventory.containers if one.name in item.volumes]
        known = [*([one.created] if one.created else []), *ends]
        unknown = None if known else Reason("age", "the engine does not say how old it is")
        return Candidate(
            kind=Kind.VOLUME,
            identity=one.name,
            names=(one.name,),
            since=max(known, default=self._terms.now),
            holds=(Layer(f"volume {one.name}", one.size),),
            stays=next(self._volume_reasons(one), unknown),
        )

    def _volume_reasons(self, one: Volume) -> Iterator[Reason]:
        for container, candidate in zip(self._inventory.containers, self._containers, strict=True):
            if one.name in container.volumes and not self._ages.is_due(candidate):
                yield Reason("in-use", f"container {container.name} has it")
        if not self._terms.policy.volumes:
            yield Reason("volumes", "volumes are not to go")
        if PROJECT_LABEL in one.labels or PRODUCT_LABEL in one.labels:
            yield Reason("app", "it is the volume of an app; only a person removes it")
        if self._terms.product:
            yield Reason("scope", f"not of {self._terms.product}")
        if self._terms.volume_driver not in ("", one.driver):
            yield Reason("driver", f"of driver {one.driver}, not {self._terms.volume_driver}")
        if is_pinned(one.labels):
            yield _PINNED
        yield from _excluded(self._excludes.of_volume(one))

    def _release(self, one: HostRelease, plan: PrunePlan) -> Item:
        """Decide on a release: it goes after the last image that only such releases have."""
        candidate = Candidate(
            kind=Kind.RELEASE,
            identity=f"{one.product} {one.sequence}",
            names=(f"{one.product} {one.version}",),
            since=one.arrived,
        )
        reason = self._releases[one.key] or _first_that_stays(one, plan)
        if reason is not None:
            return Item(replace(candidate, stays=reason), goes=False, reason=reason)
        gone = Reason("release", "older than those that are kept, and its images go or are gone")
        return Item(candidate, goes=True, reason=gone, frees=one.size)


def _with_children(one: Candidate, children: Sequence[Candidate]) -> Candidate:
    """Return an image that goes after the last of those that were built on it."""
    if not children:
        return one
    stay = next((child for child in children if child.stays is not None), None)
    built = None if stay is None else Reason("parent", f"{stay.names[0]} was built on it")
    return replace(
        one,
        since=max(one.since, *(child.since for child in children)),
        stays=one.stays or built,
        depth=len(children),
    )


def _first_that_stays(release: HostRelease, plan: PrunePlan) -> Reason | None:
    """Return which of a release's own images stays, and why; None if none does."""
    own = {str(identity) for identity in release.images}
    for item in plan.staying:
        one = item.candidate
        if one.kind is Kind.IMAGE and one.identity in own and item.reason.code != "release":
            return Reason("image-stays", f"{one.names[0]} stays: {item.reason.text}")
    return None


def _with_releases(plan: PrunePlan, releases: Iterable[Item]) -> PrunePlan:
    """Add what becomes of releases, before volumes if all is in the order of kinds."""
    releases = tuple(releases)
    going = (*plan.going, *(item for item in releases if item.goes))
    if plan.room is None:
        kinds = list(Kind)
        going = tuple(sorted(going, key=lambda item: kinds.index(item.candidate.kind)))
    return replace(
        plan, items=(*going, *plan.staying, *(item for item in releases if not item.goes))
    )


def _excluded(text: str | None) -> Iterator[Reason]:
    if text is not None:
        yield Reason("excluded", f"by {text}")
