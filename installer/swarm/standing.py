"""How far a service of a swarm is, by its tasks; pure.

a task that ended with 0, not to be started again    completed
one that ended otherwise, not to be started again    failed
the third task that ended                            failed
the swarm put the service back by itself             failed
as many tasks run as shall, for `settle_seconds`     well, if the checks from outside are

A task runs, for a swarm, when its own health check is passed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from installer.app.health import Standing, Verdict
from installer.app.watching import Watch
from installer.engines.swarmfacts import ServiceFacts, TaskFacts

FAILURES_MAX: Final = 2
"""Ends that are put up with: each comes a second and a start after the one before."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A service as it is now.

    Attributes:
        found: it; None if it is not there.
        config: that it shall have.
        replicas: tasks that it shall have.
        tasks: of it, all that the swarm still knows.
        before: IDs of tasks that had ended before it was looked at first.
        running_s: seconds that enough tasks were seen to run without a break.
        settle_s: seconds that they must.
        ends: whether its tasks may end: they are not always started again.
        once: whether others wait for it to end.
        watch: its checks from outside; None for none.
    """

    found: ServiceFacts | None
    config: str
    replicas: int
    tasks: Sequence[TaskFacts]
    before: Collection[str]
    running_s: float
    settle_s: float
    ends: bool = False
    once: bool = False
    watch: Watch | None = None

    @property
    def own(self) -> list[TaskFacts]:
        """Tasks of the service as it shall be."""
        force = self.found.force if self.found else 0
        return [one for one in self.tasks if (one.config, one.force) == (self.config, force)]

    @property
    def running(self) -> list[TaskFacts]:
        """Those that run."""
        return [one for one in self.own if one.state == "running" and one.desired == "running"]

    @property
    def failures(self) -> list[TaskFacts]:
        """Those that ended otherwise than they should, since it was looked at first."""
        return sorted(
            (one for one in self.own if one.failed and one.id not in self.before),
            key=lambda one: one.since,
        )


def judge(seen: Seen) -> Verdict:
    """Return how far a service is."""
    if seen.found is None:
        return Verdict(Standing.FAILED, "is not there any more")
    if seen.found.config != seen.config:
        return Verdict(Standing.FAILED, f"was put back by the swarm: {_last(seen)}")
    completed = [one for one in seen.own if one.state == "complete"]
    alive = any(one.meant for one in seen.own)
    if seen.ends and not alive and len(completed) >= seen.replicas:
        return Verdict(Standing.COMPLETED)
    if len(seen.failures) > FAILURES_MAX or (seen.ends and seen.failures and not alive):
        return Verdict(Standing.FAILED, _last(seen))
    if len(seen.running) < seen.replicas:
        return Verdict(Standing.WAITING, _waiting(seen))
    return Verdict(Standing.SETTLING, "has not ended yet") if seen.once else _running(seen)


def _running(seen: Seen) -> Verdict:
    if seen.found is not None and seen.found.update == "updating":
        return Verdict(Standing.SETTLING, "is watched by the swarm")
    if seen.watch is not None and seen.watch.failure:
        return Verdict(Standing.FAILED, f"fails its health check: {seen.watch.failure}")
    if seen.watch is not None and not seen.watch.passed:
        return Verdict(Standing.SETTLING, f"is not healthy yet: {seen.watch.reason}")
    if seen.watch is None and seen.running_s < seen.settle_s:
        return Verdict(Standing.SETTLING, "has only just started")
    return Verdict(Standing.WELL)


def _waiting(seen: Seen) -> str:
    """Return why too few tasks run, by the one that is the furthest from it."""
    last = max(seen.own, key=lambda one: (one.meant, one.since), default=None)
    if last is None:
        return "has no task yet"
    words = f": {last.reason}" if last.reason not in ("", last.state) else ""
    failed = f" ({_last(seen)})" if seen.failures and last.meant else ""
    return f"is {last.state}{words}{failed}"


def _last(seen: Seen) -> str:
    """Return how a task ended last."""
    ended = seen.failures or [one for one in seen.tasks if one.config == seen.config and one.failed]
    if not ended:
        return "a task of it ended"
    status = f" with status {ended[-1].status}" if ended[-1].status else ""
    return f"ended{status}: {ended[-1].reason}"
