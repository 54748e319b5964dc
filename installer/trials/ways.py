"""The ways to give a container GPUs, in the terms of the engine's API; pure.

    none     no GPU: what a container gets that asks for nothing
    gpus     `docker run --gpus`: a device request to the driver `nvidia` (Docker 19.03)
    runtime  `docker run --runtime=nvidia`: the toolkit's runtime and its variables
    cdi      `docker run --device nvidia.com/gpu=...`: a device request to the driver `cdi` (25)

Source: Docker Engine API, HostConfig; NVIDIA Container Toolkit, "Specialized configurations".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from manifests.errors import UsageError
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue

CAPABILITIES: Final = ("compute", "utility")
"""Parts of the driver that the self-test needs: CUDA with OpenCL, and NVML."""
GPUS_MAX: Final = 128
_GPU = re.compile(r"[0-9]{1,4}(:[0-9]{1,3})?|(GPU|MIG)-[0-9A-Za-z/-]{1,80}", re.ASCII)


class Way(StrEnum):
    """How a container comes to GPUs."""

    NONE = "none"
    GPUS = "gpus"
    RUNTIME = "runtime"
    CDI = "cdi"

    @property
    def words(self) -> str:
        """The way as a person would ask for it."""
        return _WORDS[self]


_WORDS: Final = {
    Way.NONE: "no GPU",
    Way.GPUS: "--gpus",
    Way.RUNTIME: "--runtime=nvidia",
    Way.CDI: "--device nvidia.com/gpu",
}


@dataclass(frozen=True, slots=True)
class Grant:
    """Which GPUs a container shall have.

    Attributes:
        devices: indices as `nvidia-smi -L` counts, or UUIDs; none to go by `count`.
        count: how many, the first ones; None for every GPU.
        capabilities: parts of the driver; none for those that the image asks for.
    """

    devices: tuple[str, ...] = ()
    count: int | None = None
    capabilities: tuple[str, ...] = CAPABILITIES

    @classmethod
    def parse(cls, text: str) -> Grant:
        """Parse `0,1`, `GPU-3af7...`, `all` or nothing.

        Raises:
            UsageError: `gpu-malformed`.
        """
        if text in ("", "all"):
            return cls()
        devices = tuple(one.strip() for one in text.split(","))
        distinct = len(set(devices)) == len(devices) <= GPUS_MAX
        if not distinct or not all(map(_GPU.fullmatch, devices)):
            raise UsageError(
                "gpu-malformed",
                "expected numbers or UUIDs of GPUs such as 0,1 or GPU-3af7..., each once,"
                f" found {safe_line(text, limit=200)}",
                hint="nvidia-smi -L lists both",
            )
        return cls(devices)

    @property
    def words(self) -> str:
        """The grant as a person would write it."""
        return ",".join(self.names) or "all"

    @property
    def names(self) -> tuple[str, ...]:
        """Indices or UUIDs; none for every GPU. The engine, too, counts from the first one."""
        return self.devices or tuple(map(str, range(self.count or 0)))


def host_settings(way: Way, grant: Grant) -> dict[str, JsonValue]:
    """Return the part of HostConfig that asks for the GPUs."""
    if way is Way.GPUS:
        return {"DeviceRequests": [_gpus_request(grant)]}
    if way is Way.CDI:
        names: list[JsonValue] = [f"nvidia.com/gpu={one}" for one in grant.names or ("all",)]
        return {"DeviceRequests": [{"Driver": "cdi", "DeviceIDs": names}]}
    return {"Runtime": "nvidia"} if way is Way.RUNTIME else {}


def variables(way: Way, grant: Grant) -> dict[str, str]:
    """Return the variables that ask for the GPUs.

    The way without GPUs sets none, not even to forbid: that the engine's own settings, or the
    image's, give a container what it did not ask for is what that way is to show.
    """
    if way is not Way.RUNTIME:
        return {}
    parts = ",".join(grant.capabilities)
    wanted = {"NVIDIA_DRIVER_CAPABILITIES": parts} if parts else {}
    return {"NVIDIA_VISIBLE_DEVICES": grant.words, **wanted}


def _gpus_request(grant: Grant) -> dict[str, JsonValue]:
    which: dict[str, JsonValue] = (
        {"DeviceIDs": list(grant.devices)} if grant.devices else {"Count": grant.count or -1}
    )
    return {"Driver": "nvidia", **which, "Capabilities": [["gpu", *grant.capabilities]]}
