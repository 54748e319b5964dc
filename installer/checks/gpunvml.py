"""Does NVIDIA's management library answer, and does it see every GPU.

Source: return codes of nvml.h; what is behind each was collected from the issue threads of
nvidia-docker, libnvidia-container and nvidia-container-toolkit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from installer.checks.finding import Cause, Check, Finding, Severity, Topic, fine, unknown
from installer.checks.nvml import Nvml, Trouble
from installer.checks.sources import Sources

NO_LIBRARY: Final = Cause(
    "no-library",
    Severity.FAIL,
    "libnvidia-ml.so.1 can't be loaded",
    "Install the driver's libraries (nvidia-smi and libnvidia-ml come with them), then ldconfig.",
)
NOT_LOADED: Final = Cause(
    "driver-not-loaded",
    Severity.FAIL,
    "the library is there, the kernel module is not loaded (9)",
    "modprobe nvidia, then look at dmesg if it fails; gpu.module and gpu.kver_module say more.",
)
MISMATCH: Final = Cause(
    "version-mismatch",
    Severity.FAIL,
    "driver/library version mismatch (18)",
    "An update ran without a reboot: reboot, or unload every nvidia module and load it again.",
)
NO_PERMISSION: Final = Cause(
    "no-permission",
    Severity.FAIL,
    "insufficient permissions (4)",
    "Look at gpu.dev_perm and, where SELinux is enforcing, at lsm.selinux; as root it must work.",
)
LOST: Final = Cause(
    "gpu-lost",
    Severity.FAIL,
    "a GPU does not answer any more (15)",
    "It fell off the bus: power the machine off and on, reseat the card, check its power supply.",
)
UNKNOWN_ERROR: Final = Cause(
    "unknown-error",
    Severity.FAIL,
    "unknown error (999)",
    "Look at dmesg for NVRM. In a container this is the GPU lost at systemctl daemon-reload:"
    " restart it, and see gpu.dev_char.",
)
HUNG: Final = Cause(
    "hung",
    Severity.FAIL,
    "no answer in time: the driver hangs",
    "Look at dmesg for NVRM and Xid; start nvidia-persistenced if it is off (loading the driver"
    " anew for each call can take that long); else reboot.",
)
CRASHED: Final = Cause(
    "crashed",
    Severity.FAIL,
    "the library crashed when it was asked",
    "Its files are damaged or of several drivers: install the driver again, all of one version.",
)
OTHER: Final = Cause(
    "other",
    Severity.FAIL,
    "any other code",
    "Look at dmesg for NVRM; nvidia-smi shows the same error while you mend it.",
)
FEWER: Final = Cause(
    "fewer",
    Severity.FAIL,
    "the library sees fewer GPUs than the PCI bus",
    "dmesg | grep NVRM says why the driver left one out: too old for this driver (gpu.arch_driver),"
    " fallen off the bus (gpu.xid), or without power.",
)
_BY_CODE: Final[Mapping[int, Cause]] = {
    Trouble.LIBRARY_NOT_FOUND: NO_LIBRARY,
    Trouble.DRIVER_NOT_LOADED: NOT_LOADED,
    Trouble.VERSION_MISMATCH: MISMATCH,
    Trouble.NO_PERMISSION: NO_PERMISSION,
    Trouble.GPU_LOST: LOST,
    Trouble.UNKNOWN: UNKNOWN_ERROR,
    Trouble.HUNG: HUNG,
    Trouble.CRASHED: CRASHED,
}


def _nvml(sources: Sources) -> Iterator[Finding]:
    nvml = sources.nvml
    if nvml.code == Trouble.NOT_ASKED:
        yield unknown(f"libnvidia-ml could not be asked: {nvml.text}")
        return
    if not nvml.answered:
        yield _BY_CODE.get(nvml.code, OTHER).found(f"libnvidia-ml: {nvml.text or nvml.code}")
        return
    for gpu in nvml.gpus:
        if gpu.code:
            yield _BY_CODE.get(gpu.code, OTHER).found(f"{gpu}: libnvidia-ml says {gpu.code}")
    yield from _count(nvml, len(sources.gpus))


def _count(nvml: Nvml, on_bus: int) -> Iterator[Finding]:
    names = ", ".join(str(gpu) for gpu in nvml.gpus)
    if len(nvml.gpus) < on_bus:
        yield FEWER.found(f"{on_bus} on the PCI bus, seen by the driver: {names or 'none'}")
    else:
        yield fine(f"driver {nvml.driver}: {names}")


CHECKS: Final = (
    Check(
        "gpu.nvml",
        Topic.GPU,
        "libnvidia-ml.so.1, in a process of its own with a deadline",
        (*_BY_CODE.values(), OTHER, FEWER),
        _nvml,
    ),
)
