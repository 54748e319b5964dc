"""The two ways in which a release runs: as containers of one host, or as a stack of a swarm.

Owns the questions that every verb asks of either, and which of the two an installed app has. Each
answers from the release and its placement; neither decides what an install does.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

from installer.app import control
from installer.app.deployment import Placement, deployment
from installer.app.status import AppStatus
from installer.app.switch import check_room
from installer.app.wanted import Deployment
from installer.engines.appapi import AppApi
from installer.engines.containerfacts import PRODUCT, ContainerFacts
from installer.engines.swarmapi import SwarmApi
from installer.events import Event
from installer.state.apps import InstalledApp, RunsAs
from installer.swarm import control as stacks
from installer.swarm.making import Terms, stack
from installer.swarm.room import check_room as check_stack_room
from installer.swarm.stack import Stack
from installer.swarm.status import stack_status
from installer.swarm.switch import switch as switch_stack
from manifests.errors import NotInstallableHere
from manifests.release import Release


@dataclass(frozen=True, slots=True)
class Go:
    """What is asked of a start.

    Attributes:
        cancel: set it to stop.
        services: to start, with what they need; all for none.
        resumed: whether a switch to this very release was broken off.
    """

    cancel: threading.Event
    services: Collection[str] = ()
    resumed: bool = False


class Runner(Protocol):
    """What runs an app."""

    def wanted(self, release: Release, at: Placement) -> Deployment:
        """Return what shall run; raises as `installer.app.deployment`."""

    def check_room(self, release: Release, at: Placement) -> None:
        """Refuse what could not start because others have its names or ports."""

    def status(self, release: Release, at: Placement) -> AppStatus:
        """Return how it is."""

    def start(self, release: Release, at: Placement, go: Go) -> Iterator[Event]:
        """Let it run; raises as `installer.app.switch`."""

    def stop(
        self, product: str, cancel: threading.Event, services: Collection[str]
    ) -> Iterator[Event]:
        """Stop it; raises as `installer.app.control.stop`."""

    def containers(self, product: str) -> list[ContainerFacts]:
        """Return its containers on this host."""

    def close(self) -> None:
        """Let go of what it opened itself."""


class Containers:
    """Runs an app as containers of this host."""

    def __init__(self, apps: AppApi) -> None:
        self._apps = apps

    def wanted(self, release: Release, at: Placement) -> Deployment:  # noqa: D102
        return deployment(release, at)

    def check_room(self, release: Release, at: Placement) -> None:  # noqa: D102
        check_room(self._apps, deployment(release, at))

    def status(self, release: Release, at: Placement) -> AppStatus:  # noqa: D102
        return control.status(self._apps, deployment(release, at))

    def start(self, release: Release, at: Placement, go: Go) -> Iterator[Event]:  # noqa: D102
        return control.start(self._apps, deployment(release, at), go.cancel, go.services)

    def stop(  # noqa: D102
        self, product: str, cancel: threading.Event, services: Collection[str]
    ) -> Iterator[Event]:
        return control.stop(self._apps, product, cancel, services)

    def containers(self, product: str) -> list[ContainerFacts]:  # noqa: D102
        return self._apps.labelled(PRODUCT, product)

    def close(self) -> None:
        """Nothing was opened."""


class Services:
    """Runs an app as a stack of the swarm that the engine manages."""

    def __init__(self, apps: AppApi, *, everywhere: bool) -> None:
        self._apps = apps
        self._swarm = SwarmApi(apps.url)
        try:
            self._terms = Terms(self._swarm.node(), everywhere=everywhere)
        except BaseException:
            self._swarm.close()
            raise

    def wanted(self, release: Release, at: Placement) -> Deployment:  # noqa: D102
        return self._stack(release, at).deployment

    def check_room(self, release: Release, at: Placement) -> None:  # noqa: D102
        check_stack_room(self._swarm, self._apps, self._stack(release, at))

    def status(self, release: Release, at: Placement) -> AppStatus:  # noqa: D102
        found = self._swarm.services(PRODUCT, release.product)
        tasks = self._swarm.tasks([one.id for one in found])
        return stack_status(self._stack(release, at), found, tasks)

    def start(self, release: Release, at: Placement, go: Go) -> Iterator[Event]:  # noqa: D102
        wanted = stacks.narrowed(self._stack(release, at), go.services)
        return switch_stack(self._swarm, self._apps, wanted, go.cancel, resumed=go.resumed)

    def stop(  # noqa: D102
        self, product: str, cancel: threading.Event, services: Collection[str]
    ) -> Iterator[Event]:
        return stacks.stop(self._swarm, product, cancel, services)

    def containers(self, product: str) -> list[ContainerFacts]:  # noqa: D102
        return stacks.containers(self._apps, product)

    def close(self) -> None:  # noqa: D102
        self._swarm.close()

    def _stack(self, release: Release, at: Placement) -> Stack:
        return stack(release, at, self._terms)


def runner_of(apps: AppApi, runs_as: RunsAs) -> Runner:
    """Return what runs an app in the engine.

    Raises:
        NotInstallableHere: `swarm-inactive`: it is to be a stack, and there is no swarm.
        EngineFailed: it does not answer.
    """
    if runs_as is RunsAs.CONTAINERS:
        return Containers(apps)
    return Services(apps, everywhere=runs_as is RunsAs.STACK_EVERYWHERE)


def way_of(app: InstalledApp | None, asked: RunsAs | None, apps: AppApi) -> RunsAs:
    """Return how an app is to run: as asked, else as it does, else as containers.

    One that was only loaded has no container, and may still become a stack.

    Raises:
        NotInstallableHere: `swarm-other-way`: it runs the other way, and would run twice.
    """
    now = app.runs_as if app is not None else None
    wanted = asked or now or RunsAs.CONTAINERS
    other = app is not None and now is not None and now.stacked is not wanted.stacked
    if app is not None and now is not None and other and _runs(apps, app.product, now):
        raise NotInstallableHere(
            "swarm-other-way",
            f"{app.product} runs as {now.words} here, and can't run as {wanted.words} beside that",
            hint=f"installer uninstall {app.product} --keep-images first; its volumes stay",
        )
    return wanted


def _runs(apps: AppApi, product: str, now: RunsAs) -> bool:
    return now.stacked or bool(apps.labelled(PRODUCT, product))


def remove_stack(apps: AppApi, product: str) -> Iterator[Event]:
    """Remove a product's stack, where the engine manages a swarm.

    Raises:
        EngineFailed: it does not answer.
    """
    swarm = SwarmApi(apps.url)
    try:
        if swarm.manages():
            yield from stacks.remove(swarm, apps, product)
    finally:
        swarm.close()
