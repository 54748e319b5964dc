"""Makes what shall run of a release run, whatever ran before; and puts that back if it fails.

Owns the order of steps. Every step asks the engine what is there, so that a switch that was
killed at any point is finished by the next one, to the new release or to the old.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from installer.app.wanted import Deployment
from installer.engines.appapi import AppApi
from installer.events import Event


def switch(apps: AppApi, wanted: Deployment, cancel: threading.Event) -> Iterator[Event]:
    """Let exactly `wanted` run; yield `ServiceChanged`, `Noted` and `Advanced` of Stage.START.

    `Advanced` counts containers that are as they should be, of `len(wanted.containers)`.

    Raises:
        StartFailed: `app-start`, `app-unhealthy`: what ran before runs again.
        NotInstallableHere: `app-name-taken`, `app-port-taken`, `app-network-missing`,
            `app-volume-missing`: nothing was changed.
        EngineFailed: it does not answer; run again.
        Halted: `cancel` was set; what ran before runs again.
    """
    raise NotImplementedError


def check_room(apps: AppApi, wanted: Deployment) -> None:
    """Refuse what could not start because others have its names or ports; changes nothing.

    Raises:
        NotInstallableHere: `app-name-taken`, `app-port-taken`, `app-network-missing`,
            `app-volume-missing`.
        EngineFailed: it does not answer.
    """
    raise NotImplementedError
