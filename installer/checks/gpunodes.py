"""Are the driver's device nodes there, right, and open to this user and to containers.

Source: NVIDIA driver README, "How and when are the NVIDIA device files created": major 195, minor
255 for the control node; the major of nvidia-uvm is in /proc/devices.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from installer.checks.drivermodule import loaded_modules, module_version
from installer.checks.finding import Cause, Check, Finding, Severity, Topic, fine, noted, or_fine
from installer.checks.hostfiles import Unreadable
from installer.checks.sources import Sources

MISSING: Final = Cause(
    "missing",
    Severity.FAIL,
    "/dev/nvidiactl or /dev/nvidiaN is not there",
    "Make the nodes: nvidia-modprobe -c=0 (and each further GPU's number). Enable"
    " nvidia-persistenced so that they are made at boot.",
)
WRONG: Final = Cause(
    "wrong",
    Severity.FAIL,
    "a node is no device, or has another number than the driver's",
    "Remove it and make it again: rm {path}; nvidia-modprobe -u -c=0",
)
NO_UVM: Final = Cause(
    "no-uvm",
    Severity.FAIL,
    "no module nvidia_uvm or no /dev/nvidia-uvm: nvidia-smi works and CUDA does not",
    "Load unified memory: modprobe nvidia_uvm && nvidia-modprobe -u",
)
FORBIDDEN: Final = Cause(
    "forbidden",
    Severity.WARN,
    "this user may not open a node; containers of a rootful engine still may",
    "Add the user to group {gid}, or set NVreg_DeviceFileMode=0666 in /etc/modprobe.d and reload"
    " the driver.",
)
NO_LINKS: Final = Cause(
    "no-links",
    Severity.WARN,
    "no /dev/char/195:* links: containers lose the GPU at systemctl daemon-reload",
    "nvidia-ctk system create-dev-char-symlinks --create-all, and install the udev rule that its"
    " documentation gives.",
)
MAJOR: Final = 195
CONTROL_MINOR: Final = 255
_UVM: Final = "/dev/nvidia-uvm"
_MINOR: Final = re.compile(r"^Device Minor:\s*(\d{1,3})\s*$", re.MULTILINE)
_UVM_MAJOR: Final = re.compile(r"^\s*(\d{1,5}) nvidia-uvm$", re.MULTILINE)
_UNLOADED: Final = "the driver is not loaded: see gpu.module"


def _nodes(sources: Sources) -> Iterator[Finding]:
    if not module_version(sources.files):
        yield noted(_UNLOADED)
        return
    yield from or_fine(_bad_nodes(sources), f"there: {', '.join(_expected(sources))}")


def _bad_nodes(sources: Sources) -> Iterator[Finding]:
    for path, minor in _expected(sources).items():
        node = sources.files.node(path)
        if node is None:
            yield MISSING.found(f"{path} is not there")
        elif (node.device, node.major, node.minor) != (True, MAJOR, minor):
            found = f"{node.major}:{node.minor}" if node.device else "no character device"
            evidence = f"{path}: expected device {MAJOR}:{minor}, found {found}"
            yield WRONG.found(evidence, path=path)


def _expected(sources: Sources) -> dict[str, int]:
    """Return the minor number of each node that there must be."""
    return {"/dev/nvidiactl": CONTROL_MINOR, **{f"/dev/nvidia{n}": n for n in _minors(sources)}}


def _minors(sources: Sources) -> Iterator[int]:
    """Yield the number of each GPU that the driver has."""
    folder = "/proc/driver/nvidia/gpus"
    for address in sources.files.names(folder):
        found = _MINOR.search(sources.files.text(f"{folder}/{address}/information") or "")
        if found:
            yield int(found[1])


def _uvm(sources: Sources) -> Iterator[Finding]:
    if not module_version(sources.files):
        yield noted(_UNLOADED)
        return
    found = _UVM_MAJOR.search(sources.files.text("/proc/devices") or "")
    node = sources.files.node(_UVM)
    if found is None and "nvidia_uvm" not in loaded_modules(sources.files):
        yield NO_UVM.found("nvidia_uvm is not loaded")
    elif node is None:
        yield NO_UVM.found(f"{_UVM} is not there")
    elif found is not None and node.major != int(found[1]):
        yield NO_UVM.found(f"{_UVM}: expected major {found[1]}, found {node.major}")
    else:
        yield fine(f"nvidia_uvm is loaded, {_UVM} is there")


def _permission(sources: Sources) -> Iterator[Finding]:
    yield from or_fine(_forbidden(sources), "this user may open every node that is there")


def _forbidden(sources: Sources) -> Iterator[Finding]:
    for path in (*_expected(sources), _UVM):
        node = sources.files.node(path)
        if node is not None and not sources.files.may_use(path):
            evidence = f"{path} has mode {node.mode:04o}, group {node.gid}{_asked_mode(sources)}"
            yield FORBIDDEN.found(evidence, gid=node.gid)


def _asked_mode(sources: Sources) -> str:
    try:
        text = sources.files.text("/proc/driver/nvidia/params") or ""
    except Unreadable:
        return ""
    found = re.search(r"^DeviceFileMode: (\d{1,6})$", text, re.MULTILINE)
    return f"; the driver's DeviceFileMode is {int(found[1]):04o}" if found else ""


def _links(sources: Sources) -> Iterator[Finding]:
    if not module_version(sources.files):
        yield noted(_UNLOADED)
    elif has_char_links(sources):
        yield fine(f"/dev/char has links {MAJOR}:*")
    else:
        yield NO_LINKS.found(f"no {MAJOR}:* in /dev/char")


def has_char_links(sources: Sources) -> bool:
    """Tell whether /dev/char has the links by which runc (1.1.3 on) finds a device again.

    Raises:
        Unreadable: /dev/char can't be read.
    """
    return any(name.startswith(f"{MAJOR}:") for name in sources.files.names("/dev/char"))


CHECKS: Final = (
    Check(
        "gpu.dev_nodes",
        Topic.GPU,
        "/dev/nvidiactl, /dev/nvidiaN for each GPU of /proc/driver/nvidia/gpus",
        (MISSING, WRONG),
        _nodes,
    ),
    Check("gpu.uvm", Topic.GPU, "/proc/modules, /proc/devices, /dev/nvidia-uvm", (NO_UVM,), _uvm),
    Check(
        "gpu.dev_perm",
        Topic.GPU,
        "permissions of the nodes; /proc/driver/nvidia/params",
        (FORBIDDEN,),
        _permission,
    ),
    Check("gpu.dev_char", Topic.GPU, "/dev/char", (NO_LINKS,), _links),
)
