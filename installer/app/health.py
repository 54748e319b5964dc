"""Whether an instance has started, by what the engine and its checks tell; pure.

ended with 0, not to be started again    completed
ended otherwise, not to be started again failed
started again and again                  failed, at the ninth time
the engine's check: unhealthy            failed
the engine's check: healthy              well, if the checks from outside are
no check at all                          well when it ran for `settle_seconds`
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from installer.app.wanted import Need
from installer.app.watching import Watch
from installer.engines.containerfacts import ContainerFacts
from manifests.safetext import safe_line
from manifests.service import Condition

RESTARTS_MAX: Final = 8
"""Starts by the engine itself that are put up with: it waits twice as long each time, half a minute
by then."""


class Standing(StrEnum):
    """How far an instance is."""

    WAITING = "waiting"
    SETTLING = "settling"
    WELL = "well"
    COMPLETED = "completed"
    FAILED = "failed"


_MEETS: Final[Mapping[Condition, frozenset[Standing]]] = {
    "started": frozenset({Standing.SETTLING, Standing.WELL, Standing.COMPLETED}),
    "healthy": frozenset({Standing.WELL, Standing.COMPLETED}),
    "completed": frozenset({Standing.COMPLETED}),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an instance so far.

    Attributes:
        standing: how far it is.
        reason: why it is not further, for people.
    """

    standing: Standing
    reason: str = ""

    @property
    def good(self) -> bool:
        """Whether nothing more has to come."""
        return self.standing in (Standing.WELL, Standing.COMPLETED)


@dataclass(frozen=True, slots=True)
class Seen:
    """An instance as it is now.

    Attributes:
        found: what the engine tells.
        policy: restart policy that it shall have.
        running_s: seconds that it was seen to run without a break.
        settle_s: seconds that it must run where nothing checks it.
        once: whether others wait for it to end.
        watch: its checks from outside; None for none.
    """

    found: ContainerFacts
    policy: str
    running_s: float
    settle_s: float
    once: bool = False
    watch: Watch | None = None


def judge(seen: Seen) -> Verdict:
    """Return how far an instance is."""
    found = seen.found
    if found.state in ("exited", "dead"):
        return _ended(seen)
    if found.restarts > RESTARTS_MAX:
        return Verdict(
            Standing.FAILED, f"was started {found.restarts} times again, and {_ending(found)}"
        )
    if found.state == "restarting":
        times = f" (start {found.restarts + 1})" if found.restarts else ""
        return Verdict(Standing.WAITING, f"{_ending(found)} and is started again{times}")
    if found.state != "running":
        return Verdict(Standing.WAITING, f"is {found.state or 'not there'}")
    return Verdict(Standing.SETTLING, "has not ended yet") if seen.once else _running(seen)


def satisfied(need: Need, verdicts: Sequence[Verdict]) -> bool:
    """Tell whether a need is met by what became of the needed service's instances."""
    if not need.required and any(one.standing is Standing.FAILED for one in verdicts):
        return True
    return all(one.standing in _MEETS[need.condition] for one in verdicts)


def late(verdict: Verdict, deadline_s: float, others: Sequence[str]) -> str:
    """Return in words that an instance was not well in time, and which others were not, either."""
    verb = "is" if len(others) == 1 else "are"
    too = f" (nor {verb} {', '.join(others)})" if others else ""
    return f"is not well after {deadline_s:g} s: it {verdict.reason}{too}"


def _ended(seen: Seen) -> Verdict:
    found = seen.found
    once = seen.policy in ("no", "on-failure")
    if found.status == 0 and once and found.state == "exited":
        return Verdict(Standing.COMPLETED)
    return Verdict(Standing.FAILED, _ending(found))


def _running(seen: Seen) -> Verdict:
    found, watch = seen.found, seen.watch
    if found.health == "unhealthy":
        said = f": {found.health_words}" if found.health_words else ""
        return Verdict(Standing.FAILED, safe_line(f"fails its health check{said}", limit=400))
    if watch is not None and watch.failure:
        return Verdict(Standing.FAILED, f"fails its health check: {watch.failure}")
    if found.health == "starting":
        said = f": {found.health_words}" if found.health_words else ""
        return Verdict(Standing.SETTLING, f"is not healthy yet{said}")
    if watch is not None:
        return (
            Verdict(Standing.WELL)
            if watch.passed
            else Verdict(Standing.SETTLING, f"is not healthy yet: {watch.reason}")
        )
    if found.health == "healthy" or seen.running_s >= seen.settle_s:
        return Verdict(Standing.WELL)
    again = f" (start {found.restarts + 1})" if found.restarts else ""
    return Verdict(Standing.SETTLING, f"has only just started{again}")


def _ending(found: ContainerFacts) -> str:
    if found.trouble:
        return f"did not start: {found.trouble}"
    memory = ", killed for lack of memory" if found.out_of_memory else ""
    return f"ended with status {found.status}{memory}"
