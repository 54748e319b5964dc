"""One pruning of a host: facts are asked for, a plan is made, and carried out under the lock.

Owns the order, and that a plan that was shown is never exceeded: it is made anew under the
ledger's lock, of what the engine says then, and only what is in both goes. Never asks a person and
never prints.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from installer.engines.pruneapi import PruneApi
from installer.engines.prunefacts import EngineImage
from installer.ledger import Ledger, LockedLedger
from installer.planning.filesystems import free_bytes
from installer.prune.inventory import Found, Host, Place
from installer.prune.known import Known
from installer.prune.removal import Removal, Result
from installer.prune.seen import recall, remember
from installer.state.history import HistoryEntry
from installer.stream.removalevents import Removed
from manifests.errors import NotInstallableHere
from manifests.prunerules.host import HostTerms, plan_host
from manifests.prunerules.planner import Item, PrunePlan, Reason


@dataclass(frozen=True, slots=True)
class Asked:
    """What a pruning was asked.

    Attributes:
        terms: what goes.
        anonymous_volumes: whether those go with their container.
        free: bytes that shall be free where the engine keeps images; None to go by age alone.
    """

    terms: HostTerms
    anonymous_volumes: bool = False
    free: int | None = None


class Pruning:
    """One pruning of one engine."""

    def __init__(self, engine: PruneApi, place: Place, ledger: Ledger) -> None:
        self._engine = engine
        self._place = place
        self._root = place.info.root
        self._ledger = ledger
        self._known = Known(ledger.directory, place.info.identity)

    def plan(self, asked: Asked) -> PrunePlan:
        """Return what would become of everything, by what is known of images; removes nothing.

        Raises:
            EngineFailed: the engine does not answer.
            NotInstallableHere: the ledger can't be believed; `prune-room-unknown`.
        """
        return self._planned(asked, self._known.images())[0]

    def carry_out(
        self, ledger: LockedLedger, asked: Asked, shown: PrunePlan | None, cancel: threading.Event
    ) -> Iterator[Result]:
        """Remove what is to go, and yield what became of each; write all of it down.

        Args:
            ledger: whose lock is held.
            asked: as for `shown`.
            shown: the plan that a person has agreed to; None if none was asked.
            cancel: set it to stop after the thing at hand.

        Raises:
            EngineFailed, NotInstallableHere: as `plan`.
        """
        plan, found = self._planned(asked, {})
        remember(ledger.directory, found.memory)
        removal = Removal(
            self._engine, ledger, found.inventory, asked.anonymous_volumes, self._enough(asked)
        )
        results: list[Result] = []
        try:
            for result in _all(removal, plan, shown, cancel):
                results.append(result)
                yield result
        finally:
            if results:
                ledger.record(_entry(asked, results))

    def missing(self, asked: Asked) -> int:
        """Return the bytes that are not yet free, of those that were asked for."""
        if asked.free is None:
            return 0
        free = free_bytes(self._root)
        if free is None:
            raise NotInstallableHere(
                "prune-room-unknown",
                f"{self._root or 'the folder of the engine'} can't be seen from here, so that it"
                " is not known how much is free",
                hint="run it on the engine's own host, or go by age: leave out --free",
            )
        return max(0, asked.free - free)

    def _planned(self, asked: Asked, known: Mapping[str, EngineImage]) -> tuple[PrunePlan, Found]:
        now = datetime.now(UTC)
        memory = recall(self._ledger.directory)
        host = Host(self._engine, self._ledger, self._place, memory, known, now)
        found = host.inventory(volumes=asked.terms.policy.volumes)
        self._known.keep(found.images, known)
        room = None if asked.free is None else self.missing(asked)
        return plan_host(found.inventory, replace(asked.terms, now=now, room=room)), found

    def _enough(self, asked: Asked) -> Callable[[], bool]:
        return lambda: asked.free is not None and not self.missing(asked)


def _all(
    removal: Removal, plan: PrunePlan, shown: PrunePlan | None, cancel: threading.Event
) -> Iterator[Result]:
    if shown is None:
        yield from removal.results(plan, cancel)
        return
    agreed = {item.key for item in shown.going}
    still = {item.key for item in plan.going}
    for item in shown.going:
        if item.key not in still:
            yield Result(item, Removed.STAYED, _now(item, plan).text)
    both = [
        item if item.key in agreed else replace(item, goes=False, frees=0) for item in plan.items
    ]
    yield from removal.results(replace(plan, items=tuple(both)), cancel)


def _now(item: Item, plan: PrunePlan) -> Reason:
    """Return why something that was to go stays after all."""
    for one in plan.staying:
        if one.key == item.key:
            return one.reason
    return Reason("gone", "it is gone already")


def _entry(asked: Asked, results: list[Result]) -> HistoryEntry:
    facts: dict[str, str | int] = {
        str(outcome): sum(one.outcome is outcome for one in results) for outcome in Removed
    }
    facts["bytes"] = sum(one.freed for one in results)
    facts["names"] = " ".join(
        one.item.candidate.names[0] for one in results if one.outcome is Removed.REMOVED
    )[:10_000]
    return HistoryEntry(datetime.now(UTC), "pruned", asked.terms.product, facts=facts)
