"""Drives made in files and mounted for real: FAT32 and exFAT by FUSE, ext4 by the kernel, tmpfs.

    with mounted(Medium.EXFAT, folder, 64) as drive: ...

Everything is unmounted at the end. The FUSE driver of FAT32 is old: it loses what is in a folder
that is renamed, and takes seconds for each hundred names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import pytest


class Format(StrEnum):
    """A file system that drives have."""

    FAT32 = "fat32"
    EXFAT = "exfat"
    EXT4 = "ext4"
    TMPFS = "tmpfs"


_TOOLS = {
    Format.FAT32: ("mkfs.vfat", "fusefat", "fusermount"),
    Format.EXFAT: ("mkfs.exfat", "mount.exfat-fuse", "losetup"),
    Format.EXT4: ("mkfs.ext4", "mount"),
    Format.TMPFS: ("mount",),
}
_MAKE = {
    Format.FAT32: ("mkfs.vfat", "-F32"),
    Format.EXFAT: ("mkfs.exfat",),
    Format.EXT4: ("mkfs.ext4", "-q", "-m", "0"),
}


@contextmanager
def mounted(form: Format, folder: Path, megabytes: int) -> Iterator[Path]:
    """Make a drive and mount it at `folder`/usb; skip where that can't be done."""
    absent = [tool for tool in _TOOLS[form] if shutil.which(tool) is None]
    if absent:
        pytest.skip(f"{form} needs {', '.join(absent)}: make setup")
    drive, image = folder / "usb", folder / "image"
    drive.mkdir(parents=True)
    if form is Format.TMPFS:
        _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "none", drive)
        device = None
    else:
        with image.open("xb") as file:
            file.truncate(megabytes * 1024 * 1024)
        _run(*_MAKE[form], image)
        device = _mount(form, image, drive)
    try:
        yield drive
    finally:
        _unmount(drive, device)


def _mount(form: Format, image: Path, drive: Path) -> str | None:
    if form is Format.EXT4:
        _run("mount", "-o", "loop", image, drive)
        return None
    if form is Format.FAT32:
        _run("fusefat", "-o", "rw+", image, drive)
        return None
    device = _run("losetup", "-f", "--show", image).strip()
    _run("mount.exfat-fuse", device, drive)
    return device


def _unmount(drive: Path, device: str | None) -> None:
    if drive.is_mount():
        _run("umount", drive)
    if device is not None:
        _run("losetup", "-d", device)


@contextmanager
def replugged(form: Format, folder: Path) -> Iterator[None]:
    """Take a mounted drive out and put it in again, so that nothing of it is remembered."""
    drive = folder / "usb"
    _run("umount", drive)
    device = _mount(form, folder / "image", drive)
    try:
        yield
    finally:
        if device is not None:
            _unmount(drive, device)


def remount(drive: Path, options: str) -> None:
    """Change a mount, such as to `ro`."""
    _run("mount", "-o", f"remount,{options}", drive)


def _run(*command: object) -> str:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(f"{' '.join(map(str, command))}: {done.stderr}")
    return done.stdout


class LosingDrive:
    """A drive on ext4 whose end the kernel can't read while it is lost: bad sectors, for real.

    Attributes:
        root: where it is mounted.
    """

    def __init__(self, root: Path, image: Path) -> None:
        self.root = root
        self._image = image
        self._end = b""

    def lose(self, size: int) -> None:
        """Lose the last bytes; what was read before is forgotten."""
        whole = self._image.stat().st_size
        with self._image.open("r+b") as file:
            file.seek(whole - size)
            self._end = file.read() + self._end
            file.truncate(whole - size)

    def change(self, old: bytes, new: bytes) -> None:
        """Change bytes that occur once on the medium, behind the back of the file system."""
        data = self._image.read_bytes()
        if data.count(old) != 1 or len(old) != len(new):
            raise ValueError("expected bytes that occur once")
        with self._image.open("r+b") as file:
            file.seek(data.index(old))
            file.write(new)
            file.flush()
            os.fsync(file.fileno())

    def give_back(self) -> None:
        """Let it be read again."""
        with self._image.open("ab") as file:
            file.write(self._end)
        self._end = b""


@contextmanager
def losing_its_end(folder: Path, megabytes: int) -> Iterator[LosingDrive]:
    """Mount a drive at `folder`/usb that can lose its end; skip where that can't be done."""
    if shutil.which("losetup") is None or shutil.which("mkfs.ext4") is None:
        pytest.skip("needs losetup and mkfs.ext4: make setup")
    root, image = folder / "usb", folder / "image"
    root.mkdir(parents=True)
    image.write_bytes(b"")
    os.truncate(image, megabytes * 1024 * 1024)
    _run("mkfs.ext4", "-q", "-m", "0", "-b", "4096", "-O", "^has_journal", image)
    device = _run("losetup", "-f", "--show", image).strip()
    try:
        if subprocess.run(["losetup", "--direct-io=on", device], check=False).returncode != 0:
            pytest.skip("the test folder's file system does no direct I/O")
        _run("mount", device, root)
        yield LosingDrive(root, image)
    finally:
        _unmount(root, device)
