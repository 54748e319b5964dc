"""Stops a stack, shows it, removes it.

`stop` and `remove` need only the product's name and the swarm's labels, so that they work when the
release can't be read any more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Final

from installer.app.deployment import narrowed as part
from installer.app.deployment import refuse_unknown
from installer.engines import swarmfacts
from installer.engines.appapi import AppApi
from installer.engines.containerfacts import PRODUCT, SERVICE, ContainerFacts
from installer.engines.swarmapi import SwarmApi
from installer.events import Event, RemovalEnded, ServiceChanged, ServiceState, Stage
from installer.stream.removalevents import Removed
from installer.swarm.stack import Stack
from installer.swarm.undoing import idle

GONE_S: Final = 60
_POLL_S: Final = 0.2


def stop(
    swarm: SwarmApi, product: str, cancel: threading.Event, services: Collection[str] = ()
) -> Iterator[Event]:
    """Leave services without tasks, also across a restart of the engine; all by default.

    Raises:
        UsageError: `service-unknown`.
        EngineFailed: it does not answer.
        Halted: `cancel` was set.
    """
    found = swarm.services(PRODUCT, product)
    refuse_unknown(services, sorted({one.service for one in found}))
    chosen = [one for one in found if not services or one.service in services]
    yield from idle(swarm, chosen, cancel)


def narrowed(wanted: Stack, services: Collection[str]) -> Stack:
    """Return the part of a stack with some services and those that they need; all for none.

    Raises:
        UsageError: `service-unknown`.
    """
    if not services:
        return wanted
    small = part(wanted.deployment, services)
    chosen = tuple(one for one in wanted.services if one.service in small.services)
    return replace(wanted, deployment=small, services=chosen)


def remove(swarm: SwarmApi, apps: AppApi, product: str) -> Iterator[Event]:
    """Remove a product's services, networks and secrets; volumes stay.

    Raises:
        EngineFailed: it does not answer.
    """
    found = swarm.services(PRODUCT, product)
    yield from idle(swarm, found, threading.Event())
    for one in found:
        swarm.remove(one.id)
        yield ServiceChanged(Stage.START, one.service, one.name, ServiceState.REMOVED)
    if found:
        _await_gone(apps, product)
    for secret in swarm.secrets(PRODUCT, product):
        swarm.remove_secret(secret.id)
        names = (secret.name,)
        yield RemovalEnded(Stage.START, "secret", names, secret.id, Removed.REMOVED)


def containers(apps: AppApi, product: str) -> list[ContainerFacts]:
    """Return the containers of a stack's tasks on this node, as those of an app are."""
    found = apps.labelled(PRODUCT, product)
    return [
        replace(one, labels={**one.labels, SERVICE: one.labels.get(swarmfacts.SERVICE, "")})
        for one in found
        if swarmfacts.STACK in one.labels
    ]


def _await_gone(apps: AppApi, product: str) -> None:
    """Wait until this node has removed the tasks' containers: they hold networks and volumes."""
    deadline = time.monotonic() + GONE_S
    while containers(apps, product) and time.monotonic() < deadline:
        time.sleep(_POLL_S)
