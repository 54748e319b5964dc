"""What a release's services ask of a host's GPUs, in the terms of the driver and of CDI; pure.

A count is asked of each instance alone: containers share GPUs, so that what several services ask
for does not add up. GPUs of other makers than NVIDIA are not looked at here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from manifests.confinement import GpuNeed
from manifests.release import Release

CDI_KIND: Final = "nvidia.com/gpu"
_NVIDIA: Final = ("", "nvidia")
_CDI: Final = "cdi"


@dataclass(frozen=True, slots=True)
class GpuAsk:
    """What each instance of one service asks for.

    Attributes:
        service: name of it.
        count: how many; 0 for all that there are.
        devices: indices, UUIDs; instead of a count.
        cdi: full names of CDI devices; instead of both.
    """

    service: str
    count: int = 0
    devices: tuple[str, ...] = ()
    cdi: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Indices or UUIDs; none for every GPU. Engine and driver count from the first one."""
        return self.devices or tuple(map(str, range(self.count)))

    @property
    def cdi_names(self) -> tuple[str, ...]:
        """What is asked of an engine that gives out GPUs by CDI."""
        return self.cdi or tuple(f"{CDI_KIND}={one}" for one in self.names or ("all",))


def gpu_asks(release: Release) -> tuple[GpuAsk, ...]:
    """Return what the services of a release ask of NVIDIA's GPUs."""
    services = release.run.services if release.run else ()
    asking = ((one.name, one.gpus) for one in services if one.instances)
    return tuple(ask for name, need in asking if need is not None for ask in _ask(name, need))


def _ask(service: str, need: GpuNeed) -> Iterator[GpuAsk]:
    if need.driver in _NVIDIA:
        yield GpuAsk(service, need.count or 0, need.devices)
    elif need.driver == _CDI and any(one.startswith(CDI_KIND) for one in need.devices):
        yield GpuAsk(service, cdi=tuple(one for one in need.devices if one.startswith(CDI_KIND)))
