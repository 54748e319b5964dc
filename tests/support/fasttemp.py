"""Temporary files in memory, where there is enough of it: engines and ledgers wait for disks."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

_FOLDER = Path("/dev/shm")
_ROOM = 6 << 30
"""What a run of all tests was seen to take at once is a tenth of this."""


def use_memory() -> None:
    """Let this process and its children make temporary files in memory, if nobody says where."""
    if "TMPDIR" not in os.environ and _has_room():
        os.environ["TMPDIR"] = str(_FOLDER)
        tempfile.tempdir = None  # asked for already, and remembered


def _has_room() -> bool:
    if not os.access(_FOLDER, os.W_OK) or not os.path.ismount(_FOLDER):
        return False
    found = os.statvfs(_FOLDER)
    return min(found.f_bavail * found.f_frsize, _available()) >= _ROOM


def _available() -> int:
    """Return how many bytes of memory programs may still take."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(1024 * int(one.split()[1]) for one in lines if one.startswith("MemAvailable:"))
