"""Makes what shall run of a release run, whatever ran before; and puts that back if it fails.

Owns the order of steps:

    1  there must be room: names, ports
    2  networks and volumes are made
    3  containers that are not there yet are made, not started, beside those that run
    4  what is obsolete is stopped, and kept from being started by the engine
    5  all that shall run is started, each when what it needs is there, and must become well
    6  well: what is obsolete is removed, and the new ones get their own names
       not well: the new ones are removed, and what ran before runs again

Every step goes by what the engine has, not by what an earlier run may have done: a switch that was
killed at any point is finished by the next one, to the new release or to the old. No volume is
ever removed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress

from installer.app import birth
from installer.app.converge import Change, Kept, compare, is_interim
from installer.app.failure import Failure, started_not
from installer.app.room import check_room
from installer.app.rooms import make_rooms
from installer.app.starting import Member, Starting, Unwell
from installer.app.stopping import stop_all
from installer.app.undoing import undo
from installer.app.wanted import Deployment, WantedContainer
from installer.engines.appapi import AppApi
from installer.engines.containerfacts import PROJECT, ContainerFacts
from installer.engines.containers import ContainerRefused
from installer.events import Event, ServiceChanged, ServiceState, Stage
from installer.stream.jobs import Halted
from manifests.errors import EngineFailed

__all__ = ["check_room", "switch"]


def switch(apps: AppApi, wanted: Deployment, cancel: threading.Event) -> Iterator[Event]:
    """Let exactly `wanted` run; yield `ServiceChanged`, `Noted` and `Advanced` of Stage.START.

    `Advanced` counts containers that are as they should be, of `len(wanted.containers)`.

    Raises:
        StartFailed: `app-start`, `app-unhealthy`: what ran before runs again.
        NotInstallableHere: `app-name-taken`, `app-port-taken`, `app-network-missing`,
            `app-volume-missing`: nothing was changed.
        EngineFailed: it does not answer; run again.
        Halted: `cancel` was set; what ran before runs again.
    """
    return _Switch(apps, wanted, cancel, tries=1 + len(wanted.containers)).events()


class _Switch:
    def __init__(
        self, apps: AppApi, wanted: Deployment, cancel: threading.Event, *, tries: int
    ) -> None:
        self._tries = tries
        self._apps = apps
        self._wanted = wanted
        self._cancel = cancel
        self._ids: dict[tuple[str, int], str] = {}

    def events(self) -> Iterator[Event]:
        check_room(self._apps, self._wanted)
        yield from make_rooms(self._apps, self._wanted)
        change = compare(self._wanted, self._found())
        try:
            yield from self._make(change)
            yield from stop_all(self._apps, self._in_the_way(change), self._cancel)
            yield from Starting(self._apps, self._members(change), self._cancel).events(
                self._wanted.deadline_seconds
            )
        except Unwell as unwell:
            if unwell.stale and self._tries > 1:
                yield from self._anew(unwell.member)
                return
            failure = started_not(self._apps, self._wanted, unwell)
            yield _failed(failure)
            after = yield from undo(self._apps, change, self._new(change))
            raise failure.because(after) from unwell
        except (Halted, EngineFailed):
            with suppress(EngineFailed):
                yield from undo(self._apps, change, self._new(change))
            raise
        yield from self._clear(change)

    def _anew(self, member: Member) -> Iterator[Event]:
        """Go on without a container that can't be started any more: another is made for it."""
        self._apps.remove(member.id)
        again = _Switch(self._apps, self._wanted, self._cancel, tries=self._tries - 1)
        yield from again.events()

    def _found(self) -> list[ContainerFacts]:
        return self._apps.labelled(PROJECT, self._wanted.project)

    def _make(self, change: Change) -> Iterator[Event]:
        """Make what is not there, and see that what is there is in its networks."""
        kept = {(one.wanted.service, one.wanted.number): one for one in change.kept}
        for wanted in self._wanted.containers:
            key = (wanted.service, wanted.number)
            if key in kept:
                yield from self._keep(kept[key])
            else:
                yield from self._create(wanted, change)

    def _keep(self, kept: Kept) -> Iterator[Event]:
        wanted, found = kept.wanted, kept.found
        self._ids[wanted.service, wanted.number] = found.id
        if any(one.network not in found.networks for one in wanted.endpoints[1:]):
            birth.join(self._apps, found.id, wanted.endpoints[1:])
        if found.runs:
            yield _changed(wanted, ServiceState.UNCHANGED)

    def _create(self, wanted: WantedContainer, change: Change) -> Iterator[Event]:
        taken = [one.name for one in self._apps.listed()]
        name = birth.free_name(wanted, self._wanted.sequence, taken)
        shared = {service: found for (service, number), found in self._ids.items() if number == 1}
        before = birth.predecessor(wanted, change.obsolete)
        try:
            made = birth.give_birth(self._apps, wanted, name, shared, before)
        except ContainerRefused as refusal:
            raise Unwell(
                Member.of(wanted, ""), f"was not made: {refusal.words}", refusal.words
            ) from refusal
        self._ids[wanted.service, wanted.number] = made
        yield _changed(wanted, ServiceState.CREATED)

    def _in_the_way(self, change: Change) -> list[ContainerFacts]:
        """Return what must stop before the new ones start."""
        obsolete = [one for one in change.obsolete if one.service not in self._overlapping]
        return [*obsolete, *(one.found for one in change.restarted() if one.found.runs)]

    @property
    def _overlapping(self) -> frozenset[str]:
        return frozenset(one.service for one in self._wanted.containers if one.overlaps)

    def _members(self, change: Change) -> list[Member]:
        again = {one.found.id for one in change.restarted() if one.found.runs}
        return [
            Member.of(one, container, anew=container in again)
            for one in self._wanted.containers
            for container in [self._ids[one.service, one.number]]
        ]

    def _new(self, change: Change) -> list[str]:
        """Return what this switch made, or one before it that never came to its end."""
        kept = {one.found.id for one in change.kept}
        made = [one for one in self._ids.values() if one not in kept]
        return [*made, *(one.found.id for one in change.kept if is_interim(one.found))]

    def _clear(self, change: Change) -> Iterator[Event]:
        """Remove what is obsolete and give the new ones their names: all is well."""
        late = [one for one in change.obsolete if one.service in self._overlapping]
        yield from stop_all(self._apps, late, threading.Event())
        for found in change.obsolete:
            self._apps.remove(found.id)
            yield ServiceChanged(Stage.START, found.service, found.name, ServiceState.REMOVED)
        for wanted in self._wanted.containers:
            container = self._ids[wanted.service, wanted.number]
            found_now = self._apps.look(container)
            if found_now is not None and found_now.name != wanted.name:
                self._apps.rename(container, wanted.name)


def _changed(wanted: WantedContainer, state: ServiceState) -> ServiceChanged:
    return ServiceChanged(Stage.START, wanted.service, wanted.name, state)


def _failed(failure: Failure) -> ServiceChanged:
    return ServiceChanged(
        Stage.START, failure.service, failure.container, ServiceState.FAILED, failure.detail
    )
