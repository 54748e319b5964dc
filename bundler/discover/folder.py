"""The app's folder as discoverers see it: bounded reads of regular files, by relative path.

Owns the opening of files. What a file means is for the discoverers. A path may lead out of the
folder, as `include: ../common.yaml` does: only names of images are taken from such files.
"""

from __future__ import annotations

import os
import posixpath
import stat
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

FILE_LIMIT: Final = 10 * 1024 * 1024
"""Bytes of one file; each kind may allow less."""
MAX_ENTRIES: Final = 10_000
"""Files listed of one folder."""
STDIN: Final = "-"


class Unreadable(Exception):
    """A file that can't be read; its text says why, without the path."""


class Folder(Protocol):
    """Where a discoverer's paths start from."""

    def read(self, path: str, limit: int = FILE_LIMIT) -> bytes:
        """Return a file's bytes; `-` is the standard input.

        Raises:
            Unreadable: not there, no regular file, larger than `limit`, no permission.
        """
        ...

    def is_file(self, path: str) -> bool:
        """Tell whether a regular file is there."""
        ...

    def is_folder(self, path: str) -> bool:
        """Tell whether a folder is there."""
        ...

    def files(self, path: str) -> tuple[str, ...]:
        """Return the files in a folder and in those below, sorted; hidden ones left out.

        Raises:
            Unreadable: no folder, or more than 10 000 files in it.
        """
        ...


@dataclass(frozen=True, slots=True)
class DiskFolder:
    """A folder on disk.

    Attributes:
        base: the app manifest's folder.
    """

    base: Path

    def read(self, path: str, limit: int = FILE_LIMIT) -> bytes:
        """Return a file's bytes; see `Folder`."""
        if path == STDIN:
            return _bounded(sys.stdin.buffer.read(limit + 1), limit)
        try:
            with open(self.base / path, "rb", opener=_open_regular) as file:
                return _bounded(file.read(limit + 1), limit)
        except (OSError, ValueError) as error:
            raise Unreadable(getattr(error, "strerror", None) or str(error)) from error

    def is_file(self, path: str) -> bool:
        """Tell whether a regular file is there."""
        return (self.base / path).is_file()

    def is_folder(self, path: str) -> bool:
        """Tell whether a folder is there."""
        return (self.base / path).is_dir()

    def files(self, path: str) -> tuple[str, ...]:
        """Return the files in a folder and in those below; see `Folder`."""
        if not self.is_folder(path):
            raise Unreadable("expected a folder")
        found: list[str] = []
        for folder, folders, files in os.walk(self.base / path):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            below = posixpath.relpath(Path(folder).as_posix(), self.base.as_posix())
            found += [join(below, name) for name in files if not name.startswith(".")]
            if len(found) > MAX_ENTRIES:
                raise Unreadable(f"expected at most {MAX_ENTRIES} files")
        return tuple(sorted(found))


def join(folder: str, path: str) -> str:
    """Return `path`, which is relative to `folder`, without `.` and needless `..`."""
    return posixpath.normpath(posixpath.join(folder, path))


def parent(path: str) -> str:
    """Return the folder that a file lies in; `.` for the app's own."""
    return posixpath.dirname(path) or "."


def _bounded(data: bytes, limit: int) -> bytes:
    if len(data) > limit:
        raise Unreadable(f"larger than {limit} bytes")
    return data


def _open_regular(path: str, flags: int) -> int:
    """Open a regular file; a pipe or device is refused instead of waited for."""
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError("expected a regular file")
    return descriptor
