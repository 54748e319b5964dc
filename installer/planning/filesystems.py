"""Reads which file system a path lies on, and what it has left; asks the kernel only.

Needs no privileges: of a folder that this user may not enter, the nearest one above it that can be
seen answers. Changes nothing and decides nothing.

Source: proc(5), /proc/PID/mountinfo; statvfs(3).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from installer.engines.base import EngineInfo, Store
from installer.planning.space import FileSystem, Places

MOUNTINFO: Final = Path("/proc/self/mountinfo")
MOUNTINFO_LIMIT: Final = 16 * 1024 * 1024
CONTAINERD_ROOT: Final = Path("/var/lib/containerd")
"""Where a containerd of the system's own keeps images."""

_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True)
class Mount:
    """A line of mountinfo.

    Attributes:
        number: `major:minor` of the device.
        point: where it is mounted.
        kind: of file system.
        source: the device, or what stands for one.
    """

    number: str
    point: str
    kind: str
    source: str

    @property
    def key(self) -> str:
        """What tells the file system: parts of one that are mounted apart share their device."""
        return self.source if self.source.startswith("/dev/") else self.number


def file_system_of(path: Path) -> FileSystem | None:
    """Return the file system that `path` lies on or would lie on; None if it can't be seen."""
    for at in (path, *path.parents):
        try:
            status, whole = os.statvfs(at), str(at.resolve())
            number = at.stat().st_dev
        except OSError:
            continue
        mount = mount_of(whole, read_mounts())
        if mount is None:
            device = f"{os.major(number)}:{os.minor(number)}"
            mount = Mount(device, whole, "unknown", device)
        return FileSystem(
            key=mount.key,
            device=mount.source,
            mount=mount.point,
            kind=mount.kind,
            free=status.f_bavail * status.f_frsize,
            total=status.f_blocks * status.f_frsize,
        )
    return None


def free_bytes(path: Path | None) -> int | None:
    """Return the bytes free for us where `path` lies; None where that can't be seen."""
    system = None if path is None else file_system_of(path)
    return None if system is None else system.free


def places_of(info: EngineInfo) -> Places:
    """Return where an engine writes, by what it says of itself and what can be seen."""
    root = info.root
    if root is None:
        return Places(None, None)
    if info.store is Store.GRAPH_DRIVER:
        return Places(root / "tmp", root / (info.driver or "image"))
    if info.store is Store.CONTAINERD:
        return Places(None, _containerd_root(root))
    return Places(None, root)


def mount_of(path: str, mounts: tuple[Mount, ...]) -> Mount | None:
    """Return the mount that `path`, absolute and without links, lies in; None for no mount."""
    fitting = [mount for mount in mounts if _lies_in(path, mount.point)]
    longest = max((len(mount.point) for mount in fitting), default=0)
    return next((one for one in reversed(fitting) if len(one.point) == longest), None)


def read_mounts(file: Path = MOUNTINFO) -> tuple[Mount, ...]:
    """Return this process's mounts, in the order in which they were made."""
    try:
        with file.open("rb") as stream:
            text = stream.read(MOUNTINFO_LIMIT).decode("utf-8", errors="replace")
    except OSError:
        return ()
    return tuple(_mounts(text))


def _mounts(text: str) -> Iterator[Mount]:
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        fields, rest = before.split(" "), after.split(" ")
        if len(fields) > 4 and len(rest) > 1:
            yield Mount(fields[2], _plain(fields[4]), rest[0], _plain(rest[1]))


def _plain(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 8)), text)


def _lies_in(path: str, point: str) -> bool:
    return point in ("/", path) or path.startswith(f"{point}/")


def _containerd_root(root: Path) -> Path:
    """Return where containerd keeps images: one that Docker started keeps them in Docker's own."""
    own = root / "containerd"
    if not _is_there(own) and _is_there(CONTAINERD_ROOT):
        return CONTAINERD_ROOT
    return own


def _is_there(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False
