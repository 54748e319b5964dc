"""A drive of a guest: a SCSI disk over an image file, that can be pulled out and plugged in."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.machine.kernel import MachineError
from tests.machine.machine import Machine
from tests.machine.trigger import DISK
from tests.support.media import Format

_MAKE: Final = {
    Format.FAT32: ("mkfs.vfat", "-F32"),
    Format.EXFAT: ("mkfs.exfat",),
    Format.EXT4: ("mkfs.ext4", "-q", "-m", "0"),
}
_KIND: Final = {Format.FAT32: "vfat", Format.EXFAT: "exfat", Format.EXT4: "ext4"}
_MEND: Final = {
    Format.FAT32: ("fsck.vfat", "-a", "-w"),
    Format.EXFAT: ("fsck.exfat", "-y"),
    Format.EXT4: ("e2fsck", "-p"),
}


def make_image(form: Format, image: Path, megabytes: int) -> None:
    """Make a drive in a file."""
    with image.open("xb") as file:
        file.truncate(megabytes * 1024 * 1024)
    subprocess.run([*_MAKE[form], str(image)], check=True, capture_output=True)


@dataclass(frozen=True)
class Stick:
    """The drive that the first image file of a machine is.

    Attributes:
        machine: the guest.
        form: the drive's file system.
    """

    machine: Machine
    form: Format

    def plug(self) -> None:
        """Plug it in, if it was pulled out."""
        self.machine.do("plug")

    def mount(self, strike: str = "") -> None:
        """Mount it, ready for a strike of that kind."""
        self.machine.do("mount", _KIND[self.form], strike)

    def unmount(self) -> None:
        """Unmount it, whatever state it is in."""
        self.machine.do("unmount")

    def mend(self) -> bool:
        """Let the file system's own tool mend it, as a person would; tell whether it had to.

        Raises:
            MachineError: it can't be mended.
        """
        done = self.machine.begin(*_MEND[self.form], f"/dev/{DISK}").wait()
        if done.status not in (0, 1):
            raise MachineError(f"{_MEND[self.form]}: {done.status}\n{done.out}{done.err}")
        return bool(done.status)
