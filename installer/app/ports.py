"""Ports that the host offers for an instance of a service, in the engine's terms; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from installer.app.filling import Filling
from installer.app.wanted import HostPort
from manifests.errors import NotInstallableHere
from manifests.service import PublishedPort, Service
from manifests.strictjson import JsonValue


@dataclass(frozen=True, slots=True)
class Opened:
    """The ports of one instance.

    Attributes:
        exposed: the container's `ExposedPorts`.
        bindings: HostConfig.PortBindings.
        fixed: ports of the host that it asks for by number.
        doors: ports within the container, each once, in the order given.
    """

    exposed: dict[str, JsonValue]
    bindings: dict[str, JsonValue]
    fixed: tuple[HostPort, ...]
    doors: tuple[int, ...]


def opened(service: Service, number: int, filling: Filling) -> Opened:
    """Return the ports of instance `number`, counted from 1.

    Raises:
        NotInstallableHere: `app-ports`: no number, or fewer ports than instances.
    """
    exposed: dict[str, JsonValue] = {}
    bindings: dict[str, list[JsonValue]] = {}
    fixed: list[HostPort] = []
    doors: dict[int, None] = {}
    for port in service.ports:
        host, address = _number(service, port, number, filling), filling.text(port.address)
        inside = f"{port.container or host}/{port.protocol}"
        exposed[inside] = {}
        doors[port.container or host] = None
        bound: JsonValue = {"HostIp": address, "HostPort": str(host) if host else ""}
        bindings.setdefault(inside, []).append(bound)
        if host:
            fixed.append(HostPort(host, port.protocol, address))
    bound_ports: dict[str, JsonValue] = {key: list(value) for key, value in bindings.items()}
    return Opened(exposed, bound_ports, tuple(fixed), tuple(doors))


def _number(service: Service, port: PublishedPort, instance: int, filling: Filling) -> int:
    """Return the host's port for an instance; 0 for any that is free."""
    text = filling.text(port.host).strip()
    if not text or text == "0":
        return 0
    offered = list(_range(text))
    if not offered or not 0 < offered[0] <= offered[-1] < 65536:
        raise _refused(service, f"expected a port or a range of ports, found {text!r}")
    if instance > len(offered):
        raise _refused(
            service,
            f"{service.instances} instances want port {port.container}/{port.protocol} on"
            f" {len(offered)} port of this host: {text}",
        )
    return offered[instance - 1]


def _range(text: str) -> Iterator[int]:
    first, dash, last = text.partition("-")
    plain = all(one.isascii() and one.isdecimal() and len(one) < 6 for one in (first, last or "0"))
    if plain and not (dash and not last):
        yield from range(int(first), int(last or first) + 1)


def _refused(service: Service, what: str) -> NotInstallableHere:
    return NotInstallableHere(
        "app-ports",
        f"service {service.name}: {what}",
        hint="set the variable that the port is made of in the host's settings for the app, or ask"
        " the app's maker for a range of ports or fewer instances",
        service=service.name,
    )
