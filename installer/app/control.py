"""Stops an app, starts it again, looks at it, removes it: by the engine's labels alone.

`start` and `restart` go by what shall run; `stop` and `remove` need only the product's name, so
that they work when the release can't be read any more.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator

from installer.app.status import AppStatus
from installer.app.wanted import Deployment
from installer.engines.appapi import AppApi
from installer.events import Event


def start(
    apps: AppApi, wanted: Deployment, cancel: threading.Event, services: Collection[str] = ()
) -> Iterator[Event]:
    """Start what shall run of some services, those that they need included; all by default.

    Raises:
        UsageError: `service-unknown`.
        StartFailed, NotInstallableHere, EngineFailed, Halted: as `switch`.
    """
    raise NotImplementedError


def stop(
    apps: AppApi, product: str, cancel: threading.Event, services: Collection[str] = ()
) -> Iterator[Event]:
    """Stop services, and keep the engine from starting them with itself; all by default.

    Raises:
        UsageError: `service-unknown`.
        EngineFailed: it does not answer.
        Halted: `cancel` was set.
    """
    raise NotImplementedError


def status(apps: AppApi, wanted: Deployment) -> AppStatus:
    """Return what runs of an app; changes nothing.

    Raises:
        EngineFailed: it does not answer.
    """
    raise NotImplementedError


def remove(apps: AppApi, product: str, volumes: Collection[str] = ()) -> Iterator[Event]:
    """Stop and remove a product's containers and networks; of its volumes only those named.

    Args:
        apps: the engine.
        product: whose.
        volumes: names in the engine; those of other products are refused.

    Raises:
        UsageError: `volume-unknown`.
        EngineFailed: it does not answer, or something is in use.
    """
    raise NotImplementedError
