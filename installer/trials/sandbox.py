"""What a container of the self-test may do: nothing but compute, for a while; pure.

No network, no capability, no new privilege, nothing to write but one file system in memory. It
carries the time until which it may be there and the process that it belongs to, so that those of
a killed run are found.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from installer.trials.ways import Grant, Way, host_settings, variables
from manifests.digest import Digest
from manifests.strictjson import JsonValue

SCRATCH: Final = "/tmp"  # noqa: S108 - inside the container, in memory
SCRATCH_BYTES: Final = 512 * 1024**2
MEMORY_BYTES: Final = 4 * 1024**3
PROCESSES: Final = 4096
"""PoCL has a thread for each processor."""

LABEL: Final = "io.moonlift.selftest.run"
LABEL_UNTIL: Final = "io.moonlift.selftest.until"
"""Seconds since 1970 after which no run needs the container any more."""

_STAT_START: Final = 19
"""Field of /proc/PID/stat with the start time, counted behind the name (proc(5): field 22)."""


@dataclass(frozen=True, slots=True)
class TrialRequest:
    """One container.

    Attributes:
        image: its ID.
        way: how it comes to GPUs.
        grant: which.
        options: of the self-test's command line.
        owner: the process that it belongs to.
        until: seconds since 1970 after which it has no right to be there.
    """

    image: Digest
    way: Way
    grant: Grant
    options: tuple[str, ...]
    owner: str
    until: int


def container_settings(request: TrialRequest) -> dict[str, JsonValue]:
    """Return the body of the engine's `POST /containers/create`."""
    environment = {
        "POCL_CACHE_DIR": SCRATCH,
        "CUDA_CACHE_PATH": SCRATCH,
        "TMPDIR": SCRATCH,
        **variables(request.way, request.grant),
    }
    return {
        "Image": str(request.image),
        "Cmd": list(request.options),
        "Env": [f"{name}={value}" for name, value in environment.items()],
        "Labels": {LABEL: request.owner, LABEL_UNTIL: str(request.until)},
        "NetworkDisabled": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "HostConfig": {**_limits(), **host_settings(request.way, request.grant)},
    }


def _limits() -> dict[str, JsonValue]:
    """Return what holds the container; memory and swap together are the memory alone.

    PoCL loads what it compiled from the scratch folder, which must therefore allow programs.
    """
    return {
        "NetworkMode": "none",
        "ReadonlyRootfs": True,
        "Tmpfs": {SCRATCH: f"rw,exec,nosuid,nodev,mode=1777,size={SCRATCH_BYTES}"},
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "PidsLimit": PROCESSES,
        "Memory": MEMORY_BYTES,
        "MemorySwap": MEMORY_BYTES,
        "LogConfig": {"Type": "none"},
        "RestartPolicy": {"Name": "no"},
    }


def process_identity(process: int | None = None, proc: Path = Path("/proc")) -> str:
    """Return what tells a process from every other: boot, name space, number and start.

    Empty when there is no such process.
    """
    number = os.getpid() if process is None else process
    try:
        boot = (proc / "sys/kernel/random/boot_id").read_text().strip()
        space = (proc / "self/ns/pid").readlink().name
        stat = (proc / str(number) / "stat").read_text()
    except OSError:
        return ""
    return f"{boot}/{space}/{number}/{stat.rpartition(')')[2].split()[_STAT_START]}"


def is_leftover(labels: Mapping[str, str], now: float) -> bool:
    """Tell whether a container with these labels belongs to a run that is no more.

    A process of another name space can't be looked up from here: its containers have until their
    time is over.
    """
    owner, until = labels.get(LABEL, ""), labels.get(LABEL_UNTIL, "")
    if not until.isdecimal() or now > int(until):
        return True
    here = process_identity().split("/")
    parts = owner.split("/")
    if len(parts) != 4 or parts[0] != here[0]:
        return True
    if parts[1] != here[1] or not parts[2].isdecimal():
        return False
    return process_identity(int(parts[2])) != owner
