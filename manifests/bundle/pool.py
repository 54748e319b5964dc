"""The pool of a drive: blobs that its releases share, `blobs/sha256/<hex>` beside their folders.

Owns the way to it from a release's folder and how a blob is found there: by the name that a signed
list gives, never by looking around. No symbolic link is followed. What is found is for others to
check.
"""

from __future__ import annotations

import os
from typing import Final

from manifests.bundle.drivefaults import unreadable
from manifests.bundle.layout import BLOBS
from manifests.bundle.pieces import MAX_PIECES, piece_name

FOLDER: Final = BLOBS.rstrip("/")
"""The pool, seen from the drive's root."""

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Pool:
    """The pool beside a folder; there may be none.

    Attributes:
        descriptor: of the open pool; -1 where there is none.
    """

    def __init__(self, root: int) -> None:
        self.descriptor = _open(root)

    def find(self, name: str) -> dict[str, os.stat_result]:
        """Return the files that the blob `name` lies in, in order: itself, or its pieces.

        Raises:
            BundleRefused: `medium-unreadable`.
        """
        last = name.removeprefix(BLOBS)
        if self.descriptor < 0 or last == name or "/" in last:
            return {}
        if (whole := self._stat(last)) is not None:
            return {last: whole}
        found: dict[str, os.stat_result] = {}
        for number in range(1, MAX_PIECES + 1):
            one = piece_name(last, number)
            if (status := self._stat(one)) is None:
                break
            found[one] = status
        return found

    def close(self) -> None:
        """Let go of it."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
        self.descriptor = -1

    def _stat(self, name: str) -> os.stat_result | None:
        try:
            return os.stat(name, dir_fd=self.descriptor, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unreadable(name, error) from error


def _open(root: int) -> int:
    folder = os.dup(root)
    try:
        for part in ("..", *FOLDER.split("/")):
            deeper = os.open(part, _FLAGS, dir_fd=folder)
            os.close(folder)
            folder = deeper
    except OSError:
        os.close(folder)
        return -1
    return folder
