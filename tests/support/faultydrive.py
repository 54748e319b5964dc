"""A drive that fails from one call of the operating system on: pulled out, full, write-protected.

Only calls that touch the drive are struck, by path or by open file; the rest of the machine works.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch


class Trouble(StrEnum):
    """What happens to a drive."""

    PULLED = "pulled out"
    DEAD = "every call an I/O error"
    ONE_ERROR = "one I/O error"
    FULL = "full"
    READ_ONLY = "remounted read-only"


NUMBERS: Final = {
    Trouble.PULLED: errno.ENODEV,
    Trouble.DEAD: errno.EIO,
    Trouble.ONE_ERROR: errno.EIO,
    Trouble.FULL: errno.ENOSPC,
    Trouble.READ_ONLY: errno.EROFS,
}
_READS: Final = ("open", "preadv", "scandir", "fstat", "lstat", "fsync")
_CHANGES: Final = ("write", "mkdir", "rename", "unlink", "ftruncate")
_CREATING: Final = os.O_CREAT | os.O_TRUNC | os.O_WRONLY | os.O_RDWR


@dataclass
class FaultyDrive:
    """Counts the calls that touch a drive and strikes from one of them on.

    Attributes:
        root: of the drive.
        trouble: what happens.
        at: from which call on, counted from 1; 0 for never.
        seen: calls so far.
    """

    root: Path
    trouble: Trouble = Trouble.DEAD
    at: int = 0
    seen: int = 0

    _readlink = staticmethod(os.readlink)

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Strike in the block; what waits for the drive is not waited for."""
        with ExitStack() as stack:
            for name in (*_READS, *_CHANGES):
                real = (lambda _: None) if name == "fsync" else getattr(os, name)
                stack.enter_context(patch.object(os, name, self._wrap(name, real)))
            yield

    def _wrap(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            if self._touches(arguments[0] if arguments else ".", named):
                self._count(name, arguments)
            return real(*arguments, **named)

        return call

    def _touches(self, what: Any, named: dict[str, Any]) -> bool:
        """Tell whether a call is of the drive; by plain text, for there are a hundred thousand."""
        place = named.get("dir_fd") if named.get("dir_fd") is not None else what
        if isinstance(place, int):
            try:
                place = self._readlink(f"/proc/self/fd/{place}")
            except OSError:
                return False
        if not isinstance(place, str | os.PathLike):
            return False
        return f"{os.fspath(place)}/".startswith(f"{self.root}/")

    def _count(self, name: str, arguments: tuple[Any, ...]) -> None:
        changes = name in _CHANGES or (name == "open" and bool(arguments[1] & _CREATING))
        if self.trouble in (Trouble.FULL, Trouble.READ_ONLY) and not changes:
            return
        if self.trouble is Trouble.FULL and name in ("unlink", "rename", "ftruncate"):
            return
        self.seen += 1
        once = self.trouble is Trouble.ONE_ERROR
        if self.at and (self.seen == self.at if once else self.seen >= self.at):
            number = NUMBERS[self.trouble]
            raise OSError(number, os.strerror(number))
