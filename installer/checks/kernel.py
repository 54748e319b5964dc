"""Is the kernel fit for containers: its age, overlays, and the engine's network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from installer.checks.drivermodule import kernel_release
from installer.checks.finding import Cause, Check, Finding, Severity, Topic, fine, noted, unknown
from installer.checks.sources import Sources

TOO_OLD: Final = Cause(
    "too-old",
    Severity.FAIL,
    "a kernel before 3.10, on which no engine runs",
    "Install a newer system: engines need Linux 3.10, and 4.18 or later to be any good.",
)
NO_OVERLAY: Final = Cause(
    "no-overlay",
    Severity.WARN,
    "the kernel has no overlay file system, neither loaded nor to be loaded",
    "modprobe overlay; if it is not there, engines copy whole images instead: install a kernel of"
    " your distribution.",
)
NO_BRIDGE: Final = Cause(
    "no-bridge",
    Severity.WARN,
    "there is no bridge docker0: containers on the default network don't start",
    "systemctl restart docker makes it again; if daemon.json says bridge: none, that is as it"
    " should be and apps need networks of their own.",
)
NO_FORWARDING: Final = Cause(
    "no-forwarding",
    Severity.WARN,
    "the kernel does not forward packets: published ports don't work",
    "sysctl -w net.ipv4.ip_forward=1, and the same in /etc/sysctl.d/90-containers.conf.",
)
_LOWEST: Final = (3, 10)
_RELEASE: Final = re.compile(r"(\d{1,3})\.(\d{1,5})")
_DEPENDENCIES_LIMIT: Final = 16 * 1024 * 1024


def _kernel(sources: Sources) -> Iterator[Finding]:
    release = kernel_release(sources.files)
    found = _RELEASE.match(release)
    if found is None:
        yield unknown("/proc/sys/kernel/osrelease does not tell")
    elif (int(found[1]), int(found[2])) < _LOWEST:
        yield TOO_OLD.found(f"Linux {release}")
    elif not _has_overlay(sources, release):
        yield NO_OVERLAY.found(f"Linux {release}, no overlay in /proc/filesystems")
    else:
        yield fine(f"Linux {release}, with overlay")


def _has_overlay(sources: Sources, release: str) -> bool:
    loaded = (sources.files.text("/proc/filesystems") or "").split()
    path = f"/lib/modules/{release}/modules.dep"
    return "overlay" in loaded or "/overlay.ko" in (
        sources.files.text(path, _DEPENDENCIES_LIMIT) or ""
    )


def _network(sources: Sources) -> Iterator[Finding]:
    if sources.engine.rootless:
        yield noted("a rootless engine has its network in a name space of its own")
        return
    if sources.files.exists("/sys/class/net/docker0"):
        yield fine("docker0 is there")
    else:
        yield NO_BRIDGE.found("no /sys/class/net/docker0")
    if sources.engine.forwarding is False:
        yield NO_FORWARDING.found("IPv4Forwarding: false")


CHECKS: Final = (
    Check(
        "sys.kernel",
        Topic.HOST,
        "/proc/sys/kernel/osrelease, /proc/filesystems, /lib/modules/*/modules.dep",
        (TOO_OLD, NO_OVERLAY),
        _kernel,
    ),
    Check(
        "sys.network",
        Topic.ENGINE,
        "/sys/class/net/docker0; IPv4Forwarding of the engine",
        (NO_BRIDGE, NO_FORWARDING),
        _network,
    ),
)
