"""How many GPUs the host's NVIDIA driver has, read from /proc; asks no library."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class HostGpus:
    """What the driver shows.

    Attributes:
        count: GPUs; 0 without a driver.
        divided: whether one of them is divided (MIG): what a container sees are its parts.
    """

    count: int
    divided: bool


def host_gpus(root: Path = Path("/")) -> HostGpus:
    """Return what the driver shows under /proc/driver/nvidia."""
    driver = root / "proc/driver/nvidia"
    return HostGpus(
        count=len(_names(driver / "gpus")),
        divided=any(
            name.startswith("gi")
            for gpu in _names(driver / "capabilities")
            for name in _names(driver / "capabilities" / gpu / "mig")
        ),
    )


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []
