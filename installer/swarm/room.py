"""Whether there is room for a stack beside what others run, and the networks that it needs."""

from __future__ import annotations

from dataclasses import replace

from installer.app.room import check_room as check_container_room
from installer.app.wanted import Deployment, WantedContainer
from installer.engines.appapi import AppApi
from installer.engines.containerfacts import PRODUCT
from installer.engines.containers import ContainerRefused
from installer.engines.swarmapi import SwarmApi
from installer.engines.swarmfacts import STACK, ServiceFacts
from installer.swarm.ports import HOST
from installer.swarm.stack import Stack
from manifests.errors import NotInstallableHere, StartFailed


def check_room(swarm: SwarmApi, apps: AppApi, wanted: Stack) -> None:
    """Refuse what could not start because others have its names or ports; changes nothing.

    Raises:
        NotInstallableHere: `app-name-taken`, `app-port-taken`, `app-network-missing`,
            `app-volume-missing`.
        EngineFailed: it does not answer.
    """
    project, product = wanted.deployment.project, wanted.deployment.product
    there = swarm.services(STACK, project)
    for one in there:
        if one.labels.get(PRODUCT) != product:
            raise _taken(
                f"stack {project} has a service {one.name} that was not installed for {product}",
                hint=f"docker stack rm {project}, if nobody needs it (volumes stay)",
            )
    for network in wanted.networks:
        found = None if network.external else apps.network(network.name)
        if found is not None and _owner(found.labels) != (project, product):
            raise _taken(
                f"network {network.name}, which {product} needs, is not one of its stack",
                hint=f"docker network rm {network.name}, if nobody needs it",
            )
    check_container_room(apps, _bare(wanted, there))


def make_networks(apps: AppApi, wanted: Stack) -> None:
    """Make the networks that are missing; those that are there stay as they are.

    Raises:
        StartFailed: `app-start`: the engine refused one.
    """
    for network in wanted.networks:
        if network.external or apps.network(network.name) is not None:
            continue
        try:
            apps.make_network(network.body)
        except ContainerRefused as refusal:
            raise StartFailed(
                "app-start",
                f"the engine did not make network {network.name}: {refusal.words}",
                hint="docker network ls shows what there is",
            ) from refusal


def _owner(labels: object) -> tuple[object, object]:
    found = labels if isinstance(labels, dict) else {}
    return found.get(STACK), found.get(PRODUCT)


def _bare(wanted: Stack, there: list[ServiceFacts]) -> Deployment:
    """Return what a container's check needs to look at: volumes, others' networks, free ports."""
    held = {port.published for one in there for port in one.ports}
    return replace(
        wanted.deployment,
        networks=tuple(one for one in wanted.networks if one.external),
        containers=tuple(_opening(wanted, one, held) for one in wanted.deployment.containers),
    )


def _opening(wanted: Stack, container: WantedContainer, held: set[int]) -> WantedContainer:
    name = f"{wanted.deployment.project}_{container.service}"
    spec = next(one.spec for one in wanted.services if one.service == container.service)
    host = HOST in str(spec.get("EndpointSpec"))
    free = tuple(one for one in container.ports if host and one.number not in held)
    return replace(container, name=name, ports=free)


def _taken(what: str, hint: str) -> NotInstallableHere:
    return NotInstallableHere("app-name-taken", what, hint=hint)
