"""The folder beside a bundle's place in which it is made, and the lock that keeps others out of it.

Its name is one that no reader takes for a bundle. What a killed process left in it is taken over.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from manifests.errors import UsageError


def staging_of(place: Path) -> Path:
    """Return where what shall come to `place` lies until it is whole."""
    return place.with_name(f".{place.name}.partial")


def claim(place: Path) -> int:
    """Make or take over the folder, under a lock that lasts until the descriptor is closed.

    It must be no link, and belong to this user or to whoever owns the folder around it: FAT knows
    one owner for everything on it.

    Raises:
        UsageError: `output-busy`: another process is writing there.
        OSError: it can't be made.
    """
    staging = staging_of(place)
    while True:
        staging.mkdir(mode=0o700, exist_ok=True)
        folder = os.open(staging, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if _is_locked(folder, place):
                return folder
        except BaseException:
            os.close(folder)
            raise
        os.close(folder)


def _is_locked(folder: int, place: Path) -> bool:
    """Lock the open folder; False when whoever had it has removed it meanwhile."""
    status = os.fstat(folder)
    if status.st_uid not in (os.geteuid(), place.parent.stat().st_uid):
        raise _busy(place, "a folder of someone else is in the way")
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise _busy(place, "another process is writing there") from error
    return _is_still(staging_of(place), status)


def _is_still(path: Path, status: os.stat_result) -> bool:
    try:
        return os.path.samestat(path.lstat(), status)
    except FileNotFoundError:
        return False


def _busy(place: Path, reason: str) -> UsageError:
    return UsageError(
        "output-busy",
        f"{place}: {reason}",
        hint=f"wait for it, or see what is in {staging_of(place)}",
    )
