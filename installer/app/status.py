"""What runs of an app, as the engine tells it; pure but for the asking.

Owns the judgement whether something is not as it should be.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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
        state: the engine's word, such as `running`; `missing` where there is none.
        health: what checks say.
        ports: published, as `0.0.0.0:8080->80/tcp`.
        since: when it came into its state, as the engine writes it; empty when unknown.
        image: what the engine knows its image by.
        release: sequence of the release that it was first made for; 0 when unknown.
        trouble: why it is not as it should be; empty when it is.
    """

    service: str
    number: int
    container: str
    state: str
    health: Health
    ports: tuple[str, ...]
    since: str
    image: str
    release: int
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class AppStatus:
    """An app.

    Attributes:
        product, project: which.
        instances: of its services, in the order of their dependencies.
    """

    product: str
    project: str
    instances: tuple[InstanceStatus, ...]

    @property
    def well(self) -> bool:
        """Whether everything is as it should be."""
        return bool(self.instances) and not any(one.trouble for one in self.instances)
