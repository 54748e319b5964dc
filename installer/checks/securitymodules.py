"""Would SELinux or AppArmor keep containers from a GPU."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from installer.checks.finding import Cause, Check, Finding, Severity, Topic, fine, noted
from installer.checks.sources import Sources

NO_DEVICES: Final = Cause(
    "no-devices",
    Severity.WARN,
    "SELinux is enforcing, the engine uses it, and containers may not use devices",
    "setsebool -P container_use_devices on; for one container --security-opt label=disable"
    " does it.",
)
SELINUX_DENIED: Final = Cause(
    "denied",
    Severity.FAIL,
    "the kernel's log tells that SELinux kept a container from a GPU",
    "setsebool -P container_use_devices on; if it goes on, restorecon -v /dev/nvidia*",
)
APPARMOR_DENIED: Final = Cause(
    "denied",
    Severity.FAIL,
    "the kernel's log tells that an AppArmor profile kept a program from a GPU",
    "Allow '/dev/nvidia* rw,' in profile {profile}, then apparmor_parser -r its file.",
)
_ENFORCE: Final = "/sys/fs/selinux/enforce"
_BOOLEAN: Final = "/sys/fs/selinux/booleans/container_use_devices"
_APPARMOR: Final = "/sys/module/apparmor/parameters/enabled"
_PROFILE: Final = re.compile(r'profile="([^"]{1,200})"')
_DEVICE: Final = re.compile(r'name="/dev/nvidia|name="nvidia|path="/dev/nvidia')


def _selinux(sources: Sources) -> Iterator[Finding]:
    enforcing = sources.files.number(_ENFORCE)
    if enforcing is None:
        yield fine("there is no SELinux")
    elif not enforcing:
        yield fine("SELinux only logs (permissive)")
    else:
        yield from _enforcing(sources)


def _enforcing(sources: Sources) -> Iterator[Finding]:
    allowed = sources.files.number(_BOOLEAN)
    evidence = f"SELinux is enforcing, container_use_devices is {_setting(allowed)}"
    denied = [line for line in sources.log.having("avc:  denied") if _DEVICE.search(line)]
    if denied:
        yield SELINUX_DENIED.found(denied[-1])
    elif not sources.has_gpu or allowed:
        yield noted(evidence)
    elif sources.engine.answered and "selinux" not in sources.engine.security_names:
        yield noted(f"{evidence}; the engine does not label its containers")
    else:
        yield NO_DEVICES.found(evidence)


def _setting(value: int | None) -> str:
    return {None: "not there", 0: "off"}.get(value, "on")


def _apparmor(sources: Sources) -> Iterator[Finding]:
    if sources.files.line(_APPARMOR) != "Y":
        yield fine("there is no AppArmor")
        return
    lines = sources.log.having('apparmor="denied"')
    denied = [line for line in lines if _DEVICE.search(line)]
    if denied:
        found = _PROFILE.search(denied[-1])
        yield APPARMOR_DENIED.found(denied[-1], profile=found[1] if found else "unknown")
    elif sources.has_gpu and not sources.log.source:
        yield noted("AppArmor is on; the kernel's log can't be read for what it refused")
    else:
        yield fine("AppArmor is on, and refused no program a GPU")


CHECKS: Final = (
    Check(
        "lsm.selinux",
        Topic.HOST,
        f"{_ENFORCE}, {_BOOLEAN}; the kernel's log",
        (NO_DEVICES, SELINUX_DENIED),
        _selinux,
    ),
    Check(
        "lsm.apparmor",
        Topic.HOST,
        f"{_APPARMOR}; the kernel's log",
        (APPARMOR_DENIED,),
        _apparmor,
    ),
)
