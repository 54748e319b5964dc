"""What runs, before it is known which images the bundle holds; a value, nothing is decided here."""

from __future__ import annotations

from dataclasses import dataclass

from manifests.runspec import NetworkSpec, SecretSpec, Variable, VolumeSpec
from manifests.service import Service


@dataclass(frozen=True, slots=True)
class Draft:
    """The parts of a `RunSpec`; a service's image is as its file names it.

    Attributes:
        services, networks, volumes, secrets, variables, remarks: as there.
        asks_gpus: whether any service asks for GPUs.
    """

    services: tuple[Service, ...]
    networks: tuple[NetworkSpec, ...] = ()
    volumes: tuple[VolumeSpec, ...] = ()
    secrets: tuple[SecretSpec, ...] = ()
    variables: tuple[Variable, ...] = ()
    remarks: tuple[str, ...] = ()
    asks_gpus: bool = False
