"""What this host is: the platform that its engine can run. Reads /proc only; changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from manifests.platform import Platform

_MACHINES: Final = {
    "x86_64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armv8l": ("arm", "v8"),
    "armv7l": ("arm", "v7"),
    "armv6l": ("arm", "v6"),
    "armv5tel": ("arm", "v5"),
    "i686": ("386", ""),
}
_AMD64_LEVELS: Final = (
    ("v2", {"cx16", "lahf_lm", "popcnt", "sse4_1", "sse4_2", "ssse3"}),
    ("v3", {"avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"}),
    ("v4", {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}),
)
"""What each level adds (x86-64 psABI), in the kernel's words."""
_CPUINFO: Final = Path("/proc/cpuinfo")


def engine_platform(os: str, machine: str) -> Platform:
    """Return the platform of an engine that says it is `os` on `machine` (as `uname -m`)."""
    architecture, variant = _MACHINES.get(machine, (machine, ""))
    if architecture == "amd64":
        variant = _amd64_level()
    return Platform.normalized(os, architecture, variant)


def _amd64_level() -> str:
    try:
        text = _CPUINFO.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    line = next((row for row in text.splitlines() if row.startswith("flags")), "")
    flags = set(line.partition(":")[2].split())
    level = ""
    for name, added in _AMD64_LEVELS:
        if not added <= flags:
            break
        level = name
    return level
