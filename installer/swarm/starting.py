"""Makes and changes services in the order of what they need, and waits until all are well.

Owns the loop: look at all, begin what can begin, look again; until the deadline, or until one can
no longer become well. What follows from that is the caller's matter.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, Final

from installer.app.health import Standing, late, satisfied
from installer.engines.containers import ContainerRefused
from installer.engines.swarmapi import SwarmApi
from installer.engines.swarmfacts import STACK
from installer.events import Advanced, Event, ServiceChanged, ServiceState, Stage
from installer.stream.jobs import Halted
from installer.swarm.members import Member
from manifests.strictjson import JsonValue

POLL_S: Final = 0.2
_STATES: Final = {
    Standing.SETTLING: ServiceState.RUNNING,
    Standing.WELL: ServiceState.HEALTHY,
    Standing.COMPLETED: ServiceState.COMPLETED,
    Standing.FAILED: ServiceState.FAILED,
}


class Unwell(Exception):
    """A service that can't become well, or did not in time.

    Attributes:
        member: which.
        reason: what is the matter.
        words: the engine's own, where it refused; else empty.
    """

    def __init__(self, member: Member, reason: str, words: str = "") -> None:
        super().__init__(reason)
        self.member = member
        self.reason = reason
        self.words = words


class Starting:
    """Some services of a stack, all of which shall be well."""

    def __init__(
        self, swarm: SwarmApi, project: str, members: Sequence[Member], cancel: threading.Event
    ) -> None:
        self._swarm = swarm
        self._project = project
        self._members = members
        self._cancel = cancel
        self._deadline = 0.0
        self._done = 0
        self._told: dict[str, Standing] = {}

    def events(self, deadline_s: float) -> Iterator[Event]:
        """Begin them and wait; tasks that end before others take their place have their own time.

        Raises:
            Unwell: one can't become well, or is not at the deadline.
            Halted: told to stop.
            EngineFailed: it does not answer.
        """
        self._deadline = time.monotonic() + deadline_s
        try:
            while not (yield from self._round()):
                if time.monotonic() > self._deadline:
                    raise self._late(deadline_s)
                if self._cancel.wait(POLL_S):
                    raise Halted
        finally:
            for member in self._members:
                member.leave()

    def _round(self) -> Generator[Event, None, bool]:
        """Look at all and begin what can begin; return whether all are well."""
        look_at(self._swarm, self._project, self._members)
        yield from self._news()
        for member in self._members:
            if member.verdict.standing is Standing.FAILED and not member.optional:
                raise Unwell(member, member.verdict.reason)
        for member in self._members:
            if not member.begun and self._is_ready(member):
                yield from self._begin(member)
        return all(member.good for member in self._members)

    def _begin(self, member: Member) -> Iterator[Event]:
        as_wanted, dead = member.as_wanted, member.found is not None and member.dead
        member.begin_at()
        if as_wanted and not dead:
            yield _changed(member, ServiceState.UNCHANGED)
            return
        member.changed = True
        try:
            if member.found is None:
                self._swarm.create(member.spec)
            else:
                spec = forced(member.spec, member.found.force + (as_wanted and dead))
                self._swarm.update(member.found.id, spec)
                self._deadline += member.found.stop_seconds
        except ContainerRefused as refusal:
            raise Unwell(member, f"was not made: {refusal.words}", refusal.words) from refusal
        yield _changed(member, ServiceState.STARTING)

    def _is_ready(self, member: Member) -> bool:
        return all(
            satisfied(need, [one.verdict for one in self._members if one.service == need.service])
            for need in member.needs
        )

    def _news(self) -> Iterator[Event]:
        for member in self._members:
            standing = member.verdict.standing
            if standing is Standing.FAILED and not member.optional:
                continue  # told by whoever asks it for its last words
            if standing in _STATES and self._told.get(member.name) is not standing:
                self._told[member.name] = standing
                yield _changed(member, _STATES[standing], member.verdict.reason)
        done = sum(member.good for member in self._members)
        if done > self._done:
            self._done = done
            yield Advanced(Stage.START, done, len(self._members), "")

    def _late(self, deadline_s: float) -> Unwell:
        slow = [member for member in self._members if not member.good]
        first = min(slow, key=lambda member: not member.begun)
        others = [one.name for one in slow if one is not first]
        return Unwell(first, late(first.verdict, deadline_s, others))


def look_at(swarm: SwarmApi, project: str, members: Sequence[Member]) -> None:
    """Let members take in how they are now."""
    found = {one.name: one for one in swarm.services(STACK, project)}
    tasks = swarm.tasks([one.id for one in found.values()])
    for member in members:
        service = found.get(member.name)
        own = [one for one in tasks if service is not None and one.service_id == service.id]
        member.see(service, own)


def forced(spec: Mapping[str, JsonValue], times: int) -> dict[str, JsonValue]:
    """Return a document whose tasks start anew when `times` is another number than before."""
    task: Any = spec.get("TaskTemplate") or {}
    return {**spec, "TaskTemplate": {**task, "ForceUpdate": times}}


def _changed(member: Member, state: ServiceState, detail: str = "") -> ServiceChanged:
    return ServiceChanged(Stage.START, member.service, member.name, state, detail)
