"""The versions of the driver's two halves, the kernel module and the libraries, as files show them.

Owns where they are read; what follows from them is said in `gpumodule` and others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Final

from installer.checks.cudaversion import DriverVersion, parse_driver
from installer.checks.hostfiles import HostFiles, Unreadable

LIBRARY_FOLDERS: Final = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/lib/x86_64-linux-gnu/nvidia/current",
    "/usr/lib/aarch64-linux-gnu/nvidia/current",
    "/usr/lib/wsl/lib",
    "/run/opengl-driver/lib",
)
"""Where distributions and NVIDIA's own installer put the libraries."""
_LIBRARY: Final = "libnvidia-ml.so.1"
_NVRM: Final = re.compile(r"NVRM version:.*?(\d+\.\d+(?:\.\d+)?)\s")


def loaded_modules(files: HostFiles) -> frozenset[str]:
    """Return the names of the kernel modules that are loaded.

    Raises:
        Unreadable: /proc can't be read.
    """
    text = files.text("/proc/modules") or ""
    return frozenset(line.split()[0] for line in text.splitlines() if line.strip())


def module_version(files: HostFiles) -> DriverVersion:
    """Return the version of the kernel module that is loaded, `()` when none is.

    Raises:
        Unreadable: /proc or /sys can't be read.
    """
    found = _NVRM.search(files.text("/proc/driver/nvidia/version") or "")
    return parse_driver(found[1] if found else files.line("/sys/module/nvidia/version") or "")


def library_versions(files: HostFiles) -> Iterator[tuple[str, DriverVersion]]:
    """Yield where a management library lies, and the version in the name that it links to."""
    for folder in LIBRARY_FOLDERS:
        with suppress(Unreadable):
            target = files.target(f"{folder}/{_LIBRARY}")
            version = parse_driver(PurePosixPath(target or "").name.partition(".so.")[2])
            if version:
                yield f"{folder}/{_LIBRARY}", version


def kernel_release(files: HostFiles) -> str:
    """Return what `uname -r` says, empty when it can't be told."""
    return files.line("/proc/sys/kernel/osrelease") or ""
