"""The test cache: what takes minutes to make and stays the same from run to run.

It lies under MOONLIFT_TEST_CACHE, by default /var/cache/moonlift-tests.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

DEFAULT = Path("/var/cache/moonlift-tests")


def cache_root() -> Path:
    """Return the cache's folder, which may not exist yet."""
    return Path(os.environ.get("MOONLIFT_TEST_CACHE") or DEFAULT)


def cached_folder(name: str, make: Callable[[Path], None]) -> Path:
    """Return a finished folder of the cache, made at most once whoever asks meanwhile.

    Args:
        name: of the folder; put a version in it, so that another recipe gets another folder.
        make: fills the empty folder that it is given; what it leaves when it raises is removed.
    """
    folder = cache_root() / name
    if folder.exists():
        return folder
    with locked(name):
        if not folder.exists():
            partial = folder.with_name(f"{folder.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            make(partial)
            partial.rename(folder)
    return folder


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock of one entry of the cache; a killed holder's lock is free again."""
    root = cache_root()
    root.mkdir(parents=True, exist_ok=True)
    with (root / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
