"""Lets go of a drive: unmounts it where this user may, and says what came of it."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bundler.drive.filesystem import FileSystem
from manifests.safetext import safe_line

PATIENCE_SECONDS: Final = 600
"""How long a slow drive may take to write what is left."""


@dataclass(frozen=True, slots=True)
class Ejected:
    """What came of it.

    Attributes:
        done: whether the drive may be pulled out.
        text: for people.
    """

    done: bool
    text: str


def eject(root: Path, system: FileSystem) -> Ejected:
    """Unmount the drive that `root` is on."""
    os.sync()
    if root.resolve() != system.mount:
        return Ejected(done=False, text=f"not ejected: {root} is no mount point, but a folder")
    command = _command(system)
    if command is None:
        return Ejected(done=False, text="not ejected: neither umount nor udisksctl is here")
    try:
        done = subprocess.run(  # noqa: S603 - no shell; the tool is found on PATH
            command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Ejected(done=False, text=safe_line(f"not ejected: {error}"))
    if done.returncode == 0:
        return Ejected(done=True, text="ejected: it may be pulled out")
    reason = done.stderr.strip() or f"{command[0]} ended with {done.returncode}"
    return Ejected(done=False, text=safe_line(f"not ejected: {reason}", limit=300))


def _command(system: FileSystem) -> list[str] | None:
    """Return what may unmount it: the desktop's way for users, else that of root."""
    umount, udisks = shutil.which("umount"), shutil.which("udisksctl")
    if udisks and os.geteuid() != 0:
        return [udisks, "unmount", "--no-user-interaction", "-b", system.source]
    return [umount, "--", str(system.mount)] if umount else None
