"""Is the driver's kernel module there, loaded, signed, and of the same version as its libraries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from installer.checks.cudaversion import driver_text
from installer.checks.drivermodule import (
    kernel_release,
    library_versions,
    loaded_modules,
    module_version,
)
from installer.checks.finding import Cause, Check, Finding, Severity, Topic, fine, noted, or_fine
from installer.checks.sources import Sources

NOT_LOADED: Final = Cause(
    "not-loaded",
    Severity.FAIL,
    "the kernel module nvidia is not loaded",
    "modprobe nvidia. If it is not found, the driver was not built for kernel {kernel}: dkms"
    " autoinstall, with the headers of that kernel installed.",
)
OTHER_KERNEL: Final = Cause(
    "other-kernel",
    Severity.FAIL,
    "the driver was built for other kernels than the one that runs",
    "Boot one of the kernels named, or build it for this one: dkms install nvidia/VERSION -k"
    " {kernel}, with the version that dkms status shows.",
)
NO_MODULE: Final = Cause(
    "no-module",
    Severity.FAIL,
    "no kernel here has a module nvidia",
    "Install the NVIDIA driver for kernel {kernel}, with its headers; bring both on a drive.",
)
DIFFER: Final = Cause(
    "differ",
    Severity.FAIL,
    "the libraries and the loaded kernel module are of different versions",
    "The driver was updated and the old module is still loaded: reboot. Or stop what uses GPUs,"
    " then rmmod nvidia_uvm nvidia_drm nvidia_modeset nvidia, and modprobe nvidia.",
)
UNSIGNED: Final = Cause(
    "unsigned",
    Severity.FAIL,
    "Secure Boot is on, and the kernel refused the module's signature",
    "Enrol the key that DKMS signs with: mokutil --import /var/lib/dkms/mok.pub, then confirm at"
    " the next boot. Or install the driver package that your distribution has signed.",
)
_MODULE: Final = re.compile(r"(?:^|/)nvidia(?:-current)?\.ko(?:\.(?:xz|zst|gz))?:", re.MULTILINE)
_DEPENDENCIES_LIMIT: Final = 16 * 1024 * 1024
_KERNELS_LIMIT: Final = 32
_SECURE_BOOT: Final = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_REFUSALS: Final = (
    "key was rejected",
    "loading of unsigned module is rejected",
    "unsigned module loading is restricted",
)


def _module(sources: Sources) -> Iterator[Finding]:
    loaded = loaded_modules(sources.files)
    kernel = kernel_release(sources.files)
    if "nvidia" in loaded:
        parts = sorted(name for name in loaded if name.startswith("nvidia"))
        yield fine(f"loaded: {', '.join(parts)}")
    elif module_version(sources.files):
        yield fine("the driver is built into the kernel")
    else:
        yield NOT_LOADED.found("no nvidia in /proc/modules", kernel=kernel)


def _built(sources: Sources) -> Iterator[Finding]:
    kernel = kernel_release(sources.files)
    if module_version(sources.files) or _has_module(sources, kernel):
        yield fine(f"kernel {kernel} has it")
        return
    kernels = sources.files.names("/lib/modules")[-_KERNELS_LIMIT:]
    others = [one for one in kernels if one != kernel and _has_module(sources, one)]
    if others:
        evidence = f"kernel {kernel} has no module nvidia; {', '.join(others)} has"
        yield OTHER_KERNEL.found(evidence, kernel=kernel)
    else:
        yield NO_MODULE.found(f"no module nvidia in /lib/modules/{kernel}", kernel=kernel)


def _has_module(sources: Sources, kernel: str) -> bool:
    path = f"/lib/modules/{kernel}/modules.dep"
    return bool(_MODULE.search(sources.files.text(path, _DEPENDENCIES_LIMIT) or ""))


def _match(sources: Sources) -> Iterator[Finding]:
    kernel = module_version(sources.files)
    if not kernel:
        yield noted("the kernel module is not loaded: see gpu.module")
        return
    evidence = f"kernel module {driver_text(kernel)}"
    yield from or_fine(_different(sources), f"{evidence}, and so are the libraries found")


def _different(sources: Sources) -> Iterator[Finding]:
    kernel = module_version(sources.files)
    for path, version in library_versions(sources.files):
        if version != kernel:
            where = f"{path} is {driver_text(version)}"
            yield DIFFER.found(f"kernel module {driver_text(kernel)}, {where}")


def _secure_boot(sources: Sources) -> Iterator[Finding]:
    state = sources.files.data(_SECURE_BOOT, 16) or b""
    if state[4:5] != b"\x01":
        yield fine("Secure Boot is off, or the machine has none")
    elif "nvidia" in loaded_modules(sources.files):
        yield fine("Secure Boot is on, and the module is loaded")
    else:
        refused = sources.log.readable().having(*_REFUSALS)
        yield from (UNSIGNED.found(line) for line in refused[-1:])
        if not refused:
            yield noted("Secure Boot is on; the kernel's log tells of no refused module")


CHECKS: Final = (
    Check("gpu.module", Topic.GPU, "/proc/modules", (NOT_LOADED,), _module),
    Check(
        "gpu.kver_module",
        Topic.GPU,
        "/lib/modules/*/modules.dep",
        (OTHER_KERNEL, NO_MODULE),
        _built,
    ),
    Check(
        "gpu.version_match",
        Topic.GPU,
        "/proc/driver/nvidia/version, /sys/module/nvidia/version; what libnvidia-ml.so.1 links to",
        (DIFFER,),
        _match,
    ),
    Check(
        "secureboot",
        Topic.GPU,
        "the SecureBoot variable; the kernel's log",
        (UNSIGNED,),
        _secure_boot,
    ),
)
