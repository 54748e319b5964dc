"""The log's file: bounded, turned over by size, safe to write to from several processes.

Owns `<state>/log/installer.log` and its predecessors `.1` to `.4`. Where the state folder is
missing the last records wait for it in memory; where it can't be written, or others could change
it, there is no log, and nothing fails for it.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from installer.running.descriptors import write_all
from installer.state.hostdir import HostDirectory
from manifests.errors import MoonliftError

FOLDER: Final = "log"
NAME: Final = "installer.log"
SIZE_LIMIT: Final = 1024 * 1024
"""Bytes of one file."""
OLDER: Final = 4
"""Files that are kept besides."""
WAITING: Final = 200
"""Records that wait for the state folder."""
FILE_MODE: Final = 0o640
FOLDER_MODE: Final = 0o750

_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


class LogFile(logging.Handler):
    """Appends each record at once, and holds nothing open between two."""

    def __init__(self, state: Path) -> None:
        super().__init__()
        self._state = state
        self._home = HostDirectory(state / FOLDER, FOLDER)
        self._waiting: deque[bytes] = deque(maxlen=WAITING)
        self._usable: bool | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or keep it until there is a place for it."""
        self._waiting.append(f"{self.format(record)}\n".encode(errors="backslashreplace"))
        if os.path.isdir(self._state) and self._is_usable():  # noqa: PTH112 - a path out of reach is none
            lines, self._waiting = list(self._waiting), deque(maxlen=WAITING)
            with suppress(OSError), self._opened() as folder:
                for line in lines:
                    _append(folder, line)

    def _is_usable(self) -> bool:
        """Make the folder, and tell whether nobody else could change it."""
        if self._usable is None:
            try:
                with suppress(FileExistsError):
                    (self._state / FOLDER).mkdir(mode=FOLDER_MODE)
                self._home.names()
                self._usable = True
            except (OSError, MoonliftError):
                self._usable = False
        return self._usable

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """Hold the folder open, and others out."""
        folder = os.open(self._home.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield folder
        finally:
            os.close(folder)


def _append(folder: int, line: bytes) -> None:
    descriptor = os.open(NAME, _FLAGS, FILE_MODE, dir_fd=folder)
    try:
        size = os.fstat(descriptor).st_size
        if size and size + len(line) > SIZE_LIMIT:
            _turn_over(folder)
            os.close(descriptor)
            descriptor = os.open(NAME, _FLAGS, FILE_MODE, dir_fd=folder)
        write_all(descriptor, line[:SIZE_LIMIT])
    finally:
        os.close(descriptor)


def _turn_over(folder: int) -> None:
    """Let every file take the place of its predecessor; the oldest is gone then."""
    names = [NAME, *(f"{NAME}.{number}" for number in range(1, OLDER + 1))]
    for older, newer in zip(reversed(names), reversed(names[:-1]), strict=False):
        with suppress(FileNotFoundError):
            os.rename(newer, older, src_dir_fd=folder, dst_dir_fd=folder)
