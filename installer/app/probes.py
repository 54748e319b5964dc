"""How a service's health is told: by the engine within the container, or from outside; pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable

from installer.app.filling import Filling
from manifests.service import Probe, Service
from manifests.strictjson import JsonValue
from manifests.workload import HealthCheck

_MS = 1_000_000
_S = 1000 * _MS


def healthcheck(service: Service, filling: Filling) -> dict[str, JsonValue]:
    """Return the part of the container's document with its `Healthcheck`; empty for the image's.

    Marathon's checks by command run within the container, so the engine makes them.
    """
    if service.probe is not None:
        return {"Healthcheck": _probe(service.probe, filling)}
    commands = [one for one in service.health_checks if one.protocol == "COMMAND"]
    return {"Healthcheck": _commands(commands)} if commands else {}


def outside(service: Service) -> tuple[HealthCheck, ...]:
    """Return the checks that are asked from outside."""
    return tuple(one for one in service.health_checks if one.protocol != "COMMAND")


def _probe(probe: Probe, filling: Filling) -> dict[str, JsonValue]:
    if probe.disabled:
        return {"Test": ["NONE"]}
    times = {
        "Interval": probe.interval_ms,
        "Timeout": probe.timeout_ms,
        "StartPeriod": probe.start_period_ms,
        "StartInterval": probe.start_interval_ms,
    }
    made: dict[str, JsonValue] = {name: ms * _MS for name, ms in times.items() if ms is not None}
    if probe.retries is not None:
        made["Retries"] = probe.retries
    if probe.shell:
        return {"Test": ["CMD-SHELL", filling.text(probe.shell)], **made}
    if probe.command:
        return {"Test": ["CMD", *map(filling.text, probe.command)], **made}
    return made


def _commands(checks: list[HealthCheck]) -> dict[str, JsonValue]:
    """Return one check out of several, with the most patient times of them."""
    words = [one.shell or shlex.join(one.command) for one in checks]
    line = words[0] if len(words) == 1 else " && ".join(f"( {one} )" for one in words)
    return {
        "Test": ["CMD-SHELL", line],
        "Interval": max(1, _most(one.interval_seconds for one in checks)) * _S,
        "Timeout": max(1, _most(one.timeout_seconds for one in checks)) * _S,
        "StartPeriod": _most(one.grace_seconds for one in checks) * _S,
        "Retries": max(1, _most(one.failures for one in checks)),
    }


def _most(values: Iterable[int]) -> int:
    return max(values, default=0)
