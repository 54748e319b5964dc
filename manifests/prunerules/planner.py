"""Decides what goes: the one planner of the host and of the build cache.

Owns the order, the grace period, how much must go for want of room, and the bytes that each
removal frees, shared ones counted once. Pure: a clock's time comes in, a plan goes out. What else
keeps a thing, such as a running container, its room says beforehand: `manifests.prunerules.host`,
`bundler.prune`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from manifests.prunerules.inventory import Layer

DAY_SECONDS: Final = 86400


class Kind(StrEnum):
    """What can be removed, in the order in which it is."""

    CONTAINER = "container"
    IMAGE = "image"
    RELEASE = "release"
    VOLUME = "volume"
    BLOB = "blob"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something goes or stays.

    Attributes:
        code: kebab-case and stable.
        text: for people.
    """

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that could go.

    Attributes:
        kind: of thing.
        identity: what it is removed by.
        names: that people know it by.
        since: when it arrived or was last of use, whichever is later.
        holds: what its removal may free.
        stays: why it stays whatever its age; None if only age and room matter.
        depth: of those of one kind and age, the lowest goes first.
        about: where it comes from, if that is worth saying; empty if not.
    """

    kind: Kind
    identity: str
    names: tuple[str, ...]
    since: datetime
    holds: tuple[Layer, ...] = ()
    stays: Reason | None = None
    depth: int = 0
    about: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """What becomes of one thing.

    Attributes:
        candidate: the thing.
        goes: whether it is to be removed.
        reason: why, or why not.
        frees: bytes that its removal frees after those before it.
    """

    candidate: Candidate
    goes: bool
    reason: Reason
    frees: int = 0

    @property
    def key(self) -> tuple[Kind, str]:
        """What tells it from all others."""
        return self.candidate.kind, self.candidate.identity


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """What becomes of everything.

    Attributes:
        items: in the order of removal; those that stay come last.
        room: bytes that were asked to be freed; None where all goes that may.
    """

    items: tuple[Item, ...]
    room: int | None = None

    @property
    def going(self) -> tuple[Item, ...]:
        """What is to be removed, in order."""
        return tuple(item for item in self.items if item.goes)

    @property
    def staying(self) -> tuple[Item, ...]:
        """What is to stay."""
        return tuple(item for item in self.items if not item.goes)

    @property
    def frees(self) -> int:
        """Bytes that all removals free."""
        return sum(item.frees for item in self.items)

    @property
    def short(self) -> int:
        """Bytes that are still missing after all that may go has gone."""
        return max(0, (self.room or 0) - self.frees)


@dataclass(frozen=True, slots=True)
class Terms:
    """When age is enough.

    Attributes:
        now: by the clock of the host.
        grace: for which a thing must have been of no use.
        room: bytes to free, oldest first; None to let all go that may.
    """

    now: datetime
    grace: timedelta
    room: int | None = None

    def is_due(self, candidate: Candidate) -> bool:
        """Tell whether a thing may go by reason and age."""
        return candidate.stays is None and self.now - candidate.since > self.grace


def settle(candidates: Sequence[Candidate], terms: Terms) -> PrunePlan:
    """Decide on everything.

    Something that needs another to go first must be as young as that, or younger, and of a later
    kind: then no order breaks it.
    """
    due = sorted(filter(terms.is_due, candidates), key=lambda one: _order(one, terms))
    holders = Counter(key for one in candidates for key in _keys(one))
    going: list[Item] = []
    freed = 0
    while due and (terms.room is None or freed < terms.room):
        candidate = due.pop(0)
        frees = _release(candidate, holders)
        going.append(Item(candidate, goes=True, reason=_age(candidate, terms), frees=frees))
        freed += frees
    removed = {(item.key) for item in going}
    staying = [
        Item(one, goes=False, reason=_staying(one, terms))
        for one in candidates
        if (one.kind, one.identity) not in removed
    ]
    return PrunePlan((*going, *staying), terms.room)


def age_text(seconds: float) -> str:
    """Return an age as people say it: `3 days`."""
    for unit, name in ((DAY_SECONDS, "day"), (3600, "hour"), (60, "minute")):
        count = int(seconds // unit)
        if count >= 1:
            return f"{count} {name}{'' if count == 1 else 's'}"
    return "less than a minute"


def _order(candidate: Candidate, terms: Terms) -> tuple[object, ...]:
    """Return what things are sorted by: under want of room by age first."""
    rank = list(Kind).index(candidate.kind)
    age = candidate.since
    by = (rank, age) if terms.room is None else (age, rank)
    return (*by, candidate.depth, candidate.identity)


def _keys(candidate: Candidate) -> Iterable[str]:
    return {layer.key for layer in candidate.holds}


def _release(candidate: Candidate, holders: Counter[str]) -> int:
    """Let go of what a thing holds; return the bytes that nothing holds any more."""
    holders.subtract(_keys(candidate))
    sizes = {layer.key: layer.size for layer in candidate.holds}
    return sum(size for key, size in sizes.items() if holders[key] == 0)


def _age(candidate: Candidate, terms: Terms) -> Reason:
    seconds = (terms.now - candidate.since).total_seconds()
    unused = f"of no use for {age_text(seconds)}"
    if candidate.about:
        return Reason("leftover", f"{candidate.about}, {unused}")
    return Reason("unused", unused)


def _staying(candidate: Candidate, terms: Terms) -> Reason:
    if candidate.stays is not None:
        return candidate.stays
    if terms.is_due(candidate):
        return Reason("room", "there is room enough without it")
    seconds = max(0.0, (terms.now - candidate.since).total_seconds())
    grace = age_text(terms.grace.total_seconds())
    return Reason("grace", f"of use {age_text(seconds)} ago; the grace period is {grace}")
