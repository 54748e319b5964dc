"""What runs of a stack, compared with what shall run; pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from installer.app.status import AppStatus, Health, InstanceStatus
from installer.engines.swarmfacts import ServiceFacts, SwarmPort, TaskFacts
from installer.swarm.stack import Stack, WantedService

_STARTS = frozenset({"new", "pending", "assigned", "accepted", "preparing", "ready", "starting"})
START = "installer start"


def stack_status(
    wanted: Stack, found: Sequence[ServiceFacts], tasks: Sequence[TaskFacts]
) -> AppStatus:
    """Return how a stack is.

    Args:
        wanted: what shall run.
        found: services of the product.
        tasks: of theirs.
    """
    there = {one.name: one for one in found}
    names = {one.name for one in wanted.services}
    instances: list[InstanceStatus] = []
    for one in wanted.services:
        instances += _instances(one, there.get(one.name), tasks)
    for other in found:
        if other.name not in names:
            instances.append(
                InstanceStatus(
                    other.service,
                    1,
                    container=other.name,
                    state="running" if other.replicas else "stopped",
                    release=other.sequence,
                    trouble="is not of the active release",
                )
            )
    base = wanted.deployment
    return AppStatus(base.product, base.project, base.sequence, tuple(instances))


def _instances(
    wanted: WantedService, found: ServiceFacts | None, tasks: Sequence[TaskFacts]
) -> Iterator[InstanceStatus]:
    for number in range(1, wanted.replicas + 1):
        bare = InstanceStatus(wanted.service, number)
        if found is None:
            yield replace(bare, trouble=f"is not there: {START}")
            continue
        own = [one for one in tasks if (one.service_id, one.slot) == (found.id, number)]
        task = max(own, key=lambda one: (one.meant, one.since), default=None)
        yield _instance(wanted, found, task, bare)


def _instance(
    wanted: WantedService, found: ServiceFacts, task: TaskFacts | None, bare: InstanceStatus
) -> InstanceStatus:
    seen = replace(bare, container=f"{wanted.name}.{bare.number}", release=found.sequence)
    if task is not None:
        seen = replace(
            seen,
            state="completed" if task.state == "complete" else task.state,
            health=_health(task),
            since=task.since,
            image=task.image,
            ports=tuple(map(_port_words, task.ports or found.ports)),
        )
    return replace(seen, trouble=_trouble(wanted, found, task))


def _trouble(wanted: WantedService, found: ServiceFacts, task: TaskFacts | None) -> str:
    if found.config != wanted.config:
        return f"was made of another release or of other settings: {START}"
    if not found.replicas:
        return f"is stopped: {START}"
    if task is None:
        return "has no task yet"
    ends = wanted.restart in ("no", "on-failure")
    if task.state == "running" or (task.state == "complete" and ends):
        return ""
    return f"is {task.state}: {task.reason}" if task.reason else f"is {task.state}"


def _health(task: TaskFacts) -> Health:
    """Return what a swarm tells: a task runs only once its health check is passed."""
    return Health.STARTING if task.state in _STARTS else Health.UNCHECKED


def _port_words(port: SwarmPort) -> str:
    return f"*:{port.published}->{port.target}/{port.protocol}"
