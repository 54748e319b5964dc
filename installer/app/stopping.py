"""Stops containers, those that need others first, as many at once as can be.

Owns that a container that shall not run has a restart policy that lets it lie: else an engine that
is started again would start it, too.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

from installer.app.labels import read_depends
from installer.app.order import waves
from installer.engines.appapi import AppApi
from installer.engines.containerfacts import DEPENDS, ContainerFacts
from installer.engines.dockerapi import CONNECTIONS
from installer.events import Event, ServiceChanged, ServiceState, Stage
from installer.stream.jobs import Halted

_NEVER: Final = "no"
SHARED: Final = "container:"


def stop_all(
    apps: AppApi, containers: Sequence[ContainerFacts], cancel: threading.Event
) -> Iterator[Event]:
    """Stop containers, running or not, and tell of each that ran.

    Raises:
        EngineFailed: it does not answer.
        Halted: told to stop; the others run on.
    """
    for wave in _last_first(containers):
        if cancel.is_set():
            raise Halted
        running = [found for found in wave if found.runs]
        with ThreadPoolExecutor(CONNECTIONS, "stop") as pool:
            list(pool.map(partial(_stop, apps), wave))
        for found in running:
            yield ServiceChanged(Stage.START, found.service, found.name, ServiceState.STOPPED)


def _stop(apps: AppApi, found: ContainerFacts) -> None:
    if found.policy != _NEVER:
        apps.set_policy(found.id, _NEVER)
    if found.runs:
        apps.stop(found.id, found.stop_seconds)


def _last_first(containers: Sequence[ContainerFacts]) -> Iterator[list[ContainerFacts]]:
    """Yield groups that may stop at once; services that wait in a circle come last, together."""
    needs = dict(_needs(containers))
    grouped = list(waves(needs))
    rest = [name for name in needs if not any(name in wave for wave in grouped)]
    for wave in reversed([rest, *grouped]):
        yield [found for found in containers if found.service in wave]


def _needs(containers: Sequence[ContainerFacts]) -> Iterator[tuple[str, set[str]]]:
    services: Mapping[str, str] = {found.id: found.service for found in containers}
    merged: dict[str, set[str]] = {}
    for found in containers:
        asked = {one.service for one in read_depends(found.labels.get(DEPENDS, ""))}
        shared = {mode.removeprefix(SHARED) for mode in found.modes.values()}
        asked |= {services[one] for one in shared if one in services}
        merged.setdefault(found.service, set()).update(asked - {found.service})
    yield from merged.items()
