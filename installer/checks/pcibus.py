"""The NVIDIA graphics processors on the PCI bus, as sysfs shows them.

Source: Documentation/ABI/testing/sysfs-bus-pci; class codes of the PCI Code and ID Assignment
Specification: 03 00 is a VGA controller, 03 02 a 3D controller.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from installer.checks.hostfiles import HostFiles

DEVICES: Final = "/sys/bus/pci/devices"
_NVIDIA: Final = "0x10de"
_CLASSES: Final = ("0x0300", "0x0302")


@dataclass(frozen=True, slots=True)
class NvidiaDevice:
    """A graphics processor.

    Attributes:
        address: domain:bus:device.function.
        product: vendor's number of the product, such as `0x2330`.
        driver: the kernel driver that holds it; empty for none.
    """

    address: str
    product: str
    driver: str


def nvidia_devices(files: HostFiles) -> tuple[NvidiaDevice, ...]:
    """Return them in the order of their addresses.

    Raises:
        Unreadable: sysfs can't be read.
    """
    return tuple(
        _device(files, address)
        for address in files.names(DEVICES)
        if files.line(f"{DEVICES}/{address}/vendor") == _NVIDIA
        and (files.line(f"{DEVICES}/{address}/class") or "").startswith(_CLASSES)
    )


def _device(files: HostFiles, address: str) -> NvidiaDevice:
    folder = f"{DEVICES}/{address}"
    driver = files.target(f"{folder}/driver")
    return NvidiaDevice(
        address,
        files.line(f"{folder}/device") or "",
        PurePosixPath(driver).name if driver else "",
    )
