"""A service on its way: what it shall be, and what was seen of it so far."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from installer.app.health import Standing, Verdict
from installer.app.wanted import Need
from installer.app.watching import Watch
from installer.engines.containerfacts import CONFIG, ContainerFacts, OpenPort
from installer.engines.swarmfacts import ServiceFacts, TaskFacts, labels_of, replicas_of
from installer.swarm.stack import WantedService
from installer.swarm.standing import Seen, judge
from manifests.strictjson import JsonValue
from manifests.workload import HealthCheck

_LOOPBACK = "127.0.0.1"
_WAITS = Verdict(Standing.WAITING, "waits for what it needs")


@dataclass(slots=True)
class Member:
    """A service on its way.

    Attributes:
        service, name: of it, in the app and in the swarm.
        config: digest that it shall have.
        spec: its document, with the IDs of secrets.
        replicas: tasks that it shall have.
        needs: services that must be there first.
        ends: whether its tasks may end.
        settle_s: seconds that they must run.
        checks, doors, host_network: asked from outside, as `WantedService` has them.
        once: whether others wait for it to end.
        optional: whether all is well without it.
        begun: whether it was made, changed, or found as it shall be.
        changed: whether it was made or changed.
        found, tasks: as they were seen last.
    """

    service: str
    name: str
    config: str
    spec: Mapping[str, JsonValue] = field(repr=False)
    replicas: int = 1
    needs: Sequence[Need] = ()
    ends: bool = False
    settle_s: float = 0
    checks: Sequence[HealthCheck] = ()
    doors: Sequence[int] = ()
    host_network: bool = False
    once: bool = False
    optional: bool = False
    begun: bool = False
    changed: bool = False
    found: ServiceFacts | None = None
    tasks: Sequence[TaskFacts] = ()
    verdict: Verdict = _WAITS
    _before: frozenset[str] = frozenset()
    _since: float | None = None
    _watch: Watch | None = field(default=None, repr=False)

    @classmethod
    def of(cls, wanted: WantedService, spec: Mapping[str, JsonValue]) -> Member:
        """Return what is wanted; `spec` has the IDs of its secrets."""
        return cls(
            service=wanted.service,
            name=wanted.name,
            config=wanted.config,
            spec=spec,
            replicas=wanted.replicas,
            needs=wanted.needs,
            ends=wanted.restart in ("no", "on-failure"),
            settle_s=wanted.settle_seconds,
            checks=wanted.checks,
            doors=wanted.doors,
            host_network=wanted.host_network,
            once=wanted.once,
            optional=wanted.optional,
        )

    @classmethod
    def again(cls, service: str, spec: Mapping[str, Any]) -> Member:
        """Return a service that ran before, by its document; that its tasks run is enough."""
        policy = (spec.get("TaskTemplate") or {}).get("RestartPolicy") or {}
        return cls(
            service=service,
            name=str(spec.get("Name")),
            config=labels_of(spec).get(CONFIG, ""),
            spec=spec,
            replicas=replicas_of(spec),
            ends=policy.get("Condition") in ("none", "on-failure"),
        )

    @property
    def good(self) -> bool:
        """Whether nothing more has to come of it."""
        return self.verdict.good or (self.optional and self.verdict.standing is Standing.FAILED)

    @property
    def as_wanted(self) -> bool:
        """Whether the swarm has it as it shall be, whatever its tasks do."""
        found = self.found
        return found is not None and (found.config, found.replicas) == (self.config, self.replicas)

    @property
    def dead(self) -> bool:
        """Whether the swarm has given it up, or it has ended and nobody waited for that."""
        verdict = judge(self._seen(before=frozenset()))
        if verdict.standing is Standing.COMPLETED:
            return not self.once
        own = self._seen(before=frozenset()).own
        return self.ends and bool(own) and not any(one.meant for one in own)

    def begin_at(self) -> None:
        """Let what has ended so far not count."""
        self.begun = True
        self._before = frozenset(one.id for one in self.tasks if one.ended)

    def see(self, found: ServiceFacts | None, tasks: Sequence[TaskFacts]) -> None:
        """Take in how it is now."""
        self.found, self.tasks = found, tasks
        if not self.begun:
            return
        seen = self._seen(self._before)
        if len(seen.running) < self.replicas:
            self._since = None
        elif self._since is None:
            self._since = time.monotonic()
        if seen.running:
            self._follow(seen.running[-1])
        self.verdict = judge(self._seen(self._before))

    def leave(self) -> None:
        """Stop asking its checks."""
        if self._watch is not None:
            self._watch.end()

    def last_container(self) -> str:
        """Return the container of the task that ended last, or else of one that runs."""
        seen = self._seen(self._before)
        shown = [*seen.running, *seen.failures] or [
            one for one in self.tasks if one.config == self.config
        ]
        return next((one.container for one in reversed(shown) if one.container), "")

    def _seen(self, before: frozenset[str]) -> Seen:
        return Seen(
            found=self.found,
            config=self.config,
            replicas=self.replicas,
            tasks=self.tasks,
            before=before,
            running_s=0 if self._since is None else time.monotonic() - self._since,
            settle_s=self.settle_s,
            ends=self.ends,
            once=self.once,
            watch=self._watch,
        )

    def _follow(self, task: TaskFacts) -> None:
        if self.checks and self._watch is None:
            self._watch = Watch(self.checks, self.doors, self._as_container(task))
            self._watch.begin()
        elif self._watch is not None:
            self._watch.found = self._as_container(task)

    def _as_container(self, task: TaskFacts) -> ContainerFacts:
        """Return a task as its checks see it: by the ports that it has on this host."""
        return ContainerFacts(
            id=task.container,
            name=self.name,
            image=task.image,
            modes={"NetworkMode": "host"} if self.host_network else {},
            ports=tuple(
                OpenPort(_LOOPBACK, one.published, one.target, one.protocol) for one in task.ports
            ),
        )
