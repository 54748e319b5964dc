"""The health checks of Marathon's apps and pods.

Source: Marathon 1.11 REST API types (healthCheck).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final, Literal

from bundler.discover.marathon.fields import Item
from bundler.discover.marathon.parts import MAX_PORT
from manifests.workload import MAX_COUNT, HealthCheck

_TIMES: Final = {
    "grace_seconds": "gracePeriodSeconds",
    "delay_seconds": "delaySeconds",
    "interval_seconds": "intervalSeconds",
    "timeout_seconds": "timeoutSeconds",
    "failures": "maxConsecutiveFailures",
}


def health_checks(app: Item) -> Iterator[HealthCheck]:
    """Yield the health checks of an app."""
    for item in app.items("healthChecks"):
        written = item.text("protocol", default="HTTP").upper()
        protocol = _check_protocol(item, written.removeprefix("MESOS_"))
        if protocol is None:
            continue
        yield _timed(
            item,
            HealthCheck(
                protocol=protocol,
                inside=written.startswith("MESOS_") or protocol == "COMMAND",
                path=item.text("path", default="/") if protocol.startswith("HTTP") else "",
                port=item.count("port", maximum=MAX_PORT),
                index=_index(item, protocol),
                shell=item.script("command", "value"),
            ),
        )


def endpoint_check(container: Item) -> Iterator[HealthCheck]:
    """Yield the health check of a pod's container."""
    item = container.child("healthCheck")
    if item is None:
        return
    for key in ("http", "tcp", "exec"):
        check = item.child(key)
        if check is not None:
            yield _timed(item, _endpoint_check(key, check))


def _check_protocol(item: Item, written: str) -> Literal["HTTP", "HTTPS", "TCP", "COMMAND"] | None:
    match written:
        case "HTTP" | "HTTPS" | "TCP" | "COMMAND":
            return written
    (item.child("protocol") or item).wrong(
        "one of HTTP, HTTPS, TCP, COMMAND, MESOS_HTTP, MESOS_HTTPS or MESOS_TCP"
    )
    return None


def _index(item: Item, protocol: str) -> int | None:
    """Return the port's index: the first where neither it nor a number is written."""
    index = item.count("portIndex")
    if index is None and protocol != "COMMAND" and not item.has("port"):
        return 0
    return index


def _endpoint_check(key: str, item: Item) -> HealthCheck:
    if key == "exec":
        return HealthCheck(
            protocol="COMMAND",
            inside=True,
            shell=item.script("command", "shell"),
            command=item.scripts("command", "argv"),
        )
    name = item.text("endpoint")
    if key == "tcp":
        return HealthCheck(protocol="TCP", inside=True, name=name)
    https = item.text("scheme").upper() == "HTTPS"
    path = item.text("path", default="/")
    return HealthCheck(protocol="HTTPS" if https else "HTTP", inside=True, path=path, name=name)


def _timed(item: Item, check: HealthCheck) -> HealthCheck:
    """Return the check with its times, where they are written."""
    times = {field: item.number(key, maximum=MAX_COUNT) for field, key in _TIMES.items()}
    written = {key: math.ceil(value) for key, value in times.items() if value is not None}
    return check.model_copy(update=written)
