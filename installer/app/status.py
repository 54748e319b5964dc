"""What runs of an app, compared with what shall run; pure.

Owns the judgement whether something is not as it should be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from installer.app.converge import compare
from installer.app.deployment import refuse_unknown
from installer.app.health import RESTARTS_MAX
from installer.app.outside import ask, door
from installer.app.wanted import Deployment, WantedContainer
from installer.engines.containerfacts import SEQUENCE, ContainerFacts
from manifests.safetext import safe_line

_ABSENT: Final = "is not there: installer start"
_SUPPLANTED: Final = "is not there: {}, which has its name, is not ours; installer start says more"


class Health(StrEnum):
    """What checks say of an instance."""

    HEALTHY = "healthy"
    STARTING = "starting"
    UNHEALTHY = "unhealthy"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """One instance of a service.

    Attributes:
        service, number: which.
        container: its name; empty where there is none.
        state: the engine's word, such as `running`; `missing` where there is none, `completed`
            where it did what it was to do.
        health: what checks say.
        ports: published, as `0.0.0.0:8080->80/tcp`.
        since: when it came into its state, as the engine writes it; empty when unknown.
        image: what the engine knows its image by.
        release: sequence of the release that it was first made for; 0 when unknown.
        trouble: why it is not as it should be; empty when it is.
    """

    service: str
    number: int
    container: str = ""
    state: str = "missing"
    health: Health = Health.UNCHECKED
    ports: tuple[str, ...] = ()
    since: str = ""
    image: str = ""
    release: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class AppStatus:
    """An app.

    Attributes:
        product, project, sequence: which, and the release that shall run.
        instances: of its services, in the order of their dependencies; then what should not be.
    """

    product: str
    project: str
    sequence: int
    instances: tuple[InstanceStatus, ...]

    @property
    def well(self) -> bool:
        """Whether everything is as it should be."""
        return not any(one.trouble for one in self.instances)

    def only(self, services: Collection[str]) -> AppStatus:
        """Return the part about some services; all of it for none.

        Raises:
            UsageError: `service-unknown`.
        """
        if not services:
            return self
        refuse_unknown(services, tuple(dict.fromkeys(one.service for one in self.instances)))
        chosen = tuple(one for one in self.instances if one.service in services)
        return replace(self, instances=chosen)


def app_status(
    wanted: Deployment, found: Sequence[ContainerFacts], others: Collection[str] = ()
) -> AppStatus:
    """Return how an app is; checks from outside are asked once.

    Args:
        wanted: what shall run.
        found: the product's containers.
        others: names of containers that are not the product's.
    """
    change = compare(wanted, found)
    kept = {(one.wanted.service, one.wanted.number): one.found for one in change.kept}
    left = list(change.obsolete)
    instances: list[InstanceStatus] = []
    for one in wanted.containers:
        there = kept.get((one.service, one.number))
        other = None if there else _other(one, left)
        if other is not None:
            left.remove(other)
        instances.append(_instance(one, there, other, others))
    extra = [replace(_facts(one), trouble="is not of the active release") for one in left]
    return AppStatus(wanted.product, wanted.project, wanted.sequence, (*instances, *extra))


def _other(wanted: WantedContainer, left: Sequence[ContainerFacts]) -> ContainerFacts | None:
    same = ((one.service, one.number) == (wanted.service, wanted.number) for one in left)
    return next((one for one, fits in zip(left, same, strict=True) if fits), None)


def _instance(
    wanted: WantedContainer,
    there: ContainerFacts | None,
    other: ContainerFacts | None,
    others: Collection[str],
) -> InstanceStatus:
    if there is not None:
        seen = _facts(there)
        health, trouble = _asked(wanted, there, seen)
        return replace(seen, health=health, trouble="; ".join(trouble))
    if other is not None:
        trouble_text = "was made of another release or of other settings: installer start"
        return replace(_facts(other), trouble=trouble_text)
    why = _SUPPLANTED.format(wanted.name) if wanted.name in others else _ABSENT
    return InstanceStatus(wanted.service, wanted.number, trouble=why)


def _facts(found: ContainerFacts) -> InstanceStatus:
    sequence = found.labels.get(SEQUENCE, "")
    return InstanceStatus(
        service=found.service,
        number=found.number,
        container=found.name,
        state="completed" if found.completed else found.state,
        health=_health(found),
        ports=tuple(one.words for one in found.ports),
        since=found.started if found.runs else found.finished,
        image=found.image,
        release=int(sequence) if sequence.isdecimal() and len(sequence) < 20 else 0,
    )


def _health(found: ContainerFacts) -> Health:
    """Return what the engine's check says; what it said before an end says nothing."""
    if found.state != "running" or found.health not in set(Health):
        return Health.UNCHECKED
    return Health(found.health)


def _asked(
    wanted: WantedContainer, found: ContainerFacts, seen: InstanceStatus
) -> tuple[Health, list[str]]:
    """Return what the checks say, the engine's and those from outside, and what is wrong."""
    trouble = list(_troubles(found, seen))
    if found.state != "running" or not wanted.checks:
        return seen.health, trouble
    for check in wanted.checks:
        at = door(check, wanted.doors, found)
        if reason := ask(check, at) if at else "it has no address":
            return Health.UNHEALTHY, [*trouble, safe_line(reason, limit=300)]
    return Health.HEALTHY if seen.health is Health.UNCHECKED else seen.health, trouble


def _troubles(found: ContainerFacts, seen: InstanceStatus) -> Iterator[str]:
    if found.completed:
        return
    if found.state == "exited":
        yield f"ended with status {found.status}"
    elif found.state != "running":
        yield f"is {found.state}"
    if found.restarts > RESTARTS_MAX:
        yield f"was started {found.restarts} times again"
    if seen.health is Health.UNHEALTHY:
        said = f": {found.health_words}" if found.health_words else ""
        yield safe_line(f"its health check fails{said}", limit=300)
