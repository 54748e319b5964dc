"""Reads small files, folders, links and nodes below a root; nothing is ever written.

The kernel's own files are read as if a stranger wrote them: bounded, never waiting (a pipe in the
place of a file is not read), with bad bytes replaced. What is not there is None; what is there and
can't be read is `Unreadable`, so that no check takes the one for the other.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

FILE_LIMIT: Final = 1024 * 1024
"""Bytes read of one file; what is beyond is not seen."""
NAMES_LIMIT: Final = 10_000
"""Entries read of one folder."""

T = TypeVar("T")

_NUMBER: Final = re.compile(r"\s*(\d{1,20})(?:\s|$)", re.ASCII)
_ABSENT: Final = (errno.ENOENT, errno.ENOTDIR, errno.ENODEV, errno.ENXIO)


class Unreadable(Exception):
    """Something is there, and this user can't read it.

    Attributes:
        path: what it is.
        reason: in the system's words.
        forbidden: whether another user may.
    """

    def __init__(self, path: str, reason: str, *, forbidden: bool) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason
        self.forbidden = forbidden


@dataclass(frozen=True, slots=True)
class Node:
    """What stat says of a file or device.

    Attributes:
        device: whether it is a character device.
        major: of the device.
        minor: of the device.
        mode: permission bits.
        gid: its group.
    """

    device: bool
    major: int
    minor: int
    mode: int
    gid: int


@dataclass(frozen=True, slots=True)
class Space:
    """What a file system has left, for users that are not root.

    Attributes:
        free: bytes.
        total: bytes.
        inodes: that are free; None where the file system does not count them.
    """

    free: int
    total: int
    inodes: int | None


class HostFiles:
    """The files below `root`; every path is absolute within it."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def text(self, path: str, limit: int = FILE_LIMIT) -> str | None:
        """Return a file's text, None when it is not there.

        Raises:
            Unreadable: it is there.
        """
        data = self.data(path, limit)
        return None if data is None else data.decode("utf-8", errors="replace")

    def line(self, path: str) -> str | None:
        """Return a file's text without the space around it; as `text`."""
        text = self.text(path)
        return None if text is None else text.strip()

    def number(self, path: str) -> int | None:
        """Return the number that a file begins with, None when there is none; as `text`.

        The kernel's numbers have at most 20 digits.
        """
        found = _NUMBER.match(self.text(path, 64) or "")
        return int(found[1]) if found else None

    def data(self, path: str, limit: int = FILE_LIMIT) -> bytes | None:
        """Return at most `limit` bytes of a file, None when it is not there.

        Raises:
            Unreadable: it is there.
        """

        def read() -> bytes:
            with self._open(path) as file:
                return file.read(limit)

        return _unless_absent(path, read)

    def tail(self, path: str, limit: int) -> bytes | None:
        """Return at most the last `limit` bytes of a file, None when it is not there.

        Raises:
            Unreadable: it is there.
        """

        def read() -> bytes:
            with self._open(path) as file:
                file.seek(max(0, file.seek(0, os.SEEK_END) - limit))
                return file.read(limit)

        return _unless_absent(path, read)

    def names(self, path: str) -> tuple[str, ...]:
        """Return the names in a folder, sorted; none when it is not there.

        Raises:
            Unreadable: it is there.
        """

        def read() -> tuple[str, ...]:
            with os.scandir(self._at(path)) as entries:
                return tuple(sorted(entry.name for entry in islice(entries, NAMES_LIMIT)))

        return _unless_absent(path, read) or ()

    def exists(self, path: str) -> bool:
        """Tell whether something is there that this user can see."""
        try:
            return self._at(path).exists()
        except (OSError, ValueError):
            return False

    def target(self, path: str) -> str | None:
        """Return what a link points to, as it is written; None when there is no link.

        Raises:
            Unreadable: it is there.
        """
        return _unless_absent(path, lambda: str(self._at(path).readlink()))

    def node(self, path: str) -> Node | None:
        """Return what a device or file is, None when it is not there.

        Raises:
            Unreadable: the folder can't be entered.
        """
        found = _unless_absent(path, lambda: self._at(path).stat())
        if found is None:
            return None
        return Node(
            stat.S_ISCHR(found.st_mode),
            os.major(found.st_rdev),
            os.minor(found.st_rdev),
            stat.S_IMODE(found.st_mode),
            found.st_gid,
        )

    def may_use(self, path: str) -> bool:
        """Tell whether this user may read and write it."""
        return os.access(self._at(path), os.R_OK | os.W_OK)

    def space(self, path: str) -> Space | None:
        """Return what the file system of `path` has left, None when it is not there.

        Raises:
            Unreadable: it can't be seen from here.
        """
        found = _unless_absent(path, lambda: os.statvfs(self._at(path)))
        if found is None:
            return None
        inodes = found.f_favail if found.f_files else None
        return Space(found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize, inodes)

    def _open(self, path: str) -> BinaryIO:
        descriptor = os.open(self._at(path), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return os.fdopen(descriptor, "rb")
        os.close(descriptor)
        raise Unreadable(path, "not a regular file", forbidden=False)

    def _at(self, path: str) -> Path:
        return self._root / path.lstrip("/")


def _unless_absent(path: str, read: Callable[[], T]) -> T | None:
    """Return what `read` returns, None when there is nothing at `path`.

    Raises:
        Unreadable: anything else is wrong.
    """
    try:
        return read()
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        forbidden = error.errno in (errno.EACCES, errno.EPERM)
        raise Unreadable(path, error.strerror or str(error), forbidden=forbidden) from error
    except ValueError as error:  # a foreign name with a null byte in it
        raise Unreadable(path, str(error), forbidden=False) from error
