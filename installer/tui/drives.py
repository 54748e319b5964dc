"""Removable drives that are mounted: read from /proc and /sys, nothing mounted, nothing changed.

A USB disk often calls itself not removable, so a drive also counts whose device hangs on USB, or
whose file system is one that only drives have that travel.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_ESCAPE: Final = re.compile(r"\\([0-7]{3})")
_TRAVELLING: Final = frozenset({"vfat", "exfat", "iso9660", "udf", "fuseblk", "ntfs", "ntfs3"})
_SYSTEM: Final = ("/boot", "/efi")
"""Where a host's own FAT file systems lie."""
_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of mountinfo."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A file system and where it lies.

    Attributes:
        device: major and minor number, `8:17`.
        path: where it is mounted.
        kind: of the file system.
        source: what is mounted, such as `/dev/sdb1`.
    """

    device: str
    path: Path
    kind: str
    source: str


def removable_mounts(proc: Path = Path("/proc"), sys: Path = Path("/sys")) -> tuple[Mount, ...]:
    """Return the drives that came with a person; none where that can't be seen."""
    try:
        with (proc / "self/mountinfo").open("rb") as file:
            text = file.read(_LIMIT).decode("utf-8", "surrogateescape")
    except OSError:
        return ()
    return tuple(one for one in parse_mounts(text) if _travels(one, sys))


def parse_mounts(text: str) -> Iterator[Mount]:
    """Yield the mounts of a mountinfo (proc(5)); a line that is none is left out."""
    for line in text.splitlines():
        left, dash, right = line.partition(" - ")
        fields, rest = left.split(" "), right.split(" ")
        if dash and len(fields) >= 6 and len(rest) >= 2:
            yield Mount(fields[2], Path(_unescaped(fields[4])), rest[0], _unescaped(rest[1]))


def _travels(mount: Mount, sys: Path) -> bool:
    if str(mount.path).startswith(_SYSTEM):
        return False
    if not mount.source.startswith("/dev/"):
        return False
    return mount.kind in _TRAVELLING or _is_removable(sys / "dev/block" / mount.device)


def _is_removable(link: Path) -> bool:
    """Tell what the kernel says of a disk, or of the disk that a partition is on."""
    try:
        device = link.resolve(strict=True)
    except OSError:
        return False
    if "/usb" in str(device):
        return True
    disk = device.parent if (device / "partition").exists() else device
    try:
        return (disk / "removable").read_bytes().strip() == b"1"
    except OSError:
        return False


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 8)), text)
