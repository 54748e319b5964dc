"""What the agent does itself, in the guest: with the drive, without starting any program.

Starting one takes a tenth of a second there, and a drive's rounds are many.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from tests.machine.trigger import (
    BLOCK,
    DISK,
    FILLER,
    MAPPED,
    STOP,
    USB,
    mapper,
    pull,
    sectors,
)

_DETACH: Final = 2
_PATIENCE_S: Final = 20
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_CONFIG: Final = Path("/sys/kernel/config/target")
_OPTIONS: Final = {"vfat": b"flush,utf8=1", "ext4": b""}


def attach() -> None:
    """Make a SCSI disk of the first image, as a stick is one."""
    core, loop = _CONFIG / "core/iblock_0/usb", _CONFIG / "loopback/naa.5001405000000001/tpgt_1"
    core.mkdir(parents=True)
    loop.mkdir(parents=True)
    (core / "control").write_text("udev_path=/dev/ubda\n")
    (core / "enable").write_text("1\n")
    (loop / "nexus").write_text("naa.5001405000000002\n")
    (loop / "lun/lun_0").mkdir()
    (loop / "lun/lun_0/usb").symlink_to(core)
    _await_disk()


def plug() -> None:
    """Plug the disk in, if it was pulled out."""
    if not is_there():
        for host in Path("/sys/class/scsi_host").iterdir():
            (host / "scan").write_text("- - -\n")
        _await_disk()


def is_there() -> bool:
    """Tell whether the disk is plugged in."""
    with suppress(FileNotFoundError):
        return (BLOCK / DISK / "size").read_text() != "0\n" and Path("/dev", DISK).exists()
    return False


def mount(kind: str, strike: str = "") -> None:
    """Mount the disk; for a strike that is the device mapper's, below that and ready for it."""
    device = f"/dev/{DISK}"
    if strike in ("fail", "drop"):
        size = (BLOCK / DISK / "size").read_text().strip()
        mapper("create", MAPPED, "--noudevsync", "--table", f"0 {size} linear {device} 0")
        other = "error" if strike == "fail" else f"flakey {device} 0 0 3600 1 drop_writes"
        mapper("load", MAPPED, "--table", f"0 {size} {other}")
        device = "/dev/dm-0"
    if kind == "exfat":
        subprocess.run(["mount.exfat-fuse", device, str(USB)], check=True)
        return
    options = _OPTIONS[kind]
    if _LIBC.mount(device.encode(), bytes(USB), kind.encode(), 0, options):
        raise OSError(ctypes.get_errno(), f"mount {device}")


def unmount() -> None:
    """Unmount it, whatever state it is in; nothing of it stays in memory."""
    if USB.is_mount() and _LIBC.umount2(bytes(USB), 0):
        _LIBC.umount2(bytes(USB), _DETACH)
    deadline = time.monotonic() + _PATIENCE_S
    while (BLOCK / "dm-0").exists() and time.monotonic() < deadline:
        with suppress(subprocess.CalledProcessError):
            mapper("remove", "--noudevsync", MAPPED)
    Path("/proc/sys/vm/drop_caches").write_text("3\n")


def mount_other(device: str, place: str) -> None:
    """Mount a disk beside the drive."""
    Path(place).mkdir()
    if _LIBC.mount(device.encode(), place.encode(), b"ext4", 0, b""):
        raise OSError(ctypes.get_errno(), f"mount {device}")


def counts() -> dict[str, int]:
    """Return how many sectors were read and written so far."""
    return {what: sectors(what) for what in ("reads", "writes")}


def call_off() -> None:
    """Call a trigger off that has not struck."""
    STOP.touch()


def remove(*names: str) -> None:
    """Remove files, or folders with all that is in them; the last part of a name may be a glob."""
    for path in (found for name in names for found in Path(name).parent.glob(Path(name).name)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def leave(size: int) -> None:
    """Fill the drive until only so many bytes of room are left."""
    told = os.statvfs(USB)
    left = told.f_bavail * told.f_frsize - size
    with FILLER.open("wb") as file:
        while left > 0:
            left -= file.write(bytes(min(left, 2**20)))
        os.fsync(file.fileno())


def has(path: str) -> bool:
    """Tell whether something is there."""
    return os.path.lexists(path)


def sizes(folder: str) -> dict[str, int]:
    """Return what is in a folder, and how large it is."""
    return {path.name: path.stat().st_size for path in Path(folder).iterdir()}


def wrong(folder: str) -> list[str]:
    """Return the files of a release that are not as its list says: found by hand, not by us."""
    lines = Path(folder, "SHA256SUMS").read_text().splitlines()
    rows = (line.split("  ", 1) for line in lines)
    return [name for digest, name in rows if _digest(Path(folder), name) != digest]


def _digest(folder: Path, name: str) -> str:
    whole = hashlib.sha256()
    buffer = memoryview(bytearray(2**18))
    for path in _places(folder, name):
        with path.open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                whole.update(buffer[:count])
    return whole.hexdigest()


def _places(folder: Path, name: str) -> Iterator[Path]:
    base = next((p for p in (folder / name, folder.parent / name) if p.exists()), None)
    if base is not None:
        yield base
    else:
        yield from sorted((folder.parent / name).parent.glob(f"{Path(name).name}.???"))


def _await_disk() -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not is_there():
        if time.monotonic() > deadline:
            raise TimeoutError(f"no {DISK}")
        time.sleep(0.02)


_ALL: Final = (
    *(attach, plug, pull, mount, unmount, mount_other, counts, call_off),
    *(remove, leave, has, sizes, wrong),
)
DEEDS: Final[Mapping[str, Callable[..., Any]]] = {one.__name__: one for one in _ALL}


def do(name: str, words: Sequence[Any]) -> Any:
    """Do what the host asks for by name."""
    return DEEDS[name](*words)
