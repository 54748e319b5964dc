"""GPUs as a swarm gives them: generic resources that the node tells of; pure.

A swarm knows neither `--gpus` nor CDI. A node can do it whose engine names its GPUs
(`node-generic-resources`) and whose runtime reads what the swarm hands out; no other can.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from manifests.confinement import GpuNeed
from manifests.errors import NotInstallableHere
from manifests.service import Service
from manifests.strictjson import JsonValue


def gpu_reservation(service: Service, resources: Mapping[str, int]) -> dict[str, JsonValue]:
    """Return what the service's tasks reserve.

    Raises:
        NotInstallableHere: `swarm-no-gpus`.
    """
    if service.gpus is None:
        return {}
    kind = _kind(resources)
    if not kind:
        raise NotInstallableHere(
            "swarm-no-gpus",
            f"service {service.name} asks for GPUs, and this node tells its swarm of none",
            hint='name them in /etc/docker/daemon.json, "node-generic-resources":'
            ' ["NVIDIA-GPU=GPU-..."], with "default-runtime": "nvidia" and swarm-resource ='
            ' "DOCKER_RESOURCE_NVIDIA-GPU" in the config of nvidia-container-runtime; or'
            " --no-gpu; or install without --swarm",
            service=service.name,
        )
    count = _count(service.gpus, resources[kind])
    return {"GenericResources": [{"DiscreteResourceSpec": {"Kind": kind, "Value": count}}]}


def refuse_few(services: Iterable[Service], resources: Mapping[str, int]) -> None:
    """Refuse services that reserve more GPUs than the node has: a swarm lends each to one task.

    Raises:
        NotInstallableHere: `swarm-no-gpus`.
    """
    there = resources.get(_kind(resources), 0)
    asking = {
        one.name: one.instances * _count(one.gpus, there)
        for one in services
        if one.gpus is not None
    }
    if there and sum(asking.values()) > there:
        told = ", ".join(f"{name} {count}" for name, count in asking.items())
        raise NotInstallableHere(
            "swarm-no-gpus",
            f"services reserve {sum(asking.values())} GPUs ({told}), this node tells its swarm of"
            f" {there}, and no two tasks get the same",
            hint="install without --swarm, where services share GPUs; or --no-gpu",
        )


def gpu_remark(service: Service) -> str:
    """Return what a swarm does not do of what a service asks for; empty for nothing."""
    if service.gpus is None or not service.gpus.devices:
        return ""
    return (
        f"service {service.name}: a stack can't choose GPUs, it gets {len(service.gpus.devices)}"
        " of them"
    )


def _kind(resources: Mapping[str, int]) -> str:
    return next((one for one in sorted(resources) if "gpu" in one.lower()), "")


def _count(need: GpuNeed, there: int) -> int:
    return len(need.devices) or need.count or there
