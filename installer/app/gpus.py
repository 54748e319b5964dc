"""How a service comes to the GPUs that it asks for, on this engine; pure.

What the engine itself tells of decides: CDI devices that it found, else a runtime `nvidia`. An
engine that tells of neither is asked as `docker run --gpus` asks; it says no when it can't.
"""

from __future__ import annotations

from typing import Final

from installer.checks.enginefacts import EngineFacts
from installer.trials.ways import Grant, Way, host_settings, variables
from manifests.confinement import GpuNeed
from manifests.strictjson import JsonValue

_NVIDIA: Final = ("", "nvidia")
_CDI_KIND: Final = "nvidia.com/gpu="
_CDI: Final = "cdi"


def way_to_gpus(facts: EngineFacts) -> Way:
    """Return the way that this engine has."""
    if any(one.startswith(_CDI_KIND) for one in facts.cdi_devices or ()):
        return Way.CDI
    return Way.RUNTIME if "nvidia" in facts.runtimes else Way.GPUS


def gpu_settings(need: GpuNeed, way: Way) -> dict[str, JsonValue]:
    """Return the part of HostConfig that asks for GPUs; another maker's driver by its name."""
    if need.driver == _CDI:
        return {"DeviceRequests": [{"Driver": _CDI, "DeviceIDs": list(need.devices)}]}
    if need.driver not in _NVIDIA:
        which: dict[str, JsonValue] = (
            {"DeviceIDs": list(need.devices)} if need.devices else {"Count": need.count or -1}
        )
        wanted: list[JsonValue] = ["gpu", *_parts(need)]
        return {"DeviceRequests": [{"Driver": need.driver, **which, "Capabilities": [wanted]}]}
    return host_settings(way, _grant(need))


def gpu_variables(need: GpuNeed, way: Way) -> dict[str, str]:
    """Return the variables that ask for GPUs."""
    return variables(way, _grant(need)) if need.driver in _NVIDIA else {}


def _grant(need: GpuNeed) -> Grant:
    return Grant(need.devices, need.count, _parts(need))


def _parts(need: GpuNeed) -> tuple[str, ...]:
    return tuple(one for one in need.capabilities if one != "gpu")
