"""What shall run of a release in a swarm: the values that `making` makes and `switch` takes.

Owns the vocabulary; no behaviour, no I/O. A `spec` is the engine's own document (Docker Engine
API, v1.41): it may hold values of secrets, so it is never shown, logged or part of an event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from installer.app.wanted import Deployment, Need, WantedNetwork
from manifests.service import Restart
from manifests.strictjson import JsonValue
from manifests.workload import HealthCheck


@dataclass(frozen=True, slots=True)
class WantedSecret:
    """A secret of the swarm; another value is another secret, as the swarm has it.

    Attributes:
        name: in the swarm.
        value: its bytes.
    """

    name: str
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WantedService:
    """One service of the stack.

    Attributes:
        service: name of it in the app.
        name: in the swarm.
        config: digest over everything that it is made from but the number of its tasks.
        spec: of `POST /services/create`, but for the IDs of secrets.
        replicas: how many tasks it has.
        needs: services that must be there first.
        restart: the policy that it has.
        settle_seconds: that its tasks must run.
        stop_seconds: from the signal to being killed; None for the engine's default.
        checks: asked from outside.
        doors: the service's own ports, in the order that checks count them.
        host_network: whether it is in the host's own network.
        once: whether others wait for it to end.
        optional: whether the app counts as started without it.
    """

    service: str
    name: str
    config: str
    spec: Mapping[str, JsonValue] = field(repr=False)
    replicas: int = 1
    needs: tuple[Need, ...] = ()
    restart: Restart = "no"
    settle_seconds: int = 3
    stop_seconds: int | None = None
    checks: tuple[HealthCheck, ...] = ()
    doors: tuple[int, ...] = ()
    host_network: bool = False
    once: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Stack:
    """All that shall run of a release.

    Attributes:
        deployment: what it was made from, one container a service; its remarks say also what a
            stack can't do.
        services: in the order of their dependencies.
        networks: that must be there first.
        secrets: likewise.
        labels: of everything of the stack.
    """

    deployment: Deployment
    services: tuple[WantedService, ...]
    networks: tuple[WantedNetwork, ...]
    secrets: tuple[WantedSecret, ...]
    labels: Mapping[str, str]
