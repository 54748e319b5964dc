"""Ports of a service as a swarm opens them; pure.

One task on one node has its ports on that node itself, as a container has them: that needs no
routing, and the service sees its clients' addresses. Several tasks, or tasks that may be anywhere,
share the swarm's ports. An address of the host can't be told to a swarm, and what was to be open
for this host alone is never opened for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from installer.app.wanted import HostPort
from manifests.strictjson import JsonValue

HOST: Final = "host"
INGRESS: Final = "ingress"
_ANY: Final = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True, slots=True)
class StackPorts:
    """The ports of a service.

    Attributes:
        mode: `host` or `ingress`.
        opened: EndpointSpec.Ports.
        closed: those that a swarm can't open, as people write them.
        fixed: ports of this host that it asks for by number.
    """

    mode: str
    opened: tuple[JsonValue, ...]
    closed: tuple[str, ...]
    fixed: tuple[HostPort, ...]

    def reaches(self, door: int) -> bool:
        """Tell whether a port of the container can be asked on this host."""
        return self.mode == HOST and any(
            isinstance(one, Mapping) and one.get("TargetPort") == door for one in self.opened
        )


def stack_ports(bindings: Mapping[str, Sequence[Mapping[str, Any]]], *, alone: bool) -> StackPorts:
    """Return the ports that a container's `PortBindings` stand for.

    Args:
        bindings: of the first instance.
        alone: whether the service has one task, on this node.
    """
    mode = HOST if alone else INGRESS
    opened: list[JsonValue] = []
    closed: list[str] = []
    fixed: list[HostPort] = []
    for inside, offers in bindings.items():
        target, _, protocol = inside.partition("/")
        for offer in offers:
            address, number = str(offer.get("HostIp") or ""), str(offer.get("HostPort") or "0")
            if address not in _ANY:
                closed.append(f"{address}:{number}->{inside}")
                continue
            opened.append(_port(int(number), int(target), protocol, mode))
            if mode == HOST and number != "0":
                fixed.append(HostPort(int(number), protocol))
    return StackPorts(mode, tuple(opened), tuple(closed), tuple(fixed))


def _port(number: int, target: int, protocol: str, mode: str) -> JsonValue:
    published: dict[str, JsonValue] = {"PublishedPort": number} if number else {}
    return {"Protocol": protocol, "TargetPort": target, "PublishMode": mode, **published}
