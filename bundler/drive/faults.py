"""What a drive's operating system errors mean to the person who holds it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from manifests.errors import BundleRefused, SourceFailed
from manifests.quantities import bytes_text

_CODES: Final = {
    errno.ENOSPC: "drive-full",
    errno.EDQUOT: "drive-full",
    errno.EROFS: "drive-read-only",
}
_AGAIN: Final = "then run the same command again: it goes on where this one ended"
_HINTS: Final = {
    "drive-full": f"free some space, or add --remove-old, {_AGAIN}",
    "drive-read-only": f"it may have a switch, or its file system needs a repair; {_AGAIN}",
    "drive-failed": f"plug it in again, at another port; {_AGAIN}; or take another drive",
}


@contextmanager
def told(root: Path) -> Iterator[None]:
    """Tell what fails with the drive in the block.

    Raises:
        SourceFailed: `drive-full`, `drive-read-only`, or `drive-failed` for everything else.
    """
    try:
        yield
    except OSError as error:
        code = _CODES.get(error.errno or 0, "drive-failed")
        raise SourceFailed(
            code,
            f"{error.filename or root}: {error.strerror or error}",
            hint=_HINTS[code],
            drive=str(root),
        ) from error


@contextmanager
def told_of_bundle(root: Path) -> Iterator[None]:
    """Tell what fails while a bundle on the drive itself is opened.

    Raises:
        SourceFailed: `drive-failed`.
    """
    try:
        yield
    except BundleRefused as error:
        if error.code not in ("medium-gone", "medium-unreadable"):
            raise
        hint = _HINTS["drive-failed"]
        raise SourceFailed("drive-failed", str(error), hint=hint, drive=str(root)) from error


def too_full(root: Path, needed: int, free: int) -> SourceFailed:
    """Build the error for a bundle that does not fit, before anything was written."""
    return SourceFailed(
        "drive-full",
        f"{root}: expected {bytes_text(needed)} free, found {bytes_text(free)}: "
        f"{bytes_text(needed - free)} missing",
        hint="free some space, add --remove-old, or take a larger drive",
        needed=needed,
        free=free,
    )


def write_protected(root: Path) -> SourceFailed:
    """Build the error for a drive that is mounted read-only."""
    return SourceFailed(
        "drive-read-only",
        f"{root}: expected a drive that can be written, found it mounted read-only",
        hint=f"turn its switch, or: mount -o remount,rw {root}",
        drive=str(root),
    )


def lies(path: Path) -> SourceFailed:
    """Build the error for bytes that come back other than they were written."""
    return SourceFailed(
        "drive-damaged",
        f"{path}: the drive does not give back what was just written to it",
        hint="take another drive: this one is worn out, or smaller than it says",
        file=str(path),
    )
