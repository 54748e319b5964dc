"""Is there a GPU, does the right driver hold it, and is its slot as wide as it should be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from installer.checks.finding import Cause, Check, Finding, Severity, Topic, fine, noted, or_fine
from installer.checks.pcibus import DEVICES
from installer.checks.sources import Sources

NO_DEVICE: Final = Cause(
    "no-device",
    Severity.FAIL,
    "no NVIDIA GPU on the PCI bus, and `--gpu` asks for one",
    "Reseat the card, check its power cables, and look in the firmware's setup that the slot is"
    " enabled; in a virtual machine, pass the device through.",
)
CUDA_WITHOUT_DEVICE: Final = Cause(
    "cuda-without-device",
    Severity.WARN,
    "no NVIDIA GPU on the PCI bus, and an image was built for CUDA",
    "If the app can't do without a GPU, look for the card: power cables, slot, firmware's setup;"
    " in a virtual machine, pass the device through. If it can, --no-gpu says so.",
)
OTHER_DRIVER: Final = Cause(
    "other-driver",
    Severity.FAIL,
    "a GPU is bound to nouveau or another driver than nvidia",
    "Keep {driver} away from it: write 'blacklist {driver}' and 'options {driver} modeset=0' into"
    " /etc/modprobe.d/blacklist-{driver}.conf, rebuild the initramfs (update-initramfs -u, or"
    " dracut --force), reboot.",
)
PASSED_THROUGH: Final = Cause(
    "passed-through",
    Severity.WARN,
    "a GPU is bound to vfio-pci: it is set aside for virtual machines",
    "To use {address} on this host, take it out of vfio-pci's list (/etc/modprobe.d, or"
    " vfio-pci.ids on the kernel's command line) and reboot.",
)
NO_DRIVER: Final = Cause(
    "no-driver",
    Severity.FAIL,
    "no driver holds a GPU",
    "Load the driver: modprobe nvidia. If that fails, dmesg says why: gpu.kver_module and"
    " secureboot here tell the usual reasons.",
)
NARROW: Final = Cause(
    "narrow",
    Severity.WARN,
    "the PCIe link has fewer lanes than card and slot could have",
    "Reseat the card; look at the riser and at how the firmware splits the slot (bifurcation).",
)
MANY_WITH_IOMMU: Final = Cause(
    "iommu",
    Severity.NOTE,
    "several GPUs behind an IOMMU",
    "If copies between GPUs are slow or wrong, turn off ACS in the firmware, or boot with"
    " iommu=pt.",
)


def _pci(sources: Sources) -> Iterator[Finding]:
    for gpu in sources.gpus:
        yield fine(f"{gpu.address}: NVIDIA {gpu.product}")
    if sources.gpus:
        return
    nothing = f"no NVIDIA display or 3D controller below {DEVICES}"
    if sources.has_gpu:
        yield noted(f"{nothing}, but the driver has GPUs: an integrated one")
    elif sources.wanted.gpu:
        yield NO_DEVICE.found(nothing)
    elif sources.wanted.cuda_of:
        image = f"{sources.wanted.cuda_of} is for CUDA {sources.wanted.cuda}"
        yield CUDA_WITHOUT_DEVICE.found(f"{nothing}; {image}")
    else:
        yield noted(nothing)


def _driver_bound(sources: Sources) -> Iterator[Finding]:
    if not sources.gpus:
        yield noted("no GPU on the PCI bus: see gpu.pci")
    for gpu in sources.gpus:
        facts = {"address": gpu.address, "driver": gpu.driver}
        match gpu.driver:
            case "nvidia":
                yield fine(f"{gpu.address} is bound to nvidia")
            case "":
                yield NO_DRIVER.found(f"{gpu.address} is bound to no driver", **facts)
            case "vfio-pci":
                yield PASSED_THROUGH.found(f"{gpu.address} is bound to vfio-pci", **facts)
            case _:
                yield OTHER_DRIVER.found(f"{gpu.address} is bound to {gpu.driver}", **facts)


def _width(sources: Sources) -> Iterator[Finding]:
    widths = _widths(sources)
    if not widths:
        yield noted("no GPU's link tells its width")
        return
    narrow = (
        NARROW.found(f"{address}: PCIe x{now} of x{most}")
        for address, now, most in widths
        if now < most
    )
    yield from or_fine(narrow, "every link is as wide as card and slot allow")


def _widths(sources: Sources) -> list[tuple[str, int, int]]:
    """Return the address of each GPU whose link tells its lanes, those it has and could have."""
    found = []
    for gpu in sources.gpus:
        folder = f"{DEVICES}/{gpu.address}"
        now = sources.files.number(f"{folder}/current_link_width")
        most = sources.files.number(f"{folder}/max_link_width")
        if now and most:
            found.append((gpu.address, now, most))
    return found


def _peers(sources: Sources) -> Iterator[Finding]:
    units = sources.files.names("/sys/class/iommu")
    if len(sources.gpus) > 1 and units:
        yield MANY_WITH_IOMMU.found(f"{len(sources.gpus)} GPUs, IOMMU: {', '.join(units[:4])}")
    else:
        yield fine("one GPU, or no IOMMU between them")


CHECKS: Final = (
    Check(
        "gpu.pci",
        Topic.GPU,
        "vendor and class of /sys/bus/pci/devices/*",
        (NO_DEVICE, CUDA_WITHOUT_DEVICE),
        _pci,
    ),
    Check(
        "gpu.driver_bound",
        Topic.GPU,
        "/sys/bus/pci/devices/*/driver",
        (OTHER_DRIVER, PASSED_THROUGH, NO_DRIVER),
        _driver_bound,
    ),
    Check(
        "gpu.pcie_width",
        Topic.GPU,
        "current_link_width and max_link_width of each GPU in sysfs",
        (NARROW,),
        _width,
    ),
    Check("gpu.iommu_p2p", Topic.GPU, "/sys/class/iommu", (MANY_WITH_IOMMU,), _peers),
)
