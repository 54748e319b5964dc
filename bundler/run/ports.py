"""The ports of a service that the host offers: `ports`; and `expose`, which says nothing new.

Source: Compose specification, "ports", "expose"; Docker's port specifications for ranges.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from bundler.discover.compose.service import Service
from bundler.discover.compose.tree import Value
from bundler.discover.compose.unexpected import Unexpected
from bundler.run.scalars import items, whole
from bundler.run.scene import Scene, check_keys, entry
from manifests.interpolation import escaped
from manifests.service import Protocol, PublishedPort

MAX_RANGE: Final = 1024
"""Ports of one entry."""
_KEYS: Final = MappingProxyType(
    dict.fromkeys(("target", "published", "host_ip", "protocol", "mode", "name", "app_protocol"))
)
_RANGE: Final = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", re.ASCII)
_FORM: Final = "[[ADDRESS:]PORT:]CONTAINER[/PROTOCOL]"


def port_fields(scene: Scene, service: Service) -> dict[str, object]:
    """Return the ports that are published.

    Raises:
        Unexpected, Refused: one can't be read.
    """
    for value in items(service.value.at("expose")):
        port, _, protocol = value.text.partition("/")
        _range(value, port)
        _protocol(value, protocol)
    found: dict[PublishedPort, None] = {}
    for value in items(service.value.at("ports")):
        long = isinstance(value.content, Mapping)
        found.update(dict.fromkeys(_long(scene, value, service) if long else _short(scene, value)))
    return {"ports": tuple(found)}


def _short(scene: Scene, value: Value) -> Iterator[PublishedPort]:
    parts = scene.parts(value, ":")
    last, *others = reversed(parts)
    host = others[0] if others else _empty(value)
    address = _joined(value, list(reversed(others[1:])))
    container, slash, protocol = scene.fixed(last, "a port").partition("/")
    if slash and not protocol:
        raise Unexpected(value, _FORM)
    target = replace(last, content=container, written=container)
    yield from _published(scene, target, host, address, _protocol(value, protocol))


def _long(scene: Scene, value: Value, service: Service) -> Iterator[PublishedPort]:
    check_keys(scene, value, f"a port of {service.by}", _KEYS)
    target, published = entry(value, "target"), entry(value, "published")
    address, protocol = entry(value, "host_ip"), entry(value, "protocol")
    if target is None:
        raise Unexpected(value, "`target:` with a port of the container")
    whole(target, "a port", 1, 65535)
    kind = _protocol(value, scene.fixed(protocol, "a protocol") if protocol is not None else "")
    empty = _empty(value)
    yield from _published(scene, target, published or empty, address or empty, kind)


def _published(
    scene: Scene, target: Value, host: Value, address: Value, protocol: Protocol
) -> Iterator[PublishedPort]:
    """Yield the ports of one entry: two ranges go side by side."""
    at = _address(scene, address)
    inner, outer = _range(target, target.text), host.text
    if len(inner) == 1:
        if outer:
            _range(host, outer)
        template = scene.template(host, "a port") if host.written else ""
        yield PublishedPort(container=inner[0], protocol=protocol, host=template, address=at)
        return
    scene.notes.spend(target.place, len(inner))
    ports = _range(host, outer) if outer else range(0)
    if outer and len(ports) != len(inner):
        raise Unexpected(host, f"as many ports of the host as of the container, {len(inner)}")
    if "$" in host.written:
        scene.notes.remark(host.place, "a range of ports is filled in at build")
    for number, container in enumerate(inner):
        port = str(ports[number]) if outer else ""
        yield PublishedPort(container=container, protocol=protocol, host=port, address=at)


def _address(scene: Scene, value: Value) -> str:
    text = scene.template(value, "an address") if value.written else ""
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


def _range(value: Value, text: str) -> range:
    match = _RANGE.fullmatch(text)
    first = int(match[1]) if match else 0
    last = int(match[2]) if match and match[2] else first
    if match is None or not 0 <= first <= last <= 65535:
        raise Unexpected(value, "a port or a range of ports such as 8000-8010")
    if last - first >= MAX_RANGE:
        raise Unexpected(value, f"at most {MAX_RANGE} ports")
    return range(first, last + 1)


def _protocol(value: Value, text: str) -> Protocol:
    match text.lower():
        case "" | "tcp":
            return "tcp"
        case "udp":
            return "udp"
        case "sctp":
            return "sctp"
    raise Unexpected(value, "a port with the protocol tcp, udp or sctp")


def _empty(value: Value) -> Value:
    return replace(value, content="", written="", unset=(), known=True)


def _joined(value: Value, parts: list[Value]) -> Value:
    if not parts:
        return _empty(value)
    text = ":".join(one.text for one in parts)
    written = ":".join(one.written or escaped(one.text) for one in parts)
    return replace(value, content=text, written=written)
