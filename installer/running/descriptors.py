"""Small things to do with an open file: whole reads, whole writes, writes that reach the disk.

Does not check who may change what; `installer.state.hostdir` does.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

FILE_MODE: Final = 0o644

_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW


def write_new(directory: int, name: str, data: bytes) -> None:
    """Make a file that must not exist, mode 0644, and wait until it is on the disk."""
    descriptor = os.open(name, _CREATE, FILE_MODE, dir_fd=directory)
    try:
        os.fchmod(descriptor, FILE_MODE)
        write_all(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte, however little the system takes at once."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def read_up_to(descriptor: int, count: int) -> bytes:
    """Return the next `count` bytes, fewer only at the end of the file."""
    data = bytearray()
    while len(data) < count and (more := os.read(descriptor, count - len(data))):
        data += more
    return bytes(data)


def sync_directory(path: Path) -> None:
    """Wait until the names in the directory at `path` are on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
