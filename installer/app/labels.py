"""Labels that tell whose a container is: Docker Compose's, so that it can take a project over.

Ours stand beside them. No label holds a setting of the host, let alone a secret.

Source: Docker Compose 2.40, pkg/api/labels.go, as its containers show them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from installer.engines.containerfacts import (
    CONFIG,
    DEPENDS,
    NAME,
    NUMBER,
    ONCE,
    PRODUCT,
    PROJECT,
    RESTART,
    SEQUENCE,
    SERVICE,
)
from manifests import __version__
from manifests.release import Release
from manifests.service import Dependency, Service

_PREFIX: Final = "com.docker.compose."
_CONDITIONS: Final = {
    "started": "service_started",
    "healthy": "service_healthy",
    "completed": "service_completed_successfully",
}
CONDITIONS: Final = {compose: ours for ours, compose in _CONDITIONS.items()}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a container comes from.

    Attributes:
        release: that it is of.
        project: its app's prefix.
        origin: what `run` was made from, for people.
        home: folder of the host's settings.
    """

    release: Release
    project: str
    origin: str
    home: Path

    def shared(self) -> dict[str, str]:
        """Return the labels of everything of the project."""
        return {
            PROJECT: self.project,
            f"{_PREFIX}version": __version__,
            PRODUCT: self.release.product,
        }


def container_labels(origin: Origin, service: Service, number: int, image: str) -> dict[str, str]:
    """Return a container's labels, but for the digest of what it is made from."""
    return {
        **origin.shared(),
        SERVICE: service.name,
        NUMBER: str(number),
        f"{_PREFIX}oneoff": "False",
        f"{_PREFIX}image": image,
        f"{_PREFIX}project.working_dir": str(origin.home),
        f"{_PREFIX}project.config_files": str(origin.home / (origin.origin or "compose.yaml")),
        DEPENDS: ",".join(map(_depends, service.dependencies)),
        RESTART: service.restart,
        SEQUENCE: str(origin.release.sequence),
    }


def config_labels(name: str, config: str, *, once: bool) -> dict[str, str]:
    """Return the labels that hold name and digest; Compose wants a digest of its own name."""
    digests = {CONFIG: config, f"{_PREFIX}config-hash": config}
    return {NAME: name, **digests, **({ONCE: "1"} if once else {})}


def read_depends(text: str) -> tuple[Dependency, ...]:
    """Return what a container's label says it needs; what can't be read is left out."""
    return tuple(_dependencies(text.split(",")))


def _dependencies(words: Iterable[str]) -> Iterable[Dependency]:
    for word in words:
        service, _, rest = word.partition(":")
        condition, _, restart = rest.partition(":")
        if service and condition in CONDITIONS:
            yield Dependency.model_validate(
                {
                    "service": service,
                    "condition": CONDITIONS[condition],
                    "restart": restart == "true",
                }
            )


def _depends(one: Dependency) -> str:
    return f"{one.service}:{_CONDITIONS[one.condition]}:{str(one.restart).lower()}"
