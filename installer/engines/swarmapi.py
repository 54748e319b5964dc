"""A swarm's services, tasks and secrets through the Docker Engine's API.

Owns the connection and the translation of failures. Services are made from the API's own terms,
by image ID: nothing here looks a name up or asks the engine to do so.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from docker import APIClient
from docker.errors import APIError, NotFound

from installer.engines.containers import ContainerRefused
from installer.engines.dockerapi import ANSWER_SECONDS, CONNECTIONS, probe, reported
from installer.engines.swarmfacts import (
    ServiceFacts,
    TaskFacts,
    labels_of,
    read_service,
    read_task,
)
from manifests.errors import NotInstallableHere
from manifests.strictjson import JsonValue

VERSION_TRIES: Final = 20
"""Changes tried of a service that the swarm changes meanwhile."""
_STALE: Final = "out of sequence"


@dataclass(frozen=True, slots=True)
class SwarmNode:
    """The node that the engine is.

    Attributes:
        id: of it.
        resources: how many it has of each kind that it tells of, such as GPUs.
    """

    id: str
    resources: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SecretFacts:
    """A secret that the swarm has; its value is told to nobody.

    Attributes:
        id, name: of it.
        labels: all of them.
    """

    id: str
    name: str
    labels: Mapping[str, str]


class SwarmApi:
    """What one manager of a swarm does, behind one Unix socket."""

    def __init__(self, url: str) -> None:
        self.url = url
        probe(url)
        client: Any = APIClient
        with reported(url, "engine-unreachable", "does not answer"):
            self._client = client(
                base_url=url, version="auto", timeout=ANSWER_SECONDS, max_pool_size=CONNECTIONS
            )
        self._client.trust_env = False

    def node(self) -> SwarmNode:
        """Return this node.

        Raises:
            NotInstallableHere: `swarm-inactive`: the engine is not the manager of a swarm.
            EngineFailed: it does not answer.
        """
        with reported(self.url, "engine-answer", "does not describe its swarm"):
            swarm = self._client.info().get("Swarm") or {}
            if swarm.get("LocalNodeState") != "active" or not swarm.get("ControlAvailable"):
                raise _inactive(self.url, str(swarm.get("LocalNodeState") or "inactive"))
            found = self._client.inspect_node(str(swarm.get("NodeID")))
        description = found.get("Description") or {}
        return SwarmNode(str(found["ID"]), _resources(description.get("Resources") or {}))

    def manages(self) -> bool:
        """Tell whether the engine is the manager of a swarm."""
        with suppress(NotInstallableHere):
            self.node()
            return True
        return False

    def services(self, label: str, value: str) -> list[ServiceFacts]:
        """Return the services with a label."""
        with reported(self.url, "engine-answer", "does not list its services"):
            found = self._client.services(filters={"label": f"{label}={value}"})
        return [read_service(one) for one in found]

    def service(self, name: str) -> ServiceFacts | None:
        """Return a service by its exact name or ID, None if there is none."""
        with reported(self.url, "engine-answer", f"does not show service {name}"):
            try:
                return read_service(self._client.inspect_service(name))
            except NotFound:
                return None

    def tasks(self, services: Collection[str]) -> list[TaskFacts]:
        """Return the tasks of services, by the services' IDs, those included that have ended."""
        if not services:
            return []
        with reported(self.url, "engine-answer", "does not list its tasks"):
            found = self._client.tasks(filters={"service": list(services)})
        return [read_task(one) for one in found]

    def create(self, spec: Mapping[str, JsonValue]) -> str:
        """Make a service and return its ID.

        Raises:
            ContainerRefused: with the engine's words.
        """
        with self._refusal(f"broke off while it made service {spec.get('Name')}"):
            return str(self._post("/services/create", dict(spec))["ID"])

    def update(self, service: str, spec: Mapping[str, JsonValue]) -> None:
        """Change a service to another document; again where the swarm changed it meanwhile.

        Raises:
            ContainerRefused: with the engine's words.
        """
        with self._refusal(f"broke off while it changed service {spec.get('Name')}"):
            for left in reversed(range(VERSION_TRIES)):
                found = self._client.inspect_service(service)
                version = {"version": int(found["Version"]["Index"])}
                try:
                    self._post(f"/services/{service}/update", dict(spec), version)
                except APIError as error:
                    if not left or _STALE not in str(error):
                        raise
                else:
                    return

    def remove(self, service: str) -> None:
        """Remove a service; its tasks end by and by. Nothing happens if it is not there."""
        with reported(self.url, "engine-answer", "does not remove a service"), suppress(NotFound):
            self._client.remove_service(service)

    def secrets(self, label: str, value: str) -> list[SecretFacts]:
        """Return the secrets with a label."""
        with reported(self.url, "engine-answer", "does not list its secrets"):
            found = self._client.secrets(filters={"label": f"{label}={value}"})
        return [
            SecretFacts(str(one["ID"]), str(one["Spec"].get("Name")), labels_of(one["Spec"]))
            for one in found
        ]

    def make_secret(self, name: str, value: bytes, labels: Mapping[str, str]) -> str:
        """Make a secret and return its ID.

        Raises:
            ContainerRefused: with the engine's words.
        """
        body = {"Name": name, "Data": base64.b64encode(value).decode(), "Labels": dict(labels)}
        with self._refusal(f"broke off while it made secret {name}"):
            return str(self._post("/secrets/create", body)["ID"])

    def remove_secret(self, secret: str) -> None:
        """Remove a secret that no service uses; one that is used stays."""
        with (
            reported(self.url, "engine-answer", "does not remove a secret"),
            suppress(APIError),
        ):
            self._client.remove_secret(secret)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _post(
        self, path: str, body: Mapping[str, Any], query: Mapping[str, int] | None = None
    ) -> Mapping[str, Any]:
        url = self._client._url(path)  # noqa: SLF001 - its own calls don't know every option
        answer = self._client._post_json(url, data=dict(body), params=query)  # noqa: SLF001
        found: Mapping[str, Any] = self._client._result(answer, True)  # noqa: SLF001, FBT003
        return found

    @contextmanager
    def _refusal(self, what: str) -> Iterator[None]:
        """Keep the engine's own words where it refuses; all else is as everywhere."""
        with reported(self.url, "engine-answer", what):
            try:
                yield
            except APIError as error:
                raise ContainerRefused(self.url, str(error.explanation or error)) from error


def _resources(document: Mapping[str, Any]) -> dict[str, int]:
    """Return how many there are of each kind: a number, or names one by one."""
    found: dict[str, int] = {}
    for one in document.get("GenericResources") or ():
        counted, named = one.get("DiscreteResourceSpec"), one.get("NamedResourceSpec")
        if counted:
            kind = str(counted.get("Kind"))
            found[kind] = found.get(kind, 0) + int(counted.get("Value") or 0)
        elif named:
            kind = str(named.get("Kind"))
            found[kind] = found.get(kind, 0) + 1
    return found


def _inactive(url: str, state: str) -> NotInstallableHere:
    worker = state == "active"
    return NotInstallableHere(
        "swarm-inactive",
        f"{url}: expected the manager of a swarm, found an engine "
        + ("that only works for one" if worker else f"whose swarm is {state}"),
        hint="install on a manager, or: docker node promote"
        if worker
        else "docker swarm init --advertise-addr ADDRESS, with an address of this host; one without"
        " network gets one by: ip addr add 10.255.0.1/32 dev lo",
    )
