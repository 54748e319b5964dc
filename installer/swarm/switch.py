"""Makes a stack of a swarm what it shall be, whatever it was; and puts that back if it fails.

Owns the order of steps:

    1  there must be room: names, ports
    2  networks and secrets are made
    3  services that are obsolete are left without tasks
    4  each service is made or changed when what it needs is there, and must become well
    5  well: obsolete services and secrets are removed
       not well: every service gets its former document back, new ones are removed

Every step goes by what the swarm has: a switch that was killed is finished by the next one, to the
new release or to the old. No volume is ever removed.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from installer.app.failure import Failure
from installer.app.words import last_words, masked
from installer.checks.diagnosis import diagnose
from installer.engines.appapi import AppApi
from installer.engines.containerfacts import PRODUCT
from installer.engines.containers import ContainerRefused
from installer.engines.swarmapi import SwarmApi
from installer.engines.swarmfacts import STACK, ServiceFacts
from installer.events import Event, ServiceChanged, ServiceState, Stage
from installer.stream.jobs import Halted
from installer.swarm.members import Member
from installer.swarm.room import check_room, make_networks
from installer.swarm.stack import Stack, WantedService
from installer.swarm.starting import Starting, Unwell
from installer.swarm.undoing import Former, formerly, idle, undo
from manifests.errors import EngineFailed, StartFailed
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue

WORDS_LIMIT = 600


def switch(
    swarm: SwarmApi,
    apps: AppApi,
    wanted: Stack,
    cancel: threading.Event,
    *,
    resumed: bool = False,
) -> Iterator[Event]:
    """Let exactly `wanted` run; yield `ServiceChanged` and `Advanced` of Stage.START.

    Args:
        swarm: that shall run it.
        apps: containers of this node, for their last words, and networks.
        wanted: what shall run.
        cancel: set it to stop; what ran before runs again.
        resumed: whether a switch to the same release was broken off: what it did is undone, too,
            if this one fails.

    Raises:
        StartFailed: `app-start`, `app-unhealthy`: what ran before runs again.
        NotInstallableHere: `app-name-taken`, `app-port-taken`, `app-network-missing`,
            `app-volume-missing`: nothing was changed.
        EngineFailed: it does not answer; run again.
        Halted: `cancel` was set; what ran before runs again.
    """
    return _Switch(swarm, apps, wanted, cancel, resumed=resumed).events()


class _Switch:
    def __init__(
        self,
        swarm: SwarmApi,
        apps: AppApi,
        wanted: Stack,
        cancel: threading.Event,
        *,
        resumed: bool,
    ) -> None:
        self._swarm = swarm
        self._apps = apps
        self._wanted = wanted
        self._cancel = cancel
        self._resumed = resumed
        self._project = wanted.deployment.project

    def events(self) -> Iterator[Event]:
        found = self._swarm.services(STACK, self._project)
        check_room(self._swarm, self._apps, self._wanted)
        make_networks(self._apps, self._wanted)
        secrets = self._make_secrets()
        members = [Member.of(one, _completed(one, secrets)) for one in self._wanted.services]
        names = {one.name for one in self._wanted.services}
        whole = self._wanted.deployment.whole
        obsolete = [one for one in found if whole and one.name not in names]
        former = self._former(found, obsolete)
        try:
            yield from idle(self._swarm, obsolete, self._cancel)
            deadline = self._wanted.deployment.deadline_seconds
            starting = Starting(self._swarm, self._project, members, self._cancel)
            yield from starting.events(deadline)
        except Unwell as unwell:
            failure = self._failure(unwell)
            yield ServiceChanged(
                Stage.START, failure.service, failure.container, ServiceState.FAILED, failure.detail
            )
            after = yield from undo(self._swarm, self._project, former)
            raise failure.because(after) from unwell
        except (Halted, EngineFailed):
            with suppress(EngineFailed):
                yield from undo(self._swarm, self._project, former)
            raise
        yield from self._clear(obsolete)

    def _former(self, found: list[ServiceFacts], obsolete: list[ServiceFacts]) -> list[Former]:
        there = {one.name: one for one in found}
        named = [
            *obsolete,
            *(there[one.name] for one in self._wanted.services if one.name in there),
        ]
        sequence = self._wanted.deployment.sequence
        known = [formerly(one, sequence, resumed=self._resumed) for one in named]
        new = [one for one in self._wanted.services if one.name not in there]
        return [*known, *(Former(one.service, one.name, None) for one in new)]

    def _make_secrets(self) -> dict[str, str]:
        """Return the IDs of the secrets, by name; those that are missing are made.

        Raises:
            StartFailed: `app-start`: the engine refused one.
        """
        product = self._wanted.deployment.product
        there = {one.name: one.id for one in self._swarm.secrets(PRODUCT, product)}
        for one in self._wanted.secrets:
            if one.name not in there:
                try:
                    made = self._swarm.make_secret(one.name, one.value, self._wanted.labels)
                except ContainerRefused as refusal:
                    raise StartFailed(
                        "app-start",
                        f"the swarm did not make secret {one.name}: {refusal.words}",
                        hint="docker secret ls shows what there is",
                    ) from refusal
                there[one.name] = made
        return there

    def _failure(self, unwell: Unwell) -> Failure:
        member, hidden = unwell.member, self._wanted.deployment.hidden
        container = member.last_container()
        words = last_words(self._apps, container, hidden) if container else ()
        known = diagnose("\n".join((unwell.words or unwell.reason, *words)))
        return Failure(
            code="app-start" if unwell.words else "app-unhealthy",
            service=member.service,
            container=member.name,
            reason=safe_line(masked(unwell.reason, hidden), limit=WORDS_LIMIT),
            words=words,
            hint=known.remedy if known is not None else "mend what it says, and install again",
        )

    def _clear(self, obsolete: list[ServiceFacts]) -> Iterator[Event]:
        for one in obsolete:
            self._swarm.remove(one.id)
            yield ServiceChanged(Stage.START, one.service, one.name, ServiceState.REMOVED)
        if not self._wanted.deployment.whole:
            return
        kept = {one.name for one in self._wanted.secrets}
        for secret in self._swarm.secrets(PRODUCT, self._wanted.deployment.product):
            if secret.name not in kept:
                self._swarm.remove_secret(secret.id)


def _completed(wanted: WantedService, secrets: Mapping[str, str]) -> dict[str, JsonValue]:
    """Return a service's document with the IDs of its secrets."""
    task: Any = dict(wanted.spec["TaskTemplate"])  # type: ignore[arg-type]
    inside = dict(task["ContainerSpec"])
    if named := inside.get("Secrets"):
        inside["Secrets"] = [{**one, "SecretID": secrets[one["SecretName"]]} for one in named]
    return {**wanted.spec, "TaskTemplate": {**task, "ContainerSpec": inside}}
