"""Puts back what ran before a switch that failed: as far as the engine still has it.

Owns which containers run again: those that ran when the switch began; and, where it went on from
one that was killed, also those that that one may have stopped.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Generator, Iterator, Sequence
from typing import Final

from installer.app.converge import Change, Kept, is_interim, restorable
from installer.app.starting import Member, Starting, Unwell
from installer.app.stopping import stop_all
from installer.engines.appapi import AppApi
from installer.engines.containerfacts import ONCE, ContainerFacts
from installer.events import Event, ServiceChanged, ServiceState, Stage

DEADLINE_S: Final = 120.0
"""Seconds in which what ran before must run again; it did so before."""
NOTHING: Final = "nothing ran before, and nothing runs now"
AGAIN: Final = "what ran before runs again"
UNTOUCHED: Final = "what ran before was not touched, and runs on"


def undo(apps: AppApi, change: Change, new: Collection[str]) -> Generator[Event, None, str]:
    """Remove the new containers and start the former ones; return what runs now, in words.

    Args:
        apps: the engine.
        change: what the switch was to do.
        new: containers that it made.

    Raises:
        EngineFailed: it does not answer.
    """
    back = restorable(change.obsolete)
    revived = _revived(change, back)
    again = [one.found for one in change.restarted() if one.found.runs]
    yield from _remove(apps, change, new, again)
    for found in change.obsolete:
        if found not in revived and found in back and found.policy != "no":
            apps.set_policy(found.id, found.policy)
    members = [Member.again(found) for found in (*revived, *again)]
    if not members:
        return UNTOUCHED if any(one.found.runs for one in _untouched(change, new)) else NOTHING
    return (yield from _start(apps, members))


def _untouched(change: Change, new: Collection[str]) -> list[Kept]:
    """Return what both releases have alike: a check from outside may be all that differs."""
    return [one for one in change.kept if one.found.id not in new]


def _revived(change: Change, back: Sequence[ContainerFacts]) -> list[ContainerFacts]:
    resumed = any(map(is_interim, (*(one.found for one in change.kept), *change.obsolete)))
    return [
        found
        for found in back
        if found.runs or (resumed and not (found.completed and ONCE in found.labels))
    ]


def _remove(
    apps: AppApi, change: Change, new: Collection[str], again: Sequence[ContainerFacts]
) -> Iterator[Event]:
    """Remove the new ones, and what is left of switches that never came to their end."""
    back = {found.id for found in restorable(change.obsolete)}
    left = [found.id for found in change.obsolete if found.id not in back]
    doomed = [found for one in (*new, *left) if (found := apps.look(one)) is not None]
    running = [found for one in again if (found := apps.look(one.id)) is not None]
    yield from stop_all(apps, [*doomed, *running], threading.Event())
    for found in doomed:
        apps.remove(found.id, fresh=True)
        yield ServiceChanged(Stage.START, found.service, found.name, ServiceState.REMOVED)


def _start(apps: AppApi, members: Sequence[Member]) -> Generator[Event, None, str]:
    """Start what ran before; it need not settle: that it runs is all that is asked."""
    starting = Starting(apps, members, threading.Event())
    try:
        for event in starting.events(DEADLINE_S):
            if isinstance(event, ServiceChanged) and event.state is ServiceState.STARTING:
                yield ServiceChanged(
                    event.stage, event.service, event.container, ServiceState.RESTORED
                )
    except Unwell as unwell:
        return f"what ran before did not come back: {unwell.member.name} {unwell.reason}"
    return AGAIN
