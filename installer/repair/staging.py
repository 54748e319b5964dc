"""The folder in which a repaired bundle is made: beside its place, moved there when it is whole.

So a reader finds a whole bundle or none. What fails takes its folder with it, and what was killed
leaves one that the next run clears.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from manifests.bundle.claim import claim, staging_of
from manifests.bundle.layout import SUMS
from manifests.errors import UsageError

BUNDLE: Final = "bundle"


def check_output(folder: Path) -> None:
    """Refuse a folder that holds something, or that nothing can be moved to.

    Raises:
        UsageError: `output-exists`.
    """
    if folder.is_mount():
        raise UsageError(
            "output-exists",
            f"{folder}: expected a place for a bundle, found a whole file system",
            hint=f"give a folder in it: -o {folder}/NAME",
        )
    if os.path.lexists(folder) and not (folder.is_dir() and not any(folder.iterdir())):
        raise UsageError(
            "output-exists",
            f"{folder}: expected nothing or an empty folder, found something else",
            hint="move it away, or give another folder with -o",
        )


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside `folder`, which takes its place where the block ends well.

    Raises:
        UsageError: `output-busy`: another repair is writing there.
        OSError: the medium is full, read-only or fails.
    """
    place = folder.resolve()
    place.parent.mkdir(parents=True, exist_ok=True)
    lock, staging = claim(place), staging_of(place)
    try:
        _clear(staging)
        bundle = staging / BUNDLE
        bundle.mkdir()
        yield bundle
        _sync(bundle)
        _move(bundle, place)
    finally:
        with suppress(OSError):
            _clear(staging)
            staging.rmdir()
        os.close(lock)


def _move(bundle: Path, place: Path) -> None:
    bundle.rename(place)
    if not (place / SUMS).exists():  # an old FUSE driver of FAT32 loses what is in the folder
        with suppress(OSError):
            place.rmdir()
        raise OSError(errno.EIO, "the drive's file system lost the bundle as it was moved")
    _sync_folder(place.parent)


def _clear(staging: Path) -> None:
    for left in staging.iterdir():
        if left.is_dir() and not left.is_symlink():
            shutil.rmtree(left)
        else:
            left.unlink()


def _sync(bundle: Path) -> None:
    """Make the drive write the names of all files, before the folder gets its own."""
    for folder, _, _ in os.walk(bundle):
        _sync_folder(Path(folder))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # not every file system can
            os.fsync(descriptor)
    finally:
        os.close(descriptor)
