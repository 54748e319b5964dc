"""What a drive is before anything is written: the kind of its file system, its room, its limits.

Reads /proc/self/mountinfo and statvfs; changes nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from manifests.errors import UsageError

FAT32_MAX_FILE: Final = 2**32 - 1
"""Bytes of the largest file on FAT32."""

_LARGE: Final = frozenset(
    {"9p", "bcachefs", "btrfs", "cifs", "exfat", "ext2", "ext3", "ext4", "f2fs", "fuse.exfat"}
    | {"fuseblk", "hfsplus", "jfs", "nfs", "nfs4", "ntfs", "ntfs3", "overlay", "smb3", "tmpfs"}
    | {"udf", "virtiofs", "xfs", "zfs"}
)
"""Kinds that take any file. Of others pieces are expected to fit, and every reader joins them."""
MEMORY: Final = frozenset({"tmpfs", "ramfs"})
"""Kinds that have no medium that could be read."""
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")
_MOUNTINFO_LIMIT: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FileSystem:
    """What is known of a drive before anything is written.

    Attributes:
        mount: where it is mounted.
        kind: such as `vfat`.
        source: what is mounted, such as `/dev/sdb1`.
        read_only: whether nothing can be written.
        free: bytes; None where the file system does not tell.
        block: bytes in which files grow.
        max_file: bytes of the largest file; None where there is no limit that matters.
    """

    mount: Path
    kind: str
    source: str
    read_only: bool
    free: int | None
    block: int
    max_file: int | None

    def rounded(self, size: int) -> int:
        """Return the bytes that a file of `size` takes."""
        return -(-size // self.block) * self.block


def look_at(path: Path, mountinfo: Path = Path("/proc/self/mountinfo")) -> FileSystem:
    """Return the file system that a folder is on.

    Raises:
        UsageError: `drive-not-found`: there is no such folder.
        OSError: it can't be asked.
    """
    if not path.is_dir():
        raise UsageError(
            "drive-not-found",
            f"expected the mount point of a drive at {path}, found no folder",
            hint="mount the drive, then give the folder that it is mounted on",
        )
    place = path.resolve()
    with mountinfo.open("rb") as file:
        text = file.read(_MOUNTINFO_LIMIT).decode("utf-8", "surrogateescape")
    mount, kind, source = max(
        (one for one in _mounts(text) if place.is_relative_to(one[0])),
        key=lambda one: len(one[0].parts),
        default=(place, "unknown", "unknown"),
    )
    told = os.statvfs(place)
    return FileSystem(
        mount=mount,
        kind=kind,
        source=source,
        read_only=bool(told.f_flag & os.ST_RDONLY),
        free=told.f_bavail * told.f_frsize if told.f_blocks else None,
        block=max(512, told.f_frsize),
        max_file=None if kind in _LARGE else FAT32_MAX_FILE,
    )


def _mounts(text: str) -> Iterator[tuple[Path, str, str]]:
    """Yield mount point, kind and source, the newest first: it covers what was mounted before."""
    for line in reversed(text.splitlines()):
        left, dash, right = line.partition(" - ")
        fields, rest = left.split(" "), right.split(" ")
        if dash and len(fields) >= 6 and len(rest) >= 2:
            yield Path(_unescaped(fields[4])), rest[0], _unescaped(rest[1])


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)
