"""What Marathon's apps and pods say in the same or a similar way: resources, ports, networks.

Owns how those fields become parts of a `Workload`; volumes and health checks have rooms of their
own.

Source: Marathon 1.11 REST API types (networkMode, healthCheck, volumes, docker); DC/OS 2.2
documentation, "Marathon API".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, Literal

from bundler.discover.marathon.fields import Item
from manifests.workload import (
    EngineOption,
    Network,
    PortMapping,
    Protocol,
    Upgrade,
)

MAX_PORT: Final = 65535
MAX_CPUS: Final = 1_000_000
MAX_MEMORY: Final = 2**30

_LEFT_OUT: Final = frozenset({"env", "env-file", "label", "label-file", "name"})
"""Docker parameters with values of the environment, or that the run step sets itself."""
_KNOWN_NETWORKS: Final[dict[str, Literal["host", "bridge", "container", "none"]]] = {
    "host": "host",
    "bridge": "bridge",
    "container/bridge": "bridge",
    "container": "container",
    "user": "container",
    "none": "none",
}


def cpu_millis(item: Item) -> int | None:
    """Return `cpus` in thousandths of a processor."""
    cpus = item.number("cpus", maximum=MAX_CPUS)
    return None if cpus is None else math.ceil(cpus * 1000)


def memory_mib(item: Item) -> int | None:
    """Return `mem`, in whole MiB."""
    memory = item.number("mem", maximum=MAX_MEMORY)
    return None if memory is None else math.ceil(memory)


def upgrade(item: Item | None) -> Upgrade | None:
    """Return an `upgradeStrategy`, or the `upgrade` of a pod."""
    if item is None:
        return None
    return Upgrade(
        minimum_health_percent=_percent(item, "minimumHealthCapacity"),
        maximum_over_percent=_percent(item, "maximumOverCapacity"),
    )


def networks(item: Item) -> tuple[Network, ...]:
    """Return `networks`, or what older apps say in `container.docker.network`."""
    found = [_network(one, one.text("mode", default="container")) for one in item.items("networks")]
    container = item.child("container")
    docker = container.child("docker") if container is not None else None
    older = docker.child("network") if docker is not None else None
    if not found and older is not None:
        found.append(_network(older, older.as_text()))
    return tuple(one for one in found if one is not None)


def ports(items: Iterator[Item], unwritten: int | None) -> Iterator[PortMapping]:
    """Yield port mappings of a container.

    Args:
        items: as they are written.
        unwritten: port of the host where none is written; None where it then offers none.
    """
    for item in items:
        host = item.count("hostPort", maximum=MAX_PORT)
        yield PortMapping(
            container=item.count("containerPort", maximum=MAX_PORT) or 0,
            host=unwritten if host is None else host,
            service=item.count("servicePort", maximum=MAX_PORT) or 0,
            protocols=_protocols(item, item.text("protocol", default="tcp").split(",")),
            name=item.text("name"),
        )


def host_ports(app: Item) -> Iterator[PortMapping]:
    """Yield the ports of an app in the host's network: `portDefinitions`, or older `ports`.

    Their numbers are those of the load balancer, unless the app says `requirePorts`.
    """
    required = app.truth("requirePorts")
    for item in app.items("portDefinitions"):
        port = item.count("port", maximum=MAX_PORT) or 0
        protocols = _protocols(item, item.text("protocol", default="tcp").split(","))
        yield _host_port(port, item.text("name"), protocols, required=required)
    for item in app.items("ports") if not app.has("portDefinitions") else ():
        number = item.node.value
        if type(number) is int and 0 <= number <= MAX_PORT:
            yield _host_port(number, "", ("tcp",), required=required)
        else:
            item.wrong(f"a port from 0 to {MAX_PORT}")


def endpoints(container: Item) -> Iterator[PortMapping]:
    """Yield the endpoints of a pod's container."""
    for item in container.items("endpoints"):
        yield PortMapping(
            container=item.count("containerPort", maximum=MAX_PORT) or 0,
            host=item.count("hostPort", maximum=MAX_PORT),
            protocols=_protocols(item, item.lines("protocol") or ("tcp",)),
            name=item.text("name"),
        )


def engine_options(docker: Item) -> Iterator[EngineOption]:
    """Yield the parameters for the engine; those of the environment stay on the host."""
    for item in docker.items("parameters"):
        key = item.text("key").lstrip("-")
        if key and key not in _LEFT_OUT:
            yield EngineOption(key=key, value=item.script("value"))
    if docker.truth("privileged"):
        yield EngineOption(key="privileged", value="true")


def environment(item: Item) -> tuple[str, ...]:
    """Return the names of the variables that it is given, sorted."""
    variables = item.child("env") or item.child("environment")
    return _names(variables)


def secrets(item: Item) -> tuple[str, ...]:
    """Return the names of the secrets that it is given, sorted: those of the store."""
    found = item.child("secrets")
    names = (
        one.text("source", default=key) if one.has("source") else key
        for key, one in (found.members() if found is not None else ())
    )
    return tuple(sorted({name for name in names if _is_name(name)}))


def _host_port(
    port: int, name: str, protocols: tuple[Protocol, ...], *, required: bool
) -> PortMapping:
    if required:
        return PortMapping(container=port, host=port, protocols=protocols, name=name)
    return PortMapping(host=0, service=port, protocols=protocols, name=name)


def _names(item: Item | None) -> tuple[str, ...]:
    members = item.members() if item is not None else ()
    return tuple(sorted(key for key, _ in members if _is_name(key)))


def _is_name(text: str) -> bool:
    return 0 < len(text) <= 1024 and text.isprintable()


def _percent(item: Item, key: str) -> int:
    share = item.number(key, maximum=1)
    return 100 if share is None else round(share * 100)


def _network(item: Item, mode: str) -> Network | None:
    known = _KNOWN_NETWORKS.get(mode.lower())
    if known is None:
        item.wrong(f"one of the network modes {', '.join(_KNOWN_NETWORKS)}")
        return None
    name = item.text("name") if item.has("name") else ""
    return Network(mode=known, name=name)


def _protocols(item: Item, written: tuple[str, ...] | list[str]) -> tuple[Protocol, ...]:
    found: list[Protocol] = []
    for one in written:
        match one.strip().lower():
            case "tcp":
                found.append("tcp")
            case "udp":
                found.append("udp")
            case _:
                (item.child("protocol") or item).wrong("tcp, udp or udp,tcp")
    return tuple(sorted(set(found))) or ("tcp",)
