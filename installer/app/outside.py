"""Asks a service from outside whether it serves: a connection, or an answer over HTTP.

Owns what Marathon's `HTTP`, `HTTPS` and `TCP` mean. Asked is the address that the engine tells, on
this host; nothing here leaves it. Certificates are not checked, as Marathon does not.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from installer.engines.containerfacts import ContainerFacts, OpenPort
from manifests.safetext import safe_line
from manifests.workload import HealthCheck

_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})\b")
_ANSWER_BYTES: Final = 4096
_LOOPBACK: Final = "127.0.0.1"
_ANY: Final = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not bound to


@dataclass(frozen=True, slots=True)
class Door:
    """Where a check asks.

    Attributes:
        host, port: address.
    """

    host: str
    port: int


def door(check: HealthCheck, ports: Sequence[int], found: ContainerFacts) -> Door | None:
    """Return where to ask; None while the engine tells of no address.

    Args:
        check: what to ask.
        ports: the service's own, in the order that checks count them.
        found: the container.
    """
    port = _port(check, ports, found)
    if port is None:
        return None
    if found.modes.get("NetworkMode") == "host":
        return Door(_LOOPBACK, port)
    address = next(filter(None, found.networks.values()), "")
    if address:
        return Door(address, port)
    published = next((one for one in found.ports if one.container == port), None)
    return _published(published) if published else None


def ask(check: HealthCheck, at: Door) -> str:
    """Ask once; return why it is not well, nothing when it is."""
    try:
        with socket.create_connection((at.host, at.port), max(1, check.timeout_seconds)) as plain:
            return "" if check.protocol == "TCP" else _over_http(check, at, plain)
    except OSError as error:
        return f"{check.protocol} {at.host}:{at.port}: {error.strerror or error}"


def _over_http(check: HealthCheck, at: Door, plain: socket.socket) -> str:
    path = check.path if check.path.startswith("/") else f"/{check.path}"
    if check.protocol == "HTTPS":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        with context.wrap_socket(plain, server_hostname=at.host) as wrapped:
            status = _status(wrapped, path, at)
    else:
        status = _status(plain, path, at)
    if status is not None and 200 <= status < 400:
        return ""
    found = "no status" if status is None else str(status)
    where = f"{check.protocol} {at.host}:{at.port}{path}"
    return safe_line(f"{where}: expected a status of 200 to 399, found {found}", limit=300)


def _status(connection: socket.socket, path: str, at: Door) -> int | None:
    request = f"GET {path} HTTP/1.0\r\nHost: {at.host}\r\nUser-Agent: moonlift\r\n\r\n"
    connection.sendall(request.encode("ascii", "replace"))
    answer = b""
    while len(answer) < _ANSWER_BYTES and b"\n" not in answer:
        part = connection.recv(_ANSWER_BYTES)
        if not part:
            break
        answer += part
    status = _STATUS.match(answer)
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    return int(status[1]) if status else None


def _port(check: HealthCheck, ports: Sequence[int], found: ContainerFacts) -> int | None:
    if check.port is None:
        index = check.index or 0
        return ports[index] if index < len(ports) else None
    published = next((one for one in found.ports if one.number == check.port), None)
    if check.port not in ports and published is not None:
        return published.container
    return check.port


def _published(port: OpenPort) -> Door:
    return Door(_LOOPBACK if port.address in _ANY else port.address, port.number)
