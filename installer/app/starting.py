"""Starts containers in the order of what they need, and waits until all of them are well.

Owns the loop: look at all, start what can start, look again; until the deadline, or until one can
no longer become well. What follows from that is the caller's matter.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from installer.app.health import Seen, Standing, Verdict, judge, late, satisfied
from installer.app.labels import read_depends
from installer.app.wanted import Need, WantedContainer
from installer.app.watching import Watch
from installer.engines.appapi import AppApi
from installer.engines.containerfacts import DEPENDS, ONCE, RESTART, ContainerFacts
from installer.engines.containers import ContainerRefused
from installer.events import Advanced, Event, ServiceChanged, ServiceState, Stage
from installer.stream.jobs import Halted
from manifests.workload import HealthCheck

POLL_S: Final = 0.1
_STATES: Final = {
    Standing.SETTLING: ServiceState.RUNNING,
    Standing.WELL: ServiceState.HEALTHY,
    Standing.COMPLETED: ServiceState.COMPLETED,
    Standing.FAILED: ServiceState.FAILED,
}
_WAITS: Final = Verdict(Standing.WAITING, "waits for what it needs")


@dataclass(slots=True)
class Member:
    """A container on its way.

    Attributes:
        id: of the container.
        name: that people know it by.
        service: that it is an instance of.
        needs: services that must be there first.
        policy, retries: restart policy that it shall have.
        checks: asked from outside.
        doors: the service's own ports.
        settle_s: seconds that it must run where nothing checks it.
        once: whether others wait for it to end.
        optional: whether all is well without it.
        anew: whether it is started again even when it has completed.
    """

    id: str
    name: str
    service: str
    needs: Sequence[Need] = ()
    policy: str = "no"
    retries: int = 0
    checks: Sequence[HealthCheck] = ()
    doors: Sequence[int] = ()
    settle_s: float = 0
    once: bool = False
    optional: bool = False
    anew: bool = False
    verdict: Verdict = _WAITS
    _begun: bool = False
    _started: tuple[str, float] = ("", 0)
    _watch: Watch | None = field(default=None, repr=False)

    @classmethod
    def of(cls, wanted: WantedContainer, container: str, *, anew: bool = False) -> Member:
        """Return what is wanted, as a container that is there."""
        return cls(
            id=container,
            name=wanted.name,
            service=wanted.service,
            needs=wanted.needs,
            policy=wanted.restart,
            retries=wanted.restart_retries,
            checks=wanted.checks,
            doors=wanted.doors,
            settle_s=wanted.settle_seconds,
            once=wanted.once,
            optional=wanted.optional,
            anew=anew,
        )

    @classmethod
    def again(cls, found: ContainerFacts) -> Member:
        """Return a container that ran before, as far as its labels tell of it."""
        asked = read_depends(found.labels.get(DEPENDS, ""))
        return cls(
            id=found.id,
            name=found.name,
            service=found.service,
            needs=tuple(Need(one.service, one.condition) for one in asked),
            policy=found.labels.get(RESTART, found.policy),
            once=ONCE in found.labels,
        )

    @property
    def begun(self) -> bool:
        """Whether it was started, or found to run."""
        return self._begun

    @property
    def good(self) -> bool:
        """Whether nothing more has to come of it."""
        return self.verdict.good or (self.optional and self.verdict.standing is Standing.FAILED)

    def begin(self, apps: AppApi) -> bool:
        """Let it run with its restart policy, unless it does; return whether it was started.

        Raises:
            ContainerRefused: the engine did not start it.
        """
        self._begun = True
        found = apps.look(self.id)
        if found is None or (found.completed and self.once and not self.anew):
            return False
        if found.policy != self.policy:
            apps.set_policy(self.id, self.policy, self.retries)
        if found.runs and found.state != "paused":
            return False
        apps.start(self.id)
        return True

    def look(self, apps: AppApi) -> None:
        """Find out how far it is."""
        if not self._begun:
            return
        found = apps.look(self.id)
        if found is None:
            self.verdict = Verdict(Standing.FAILED, "is not there any more")
            return
        if found.started != self._started[0]:
            self._started = (found.started, time.monotonic())
        self._follow(found)
        running_s = time.monotonic() - self._started[1]
        self.verdict = judge(
            Seen(found, self.policy, running_s, self.settle_s, self.once, self._watch)
        )

    def leave(self) -> None:
        """Stop asking its checks."""
        if self._watch is not None:
            self._watch.end()

    def _follow(self, found: ContainerFacts) -> None:
        if self.checks and self._watch is None and found.state == "running":
            self._watch = Watch(self.checks, self.doors, found)
            self._watch.begin()
        elif self._watch is not None:
            self._watch.found = found


class Unwell(Exception):
    """A container that can't become well, or did not in time.

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

    @property
    def stale(self) -> bool:
        """Whether the engine, killed once, still holds a process of that container for alive."""
        return "task " in self.words and "already exists" in self.words


class Starting:
    """Some containers, all of which shall be well."""

    def __init__(self, apps: AppApi, members: Sequence[Member], cancel: threading.Event) -> None:
        self._apps = apps
        self._members = members
        self._cancel = cancel
        self._done = 0
        self._told: dict[str, Standing] = {}

    def events(self, deadline_s: float) -> Iterator[Event]:
        """Start them and wait.

        Raises:
            Unwell: one can't become well, or is not at the deadline.
            Halted: told to stop.
            EngineFailed: it does not answer.
        """
        deadline = time.monotonic() + deadline_s
        try:
            while not (yield from self._round()):
                if time.monotonic() > deadline:
                    raise self._late(deadline_s)
                if self._cancel.wait(POLL_S):
                    raise Halted
        finally:
            for member in self._members:
                member.leave()

    def _round(self) -> Generator[Event, None, bool]:
        """Look at all and start what can start; return whether all are well."""
        for member in self._members:
            member.look(self._apps)
        yield from self._news()
        for member in self._members:
            if member.verdict.standing is Standing.FAILED and not member.optional:
                raise Unwell(member, member.verdict.reason)
        for member in self._members:
            if not member.begun and self._is_ready(member) and self._begin(member):
                yield _changed(member, ServiceState.STARTING)
        return all(member.good for member in self._members)

    def _begin(self, member: Member) -> bool:
        try:
            return member.begin(self._apps)
        except ContainerRefused as refusal:
            raise Unwell(member, f"did not start: {refusal.words}", refusal.words) from refusal

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
            if standing in _STATES and self._told.get(member.id) is not standing:
                self._told[member.id] = standing
                yield _changed(member, _STATES[standing], member.verdict.reason)
        done = sum(member.good for member in self._members)
        if done > self._done:
            self._done = done
            yield Advanced(Stage.START, done, len(self._members), "")

    def _late(self, deadline_s: float) -> Unwell:
        slow = [member for member in self._members if not member.good]
        first = min(slow, key=lambda member: member.verdict is _WAITS)
        others = [one.name for one in slow if one is not first]
        return Unwell(first, late(first.verdict, deadline_s, others))


def _changed(member: Member, state: ServiceState, detail: str = "") -> ServiceChanged:
    return ServiceChanged(Stage.START, member.service, member.name, state, detail)
