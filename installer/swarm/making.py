"""Makes a release's services for a swarm from the same deployment as its containers; pure.

Owns what a service's digest is taken over, where its tasks may run, and how one set of tasks
follows another. Images are named by ID, which no node looks up anywhere; they are on this node
only, unless a person says that they are on all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property
from typing import Any, Final

from installer.app.deployment import Placement, deployment
from installer.app.wanted import WantedContainer, WantedNetwork
from installer.engines.containerfacts import CONFIG, PRODUCT, SEQUENCE
from installer.engines.swarmapi import SwarmNode
from installer.engines.swarmfacts import ORDER, SERVICE, STACK
from installer.swarm.containerspec import (
    container_spec,
    log_driver,
    resources,
    volumes_by_name,
)
from installer.swarm.gpus import gpu_remark, gpu_reservation, refuse_few
from installer.swarm.ports import HOST, StackPorts, stack_ports
from installer.swarm.secrets import references, wanted_secrets
from installer.swarm.stack import Stack, WantedSecret, WantedService
from installer.swarm.unable import refuse_opened, remarks
from manifests.digest import Digest
from manifests.errors import UsageError
from manifests.release import Release
from manifests.runspec import RunSpec
from manifests.service import Service
from manifests.serviceinputs import PLAIN_MODE, SecretUse
from manifests.strictjson import JsonValue, canonical

_NS: Final = 1_000_000_000
_RESTART: Final = {
    "no": "none",
    "on-failure": "on-failure",
    "always": "any",
    "unless-stopped": "any",
}
_OTHERS_LABELS: Final = ("com.docker.compose.", "moonlift.")
_BRIDGE: Final = "bridge"
_OVERLAY: Final = "overlay"


@dataclass(frozen=True, slots=True)
class Terms:
    """How a stack is to be.

    Attributes:
        node: this one.
        everywhere: whether tasks may run on other nodes.
    """

    node: SwarmNode
    _: KW_ONLY
    everywhere: bool = False


def stack(release: Release, at: Placement, terms: Terms) -> Stack:
    """Return what shall run.

    Raises:
        NotInstallableHere: as `installer.app.deployment`; `swarm-unable`, `swarm-no-gpus`.
        MalformedInput: `run-template`.
        UsageError: `app-runs-nothing`.
    """
    if release.run is None:
        raise UsageError(
            "app-runs-nothing", f"{release.product} {release.version} only brings images"
        )
    made = _Making(release, release.run, at, terms)
    services = tuple(made.services())
    return Stack(
        deployment=replace(made.base, remarks=(*made.base.remarks, *made.remarks())),
        services=services,
        networks=made.networks,
        secrets=tuple(made.secrets.values()),
        labels=made.labels,
    )


class _Making:
    def __init__(self, release: Release, spec: RunSpec, at: Placement, terms: Terms) -> None:
        self._spec = spec
        self._at = at
        self._terms = terms
        self._services = {one.name: one for one in spec.services}
        self.base = deployment(_single(release, spec), at)
        self.labels = {STACK: spec.project, PRODUCT: release.product}
        self.secrets: dict[str, WantedSecret] = wanted_secrets(spec, at.settings)

    @cached_property
    def networks(self) -> tuple[WantedNetwork, ...]:
        """The networks, across nodes."""
        return tuple(
            one if one.external else _overlay(one, self.labels) for one in self.base.networks
        )

    def services(self) -> Iterator[WantedService]:
        """Yield every service, those that others need first."""
        if self._at.gpus and not self._terms.everywhere:
            refuse_few(self._spec.services, self._terms.node.resources)
        for order, container in enumerate(self.base.containers):
            refuse_opened(self._services[container.service])
            yield self._service(container, order)

    def remarks(self) -> Iterator[str]:
        """Yield what a stack does not do."""
        everywhere = self._terms.everywhere
        for container in self.base.containers:
            service, ports = self._services[container.service], self._ports(container)
            yield from remarks(service, container.body, ports, everywhere=everywhere)
            if any(self._is_deaf(container, ports)):
                yield f"service {service.name}: nothing asks its checks but those within it"
            if self._at.gpus and (remark := gpu_remark(service)):
                yield remark
        asking = [one.name for one in self._spec.services if one.gpus is not None]
        if asking and not self._at.gpus:
            yield f"GPUs are left out, as asked, of {', '.join(asking)}"

    def _service(self, container: WantedContainer, order: int) -> WantedService:
        service, ports = self._services[container.service], self._ports(container)
        name = f"{self._spec.project}_{service.name}"
        task = self._task(service, container)
        endpoint: dict[str, JsonValue] = {
            "Mode": "dnsrr" if ports.mode == HOST else "vip",
            "Ports": [*ports.opened],
        }
        changes: dict[str, JsonValue] = _changes(container)
        digested: dict[str, JsonValue] = {"task": task, "endpoint": endpoint, "update": changes}
        config = Digest.of(canonical({**digested, "name": name})).hex
        own = {**self.labels, SERVICE: service.name, CONFIG: config}
        inside: Any = task["ContainerSpec"]
        inside["Labels"] = {**_own_labels(container), **own}
        sequence, position = str(self.base.sequence), str(order)
        return WantedService(
            service=service.name,
            name=name,
            config=config,
            spec={
                "Name": name,
                "Labels": {**own, SEQUENCE: sequence, ORDER: position},
                "TaskTemplate": task,
                "Mode": {"Replicated": {"Replicas": service.instances}},
                "EndpointSpec": endpoint,
                **changes,
            },
            replicas=service.instances,
            needs=container.needs,
            restart=container.restart,
            settle_seconds=container.settle_seconds,
            stop_seconds=container.stop_seconds,
            checks=() if any(self._is_deaf(container, ports)) else container.checks,
            doors=container.doors,
            host_network=service.network_mode == "host",
            once=container.once,
            optional=container.optional,
        )

    def _task(self, service: Service, container: WantedContainer) -> dict[str, JsonValue]:
        host: Mapping[str, Any] = container.body.get("HostConfig") or {}  # type: ignore[assignment]
        inside = container_spec(container.body, volumes_by_name(self.base.volumes))
        if secrets := [*references(service, self.secrets)]:
            inside["Secrets"] = secrets
        limits, reserved = resources(host)
        if self._at.gpus:
            reserved |= gpu_reservation(service, self._terms.node.resources)
        here: list[JsonValue] = [f"node.id=={self._terms.node.id}"]
        return {
            "ContainerSpec": inside,
            "Resources": {"Limits": limits, "Reservations": reserved},
            "RestartPolicy": {
                "Condition": _RESTART[container.restart],
                "Delay": _NS,
                "MaxAttempts": container.restart_retries,
            },
            "Placement": {} if self._terms.everywhere else {"Constraints": here},
            "Networks": [*self._attached(service, container)],
            **log_driver(host),
        }

    def _attached(self, service: Service, container: WantedContainer) -> Iterator[JsonValue]:
        if service.network_mode in ("host", _BRIDGE):
            yield {"Target": service.network_mode}
        elif service.network_mode:  # another service's, which a stack can't share
            for network in self.networks[:1]:
                yield {"Target": network.name}
        for one in container.endpoints:
            named: Any = one.settings.get("Aliases") or []
            aliases = [alias for alias in named if alias != container.name]
            yield {"Target": one.network, "Aliases": aliases}

    def _ports(self, container: WantedContainer) -> StackPorts:
        host: Any = container.body.get("HostConfig") or {}
        service = self._services[container.service]
        alone = service.instances <= 1 and not self._terms.everywhere
        bindings = {} if service.network_mode == "host" else host.get("PortBindings") or {}
        return stack_ports(bindings, alone=alone)

    def _is_deaf(self, container: WantedContainer, ports: StackPorts) -> Iterator[bool]:
        """Yield for each check from outside whether nothing can be asked on this host."""
        if self._services[container.service].network_mode == "host":
            return
        for check in container.checks:
            known = check.port in container.doors
            at = check.index or 0
            door = container.doors[at] if check.port is None and at < len(container.doors) else 0
            yield not ports.reaches(check.port or 0 if known else door)


def _single(release: Release, spec: RunSpec) -> Release:
    """Return the release with one instance a service, without GPUs: a swarm has its own words.

    Modes and owners of secrets are left out for the same reason.
    """
    single = [
        one.model_copy(
            update={
                "instances": min(1, one.instances),
                "gpus": None,
                "secrets": tuple(_plain(use) for use in one.secrets),
            }
        )
        for one in spec.services
    ]
    return release.model_copy(update={"run": spec.model_copy(update={"services": tuple(single)})})


def _plain(use: SecretUse) -> SecretUse:
    return use.model_copy(update={"mode": PLAIN_MODE, "uid": None, "gid": None})


def _changes(container: WantedContainer) -> dict[str, JsonValue]:
    """Return how one set of tasks follows another.

    The swarm puts a service back by itself when more tasks fail than it has; one whose tasks may
    end well is left to the installer, since for a swarm's update every end is a failure.
    """
    ends = container.restart in ("no", "on-failure")
    order: dict[str, JsonValue] = {
        "Order": "start-first" if container.overlaps else "stop-first",
        "Parallelism": 1 if container.overlaps else 0,
    }
    return {
        "UpdateConfig": {
            **order,
            "FailureAction": "continue" if ends else "rollback",
            "Monitor": max(1, container.settle_seconds) * _NS,
            "MaxFailureRatio": 1,
        },
        "RollbackConfig": {**order, "FailureAction": "continue", "Monitor": _NS},
    }


def _own_labels(container: WantedContainer) -> dict[str, JsonValue]:
    found: Any = container.body.get("Labels") or {}
    return _not_others(found)


def _not_others(labels: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return the labels that the app's maker wrote."""
    return {name: text for name, text in labels.items() if not name.startswith(_OTHERS_LABELS)}


def _overlay(network: WantedNetwork, labels: Mapping[str, str]) -> WantedNetwork:
    """Return a network that spans nodes; what only a bridge knows is left out."""
    body: dict[str, Any] = dict(network.body)
    if body.get("Driver") == _BRIDGE:
        body |= {"Driver": _OVERLAY, "Options": {}}
    theirs = _not_others(body.pop("Labels", None) or {})
    config = Digest.of(canonical(body)).hex
    own = {**theirs, **labels, CONFIG: config}
    return replace(network, config=config, body={**body, "Labels": own})
