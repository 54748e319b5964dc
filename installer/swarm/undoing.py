"""Puts back what a stack was before a switch that failed; and leaves services without tasks.

Owns which document a service had: the one that it had when the switch began; and, where that went
on from one that was broken off, the one before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from installer.app.undoing import AGAIN, NOTHING
from installer.engines.swarmapi import SwarmApi
from installer.engines.swarmfacts import ServiceFacts, replicas_of
from installer.events import Event, ServiceChanged, ServiceState, Stage
from installer.stream.jobs import Halted
from installer.swarm.members import Member
from installer.swarm.starting import Starting, Unwell
from manifests.errors import EngineFailed

DEADLINE_S: Final = 120.0
"""Seconds in which what ran before must run again; it did so before."""
_POLL_S: Final = 0.2
_PATIENCE_S: Final = 60
"""Seconds beyond its own that a task may take to end."""


@dataclass(frozen=True, slots=True)
class Former:
    """What a service was.

    Attributes:
        service, name: of it, in the app and in the swarm.
        spec: its document; None if there was none.
    """

    service: str
    name: str
    spec: Mapping[str, Any] | None = field(repr=False)


def formerly(found: ServiceFacts, sequence: int, *, resumed: bool) -> Former:
    """Return what a service was before a switch to a release.

    Args:
        found: it, as it is now.
        sequence: of the release.
        resumed: whether a switch to it was broken off.
    """
    idled = not found.replicas and found.before is not None and replicas_of(found.before)
    changed = resumed and (found.sequence == sequence or idled)
    return Former(found.service, found.name, found.before if changed else found.spec)


def undo(swarm: SwarmApi, project: str, former: Sequence[Former]) -> Generator[Event, None, str]:
    """Give services their former documents; return what runs now, in words.

    Raises:
        EngineFailed: it does not answer.
    """
    for one in former:
        found = swarm.service(one.name) if one.spec is None else None
        if found is not None:
            swarm.remove(found.id)
            yield ServiceChanged(Stage.START, one.service, one.name, ServiceState.REMOVED)
    members = [Member.again(one.service, one.spec) for one in former if one.spec is not None]
    if not members:
        return NOTHING
    try:
        for event in Starting(swarm, project, members, threading.Event()).events(DEADLINE_S):
            if isinstance(event, ServiceChanged) and event.state is ServiceState.STARTING:
                yield ServiceChanged(
                    event.stage, event.service, event.container, ServiceState.RESTORED
                )
    except Unwell as unwell:
        return f"what ran before did not come back: {unwell.member.name} {unwell.reason}"
    return AGAIN


def idle(
    swarm: SwarmApi, services: Sequence[ServiceFacts], cancel: threading.Event
) -> Iterator[Event]:
    """Leave services without tasks, those first that need others, and tell of each that ran.

    Raises:
        EngineFailed: it does not answer, or a task does not end.
        Halted: told to stop; the others run on.
    """
    for one in sorted(services, key=lambda service: -service.order):
        if cancel.is_set():
            raise Halted
        ran = any(not task.ended for task in swarm.tasks([one.id]))
        if one.replicas and ran:
            swarm.update(one.id, {**one.spec, "Mode": {"Replicated": {"Replicas": 0}}})
        if ran:
            await_end(swarm, {one.id}, one.stop_seconds)
            yield ServiceChanged(Stage.START, one.service, one.name, ServiceState.STOPPED)


def await_end(swarm: SwarmApi, services: Collection[str], seconds: float) -> None:
    """Wait until no task of services runs any more.

    Raises:
        EngineFailed: `engine-answer`: one does not end.
    """
    deadline = time.monotonic() + seconds + _PATIENCE_S
    while any(not task.ended for task in swarm.tasks(services)):
        if time.monotonic() > deadline:
            raise EngineFailed(
                "engine-answer",
                f"{swarm.url}: tasks of the swarm do not end",
                hint="docker node ls shows whether a node is gone",
            )
        time.sleep(_POLL_S)
