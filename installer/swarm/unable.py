"""What an app asks for and a swarm can't do; pure. All of it is in the plan.

What a service would do less of is a remark. Where it would be more open than its maker meant it to
be, it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from installer.swarm.ports import StackPorts
from manifests.errors import NotInstallableHere
from manifests.service import Service

_OF_CONTAINER: Final = {"Domainname": "domainname", "MacAddress": "mac_address"}
_OF_HOST: Final = {
    "Privileged": "privileged",
    "Devices": "devices",
    "DeviceCgroupRules": "device_cgroup_rules",
    "SecurityOpt": "security_opt",
    "IpcMode": "ipc",
    "PidMode": "pid",
    "UsernsMode": "userns_mode",
    "UTSMode": "uts",
    "CgroupnsMode": "cgroup",
    "OomScoreAdj": "oom_score_adj",
    "CpuShares": "cpu_shares",
    "CpusetCpus": "cpuset",
    "MemorySwap": "memswap_limit",
    "Runtime": "runtime",
    "Annotations": "annotations",
    "Binds": "mount options such as z",
}


def refuse_opened(service: Service) -> None:
    """Refuse a service that a swarm would let talk where it must not.

    Raises:
        NotInstallableHere: `swarm-unable`.
    """
    if service.network_mode == "none":
        raise NotInstallableHere(
            "swarm-unable",
            f"service {service.name} must have no network, and a swarm has none without",
            hint="install without --swarm",
            service=service.name,
        )


def remarks(
    service: Service, body: Mapping[str, Any], ports: StackPorts, *, everywhere: bool
) -> Iterator[str]:
    """Yield what a stack does not do of a service, for people."""
    left = list(_left(service, body))
    if left:
        yield f"service {service.name}: a stack has no {', '.join(left)}"
    for one in ports.closed:
        yield (
            f"service {service.name}: port {one} stays closed: a stack can't open one for a"
            " single address"
        )
    if service.instances > 1 and any("-" in one.host for one in service.ports):
        yield f"service {service.name}: its instances share one port, the first of each range"
    if any(one.condition != "started" for one in service.dependencies):
        yield (
            f"service {service.name}: waits for what it depends on while it is installed and"
            " started, not when the swarm starts it again"
        )
    if everywhere and _is_at_home(service):
        yield (
            f"service {service.name}: files and folders of this host that it mounts must be on"
            " every node"
        )


def _left(service: Service, body: Mapping[str, Any]) -> Iterator[str]:
    host = body.get("HostConfig") or {}
    yield from (word for name, word in _OF_CONTAINER.items() if body.get(name))
    yield from (word for name, word in _OF_HOST.items() if host.get(name) not in (None, "", [], {}))
    if service.container_name:
        yield "container_name"
    if service.network_mode not in ("", "host", "bridge"):
        yield f"network_mode {service.network_mode}"
    if any(one.ipv4 or one.ipv6 for one in service.networks):
        yield "fixed addresses"


def _is_at_home(service: Service) -> bool:
    return any(one.kind in ("host", "carried") for one in service.mounts)
