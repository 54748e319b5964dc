"""Strikes a drive when so many sectors have gone to it or come from it. Runs in a guest.

trigger reads|writes SECTORS pull|full|protect|fail|drop
"""

from __future__ import annotations

import fcntl
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

BLOCK: Final = Path("/sys/block")
DISK: Final = "sda"
MAPPED: Final = "usb"
"""Name of the device mapper's layer above the disk, where there is one."""
USB: Final = Path("/mnt/usb")
FILLER: Final = USB / "filler.bin"
STOP: Final = Path("/run/stop")
"""A file that calls a trigger off."""
CALLED_OFF: Final = 3
"""What a trigger ends with that has not struck."""

_ORDER: Final = "=5IIiIIIQ128s136x"
"""Of the device mapper: version, sizes, counts, flags, event, device, name."""
_SIZE: Final = struct.calcsize(_ORDER)
_AT_ONCE: Final = 1 << 10 | 1 << 11
"""Neither freeze the file system nor wait for what is under way."""
_RESUME: Final = 3 << 30 | _SIZE << 16 | 0xFD << 8 | 6
_FIELDS: Final = {"reads": 2, "writes": 6}
_POLL_S: Final = 0.003


def sectors(what: str) -> int:
    """Return how many sectors were read from the disk, or written to it."""
    return int((BLOCK / DISK / "stat").read_text().split()[_FIELDS[what]])


def mapper(*words: str) -> None:
    """Tell the device mapper something."""
    subprocess.run(["dmsetup", *words], check=True, capture_output=True)


def main() -> None:
    """Wait for the moment, and strike."""
    _, what, count, action = sys.argv
    field, limit = _FIELDS[what], sectors(what) + int(count)
    stat = os.open(BLOCK / DISK / "stat", os.O_RDONLY)
    while int(os.pread(stat, 400, 0).split()[field]) < limit:
        if STOP.exists():
            STOP.unlink()
            sys.exit(CALLED_OFF)
        time.sleep(_POLL_S)
    os.close(stat)
    _ACTIONS[action]()
    while not STOP.exists():
        time.sleep(_POLL_S)
    STOP.unlink()


def pull() -> None:
    """Take the disk away, as it is when a stick is pulled out: what is under way fails."""
    device = BLOCK / DISK / "device"
    (device / "state").write_text("offline\n")
    (device / "delete").write_text("1\n")


def _fill() -> None:
    """Take all the room that is left."""
    descriptor = os.open(FILLER, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for size in (2**18, 512):
        with suppress(OSError):
            while True:
                os.write(descriptor, bytes(size))
    os.close(descriptor)


def _protect() -> None:
    """Make every file system on a disk read-only, files open for writing or not."""
    Path("/proc/sysrq-trigger").write_text("u")


def _switch() -> None:
    """Put the table in force that lies ready: all fails, or nothing is written and that is fine."""
    order = struct.pack(_ORDER, 4, 0, 0, _SIZE, _SIZE, 0, 0, _AT_ONCE, 0, 0, 0, MAPPED.encode())
    control = os.open("/dev/mapper/control", os.O_RDWR)
    fcntl.ioctl(control, _RESUME, order)  # as dmsetup resume does, without starting anything
    os.close(control)


_ACTIONS: Final[Mapping[str, Callable[[], None]]] = {
    "pull": pull,
    "full": _fill,
    "protect": _protect,
    "fail": _switch,
    "drop": _switch,
}
