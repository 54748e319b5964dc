"""Stops an app, starts it again, looks at it, removes it.

`start` and `status` go by what shall run; `stop` and `remove` need only the product's name and the
engine's labels, so that they work when the release can't be read any more.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from dataclasses import replace

from installer.app.deployment import narrowed, refuse_unknown
from installer.app.status import AppStatus, app_status
from installer.app.stopping import stop_all
from installer.app.switch import switch
from installer.app.wanted import Deployment
from installer.engines.appapi import AppApi
from installer.engines.containerfacts import PRODUCT
from installer.events import Event, RemovalEnded, ServiceChanged, ServiceState, Stage
from installer.stream.removalevents import Removed
from manifests.errors import EngineFailed, UsageError


def start(
    apps: AppApi, wanted: Deployment, cancel: threading.Event, services: Collection[str] = ()
) -> Iterator[Event]:
    """Start what shall run of some services, those that they need included; all by default.

    Raises:
        UsageError: `service-unknown`.
        StartFailed, NotInstallableHere, EngineFailed, Halted: as `switch`.
    """
    yield from switch(apps, narrowed(wanted, services) if services else wanted, cancel)


def stop(
    apps: AppApi, product: str, cancel: threading.Event, services: Collection[str] = ()
) -> Iterator[Event]:
    """Stop services, and keep the engine from starting them with itself; all by default.

    Raises:
        UsageError: `service-unknown`.
        EngineFailed: it does not answer.
        Halted: `cancel` was set.
    """
    found = apps.labelled(PRODUCT, product)
    refuse_unknown(services, sorted({one.service for one in found}))
    chosen = [one for one in found if not services or one.service in services]
    yield from stop_all(apps, chosen, cancel)


def status(apps: AppApi, wanted: Deployment) -> AppStatus:
    """Return what runs of an app; changes nothing.

    Raises:
        EngineFailed: it does not answer.
    """
    found = apps.labelled(PRODUCT, wanted.product)
    ours = {one.name for one in found}
    if ours.issuperset(one.name for one in wanted.containers):
        return app_status(wanted, found)
    return app_status(wanted, found, {one.name for one in apps.listed()} - ours)


def remove(apps: AppApi, product: str, volumes: Collection[str] = ()) -> Iterator[Event]:
    """Stop and remove a product's containers and networks; of its volumes only those named.

    A network that a stranger's container is in stays.

    Args:
        apps: the engine.
        product: whose.
        volumes: names in the engine; those of other products are refused.

    Raises:
        UsageError: `volume-unknown`; nothing was removed.
        EngineFailed: it does not answer, or something is in use.
    """
    for name in volumes:
        _refuse_foreign(apps, product, name)
    found = apps.labelled(PRODUCT, product)
    yield from stop_all(apps, found, threading.Event())
    for one in found:
        apps.remove(one.id)
        yield ServiceChanged(Stage.START, one.service, one.name, ServiceState.REMOVED)
    for network in apps.networks(PRODUCT, product):
        yield _without_network(apps, network.name)
    for name in volumes:
        apps.remove_volume(name)
        yield RemovalEnded(Stage.START, "volume", (name,), name, Removed.REMOVED)


def _without_network(apps: AppApi, name: str) -> Event:
    """Remove a network; tell why it stays where the engine refuses."""
    ended = RemovalEnded(Stage.START, "network", (name,), name, Removed.REMOVED)
    try:
        apps.remove_network(name)
    except EngineFailed as error:
        return replace(ended, outcome=Removed.STAYED, detail=str(error))
    return ended


def _refuse_foreign(apps: AppApi, product: str, name: str) -> None:
    volume = apps.volume(name)
    if volume is None or volume.labels.get(PRODUCT) != product:
        raise UsageError(
            "volume-unknown",
            f"expected a volume of {product}, found {name}"
            + (", which is not there" if volume is None else ", which is not one"),
            hint=f"docker volume ls --filter label={PRODUCT}={product}",
        )
