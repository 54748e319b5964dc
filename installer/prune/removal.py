"""Carries a plan out, one thing after the other, and tells what became of each.

Owns the looking once more just before each removal: what is of use again, or is not what it was
when the plan was made, stays. Nothing is forced. Does not decide what goes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from installer.ledger import LockedLedger
from installer.running.appfiles import forget_files
from installer.stream.removalevents import Removed
from manifests.digest import Digest
from manifests.errors import EngineFailed, MoonliftError
from manifests.prunerules.inventory import Container, Image, Inventory
from manifests.prunerules.planner import Item, Kind, PrunePlan
from manifests.release import Release


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one thing that was to go.

    Attributes:
        item: the thing.
        outcome: what became of it.
        detail: why it is still there; empty if it is gone.
    """

    item: Item
    outcome: Removed
    detail: str = ""

    @property
    def freed(self) -> int:
        """Bytes that are free now."""
        return self.item.frees if self.outcome is Removed.REMOVED else 0


class Removing(Protocol):
    """An engine, as far as things are removed from it."""

    def listed_containers(self) -> tuple[Container, ...]: ...  # noqa: D102
    def ended_at(self, container: str) -> datetime | None: ...  # noqa: D102
    def names(self, image: Digest) -> tuple[str, ...] | None: ...  # noqa: D102
    def remove_container(self, identity: str, *, anonymous_volumes: bool) -> None: ...  # noqa: D102
    def remove_image(self, name: str) -> None: ...  # noqa: D102
    def remove_volume(self, name: str) -> None: ...  # noqa: D102
    def put_back(self, image: Digest, name: str) -> None: ...  # noqa: D102


class _Stays(Exception):
    """Something is of use again, or is another than it was; says which."""


@dataclass(frozen=True, slots=True)
class Removal:
    """How plans are carried out.

    Attributes:
        engine: things are removed from it.
        ledger: of this host.
        inventory: from which the plan was made.
        anonymous_volumes: whether those go with their container.
        enough: tells whether there is room enough, so that the rest may stay.
    """

    engine: Removing
    ledger: LockedLedger
    inventory: Inventory
    anonymous_volumes: bool = False
    enough: Callable[[], bool] = field(default=lambda: False)

    def results(self, plan: PrunePlan, cancel: threading.Event) -> Iterator[Result]:
        """Yield what became of each thing that was to go; stop when told to, or with enough."""
        there: set[str] = set()
        for item in plan.going:
            if cancel.is_set() or self.enough():
                return
            result = self._result(item, there)
            if result.outcome is not Removed.REMOVED:
                there.add(item.candidate.identity)
            yield result

    def _result(self, item: Item, there: set[str]) -> Result:
        try:
            self._remove(item, there)
        except _Stays as reason:
            return Result(item, Removed.STAYED, str(reason))
        except MoonliftError as error:
            return Result(item, Removed.FAILED, str(error))
        return Result(item, Removed.REMOVED)

    def _remove(self, item: Item, there: set[str]) -> None:
        identity = item.candidate.identity
        if item.candidate.kind is Kind.CONTAINER:
            self._remove_container(identity)
        elif item.candidate.kind is Kind.IMAGE:
            self._remove_image(identity)
        elif item.candidate.kind is Kind.VOLUME:
            self._remove_volume(identity)
        else:
            self._forget_release(identity, there)

    def _remove_container(self, identity: str) -> None:
        before = next(one for one in self.inventory.containers if one.identity == identity)
        now = next(
            (one for one in self.engine.listed_containers() if one.identity == identity), None
        )
        if now is None:
            return
        if not now.state.ended:
            raise _Stays(f"it is {now.state} now")
        if self.engine.ended_at(identity) != before.finished:
            raise _Stays("it ran once more")
        self.engine.remove_container(identity, anonymous_volumes=self.anonymous_volumes)

    def _remove_image(self, identity: str) -> None:
        image = next(one for one in self.inventory.images if str(one.identity) == identity)
        names = self.engine.names(image.identity)
        if names is None:
            return
        for one in self.engine.listed_containers():
            if one.image == image.identity:
                raise _Stays(f"container {one.name} was made from it")
        if set(names) != {*image.names, *image.ours}:
            raise _Stays("its names are others now")
        self._remove_names(image)

    def _remove_names(self, image: Image) -> None:
        """Remove name after name, ours last; where the engine refuses one, the others come back."""
        tags = [name for name in image.names if "@" not in name]
        digests = [name for name in image.names if "@" in name]
        removed: list[str] = []
        try:
            for name in (*tags, *digests, *image.ours):
                self.engine.remove_image(name)
                removed.append(name)
            if self.engine.names(image.identity) is not None:
                self.engine.remove_image(str(image.identity))
        except EngineFailed:
            for name in removed:
                self.engine.put_back(image.identity, name)
            raise

    def _remove_volume(self, name: str) -> None:
        for one in self.engine.listed_containers():
            if name in one.volumes:
                raise _Stays(f"container {one.name} has it")
        self.engine.remove_volume(name)

    def _forget_release(self, identity: str, there: set[str]) -> None:
        product, _, sequence = identity.rpartition(" ")
        release = next(
            one for one in self.inventory.releases if one.key == (product, int(sequence))
        )
        if any(str(image) in there for image in release.images):
            raise _Stays("one of its images is still there")
        needed = list(self._needed(product, int(sequence)))
        self.ledger.forget_release(product, int(sequence))
        forget_files(self.ledger.directory, product, needed)

    def _needed(self, product: str, without: int) -> Iterator[Release]:
        for kept in self.ledger.releases():
            if kept.product == product and kept.sequence != without:
                yield Release.read(kept.raw)
