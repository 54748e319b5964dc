"""Reads what the machine is and how busy it is, from /proc, /sys and /etc; never fails.

What can't be read is null or `unknown`. The root directory can be another one, for tests.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from selftest.model import Host, Noise
from selftest.plaintext import printable

ROOT: Final = Path("/")
STEAL_LIMIT_PCT: Final = 5.0
OTHERS_LIMIT_PCT: Final = 25.0

_TICKS: Final = os.sysconf("SC_CLK_TCK")


def describe_host(root: Path = ROOT, environ: Mapping[str, str] = os.environ) -> Host:
    """Return where this process runs."""
    job = environ.get("SLURM_JOB_ID")
    return Host(
        name=platform.node(),
        machine=_machine_identity(root),
        kernel=platform.release(),
        system=_value(root / "etc/os-release", "PRETTY_NAME", "=") or platform.system(),
        python=platform.python_version(),
        numpy=package_version("numpy"),
        cpu=cpu_model(root),
        cores=usable_cores(),
        cpu_quota=_cpu_quota(root),
        memory_bytes=memory_bytes(root),
        container=_is_container(root, environ),
        slurm_job=printable(f"{job}.{environ.get('SLURM_STEP_ID', '')}", 80) if job else None,
    )


def cpu_model(root: Path = ROOT) -> str:
    """Return the processor's name, or its architecture."""
    return _value(root / "proc/cpuinfo", "model name", ":") or platform.machine()


def memory_bytes(root: Path = ROOT) -> int | None:
    """Return the machine's memory."""
    total = _value(root / "proc/meminfo", "MemTotal", ":").partition(" ")[0]
    return int(total) * 1024 if total.isdecimal() else None


def package_version(name: str) -> str:
    """Return the version of an installed package, or `unknown`; does not load the package."""
    from importlib import metadata  # noqa: PLC0415 - it takes longer to load than the rest of this

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"


def usable_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True)
class Activity:
    """What the processors did up to now, in ticks; null where /proc does not tell.

    Attributes:
        load: load average of the last minute.
        total: ticks of all processors.
        busy: ticks that were not idle.
        steal: ticks that the hypervisor gave to others.
        own: ticks of this process and of its children that ended.
    """

    load: float | None
    total: int | None
    busy: int
    steal: int
    own: float

    @classmethod
    def read(cls, root: Path = ROOT) -> Activity:
        """Return the present state."""
        times = os.times()
        own = (times.user + times.system + times.children_user + times.children_system) * _TICKS
        loads = _text(root / "proc/loadavg").split()
        fields = _text(root / "proc/stat").partition("\n")[0].split()[1:9]
        if len(fields) < 8 or not all(field.isdecimal() for field in fields):
            return cls(_number(loads), None, 0, 0, own)
        ticks = [int(field) for field in fields]
        idle, steal = ticks[3] + ticks[4], ticks[7]
        return cls(_number(loads), sum(ticks), sum(ticks) - idle - steal, steal, own)


def judge_noise(before: Activity, after: Activity, cores: int) -> Noise:
    """Return how quiet the machine was between two readings, and why that is not enough."""
    reasons = []
    if before.load is not None and before.load > cores + 1:
        reasons.append(f"load {before.load:.1f} before the run, on {cores} cores")
    steal = others = None
    if before.total is not None and after.total is not None and after.total > before.total:
        elapsed = after.total - before.total
        steal = 100 * (after.steal - before.steal) / elapsed
        foreign = (after.busy - before.busy) - (after.own - before.own)
        others = max(0.0, 100 * foreign / elapsed)
        if steal > STEAL_LIMIT_PCT:
            reasons.append(f"{steal:.0f}% of the time went to other virtual machines")
        if others > OTHERS_LIMIT_PCT:
            reasons.append(f"other processes used {others:.0f}% of the processors")
    return Noise(before.load, steal, others, tuple(reasons))


def _machine_identity(root: Path) -> str:
    identity = _text(root / "etc/machine-id").strip() or platform.node()
    return hashlib.sha256(f"moonlift-selftest {identity}".encode()).hexdigest()


def _cpu_quota(root: Path) -> float | None:
    quota, _, period = _text(root / "sys/fs/cgroup/cpu.max").strip().partition(" ")
    if quota.isdecimal() and period.isdecimal() and int(period):
        return int(quota) / int(period)
    return None


def _is_container(root: Path, environ: Mapping[str, str]) -> bool:
    marks = (root / ".dockerenv", root / "run/.containerenv")
    return "container" in environ or any(mark.exists() for mark in marks)


def _value(path: Path, key: str, separator: str) -> str:
    """Return what stands behind the first `key` of a file of lines."""
    for line in _text(path).splitlines():
        name, found, value = line.partition(separator)
        if found and name.strip() == key:
            return printable(value.strip().strip('"'), 200)
    return ""


def _number(words: list[str]) -> float | None:
    try:
        return float(words[0])
    except (IndexError, ValueError):
        return None


def _text(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(1 << 16)
    except OSError:
        return ""
