"""Are there as many GPUs, and those very ones, as the services of a bundle ask for.

Where the engine gives out GPUs by CDI, what it lists counts; else what the driver shows. A host
without any GPU is the matter of gpu.pci, one whose driver is amiss that of gpu.nvml.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from installer.checks.cdi import GENERATE
from installer.checks.finding import Cause, Check, Finding, Severity, Topic, noted, or_fine
from installer.checks.gpuasks import CDI_KIND, GpuAsk
from installer.checks.hostfiles import Unreadable
from installer.checks.sources import Sources

TOO_FEW: Final = Cause(
    "too-few",
    Severity.FAIL,
    "a service asks for more GPUs than this host has",
    "Use a host with so many, or ask the app's maker for a release that needs fewer; with --no-gpu"
    " its services start without any.",
)
NOT_HERE: Final = Cause(
    "not-here",
    Severity.FAIL,
    "a service asks for a GPU by a number or UUID that this host has not",
    "nvidia-smi -L lists those that are here; ask the app's maker for a release that goes by count,"
    " or names these; with --no-gpu its services start without any.",
)
NOT_LISTED: Final = Cause(
    "not-in-cdi",
    Severity.FAIL,
    "the engine gives out GPUs by CDI and does not list one that a service asks for",
    f"{GENERATE}; systemctl restart docker; docker info lists them then.",
)
_DRIVER: Final = "/proc/driver/nvidia/gpus"
_UUID: Final = re.compile(r"^GPU UUID:\s*(GPU-[0-9a-fA-F-]{8,64})\s*$", re.MULTILINE)


def _enough(sources: Sources) -> Iterator[Finding]:
    asks, count = sources.wanted.gpu_asks, _count(sources)
    if not asks:
        yield noted("nothing is known to ask for GPUs by number")
    elif not count:
        yield noted("the driver shows no GPU: see gpu.pci and gpu.nvml")
    else:
        wanting = ", ".join(one.service for one in asks)
        judged = (finding for ask in asks for finding in _judged(sources, ask, count))
        yield from or_fine(judged, f"{_gpus(count)} here, enough for {wanting}")


def _judged(sources: Sources, ask: GpuAsk, count: int) -> Iterator[Finding]:
    listed = sources.engine.cdi_devices or ()
    by_cdi = any(one.startswith(f"{CDI_KIND}=") for one in listed)
    gone = [name for name in ask.devices if _is_absent(sources, name, count)]
    unlisted = [name for name in ask.cdi_names if name not in listed]
    if ask.count > count:
        few = f"service {ask.service} asks for {_gpus(ask.count)}, this host has {count}"
        yield TOO_FEW.found(few)
    elif gone:
        absent = f"service {ask.service} asks for {', '.join(gone)}, this host has {_gpus(count)}"
        yield NOT_HERE.found(absent)
    elif (by_cdi or (ask.cdi and sources.engine.cdi_devices is not None)) and unlisted:
        asked = f"service {ask.service} asks for {', '.join(unlisted)}"
        yield NOT_LISTED.found(f"{asked}, Docker lists {', '.join(listed) or 'nothing'}")


def _is_absent(sources: Sources, name: str, count: int) -> bool:
    """Tell whether a GPU is known not to be here; parts of divided ones are not known."""
    if name.startswith("GPU-"):
        known = _uuids(sources)
        return len(known) == count and not any(one.startswith(name.lower()) for one in known)
    index = name.partition(":")[0]
    return index.isdecimal() and int(index) >= count


def _count(sources: Sources) -> int:
    """Return how many GPUs containers may see: the driver's library knows best."""
    if sources.nvml.gpus:
        return len(sources.nvml.gpus)
    return len(sources.files.names(_DRIVER))


def _uuids(sources: Sources) -> list[str]:
    """Return the UUIDs that the driver tells this user."""
    try:
        told = [
            _UUID.search(sources.files.text(f"{_DRIVER}/{address}/information") or "")
            for address in sources.files.names(_DRIVER)
        ]
    except Unreadable:
        return []
    return [one[1].lower() for one in told if one]


def _gpus(count: int) -> str:
    return f"{count} GPU{'' if count == 1 else 's'}"


CHECKS: Final = (
    Check(
        "gpu.count",
        Topic.GPU,
        "libnvidia-ml, or /proc/driver/nvidia/gpus; the engine's CDI devices; what the services of"
        " a bundle ask for",
        (TOO_FEW, NOT_HERE, NOT_LISTED),
        _enough,
    ),
)
