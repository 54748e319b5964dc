"""Lets the kernel forget what it keeps of a drive in memory: names, sizes, and where files lie.

A file that is read past the page cache is still found by what memory has of its folder. Where a
drive lost that, or never wrote it, only a look that begins at the medium shows it. Asked of a drive
that was mounted for this, never of a folder on a disk that others work with; only root can.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from bundler.drive.filesystem import FileSystem

_FLUSH: Final = 0x1261
"""BLKFLSBUF of linux/fs.h: write what waits, then drop a device's buffers."""
_DROP: Final = Path("/proc/sys/vm/drop_caches")
_NAMES: Final = b"2"
"""Names and inodes that nothing uses, of all file systems: proc(5)."""


def forget(root: Path, system: FileSystem) -> bool:
    """Write what waits, then forget; tell whether all of that could be done.

    Args:
        root: of the drive.
        system: that is mounted there.
    """
    if root.resolve() != system.mount or not system.source.startswith("/dev/"):
        return False
    try:
        _drop_buffers(Path(system.source))
        _DROP.write_bytes(_NAMES)
        _drop_buffers(Path(system.source))  # of inodes that were in use before
    except OSError:
        return False
    return True


def _drop_buffers(device: Path) -> None:
    descriptor = os.open(device, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        fcntl.ioctl(descriptor, _FLUSH)
    finally:
        os.close(descriptor)
