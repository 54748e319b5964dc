"""Parts of a Marathon workload as those of a service: commands, variables, checks, limits.

Source: Marathon 1.11 REST API types; DC/OS 2.2 documentation, "Task environment variables".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from bundler.discover.marathon.facts import Detail
from manifests.confinement import Limits
from manifests.interpolation import escaped
from manifests.service import Probe
from manifests.serviceinputs import EnvironmentValue
from manifests.workload import HealthCheck, PortMapping, Workload

MAX_SEARCHED: Final = 64 * 1024
_PORT_USE: Final = re.compile(r"\$\{?PORT([0-9]{1,3})\b")


def is_mapped(workload: Workload) -> bool:
    """Tell whether its ports are its own, so that the host's are mapped to them."""
    return not {one.mode for one in workload.networks} & {"host", "none"} and bool(
        workload.networks
    )


def command_of(workload: Workload) -> dict[str, object]:
    """Return what is run: a shell's line, a program, or arguments for the image's own."""
    if workload.shell:
        return {"entrypoint": ("/bin/sh",), "command": ("-c", escaped(workload.shell))}
    if workload.command:
        first, *others = map(escaped, workload.command)
        return {"entrypoint": (first,), "command": tuple(others) or None}
    return {"command": tuple(map(escaped, workload.args))} if workload.args else {}


def environment_of(workload: Workload, detail: Detail) -> Iterator[EnvironmentValue]:
    """Yield the variables of the document, after those that Marathon itself would set."""
    own = {"MARATHON_APP_ID": workload.id}
    for number, port in enumerate(workload.ports):
        chosen = _host_number(port, workload)
        if chosen:
            own[f"PORT{number}"] = str(chosen)
            own.update({f"PORT_{port.name.upper()}": str(chosen)} if port.name else {})
    own |= {"PORT": own["PORT0"]} if "PORT0" in own else {}
    for name, value in {**own, **dict(detail.environment)}.items():
        yield EnvironmentValue(name=name, value=escaped(value))


def unknown_ports(workload: Workload) -> tuple[str, ...]:
    """Return the variables of a command that Marathon would set to ports it chooses."""
    known = {
        f"PORT{number}"
        for number, port in enumerate(workload.ports)
        if _host_number(port, workload)
    }
    text = " ".join((workload.shell, *workload.args, *workload.command))
    asked = (f"PORT{number}" for number in _PORT_USE.findall(text[:MAX_SEARCHED]))
    return tuple(dict.fromkeys(name for name in asked if name not in known))


def _host_number(port: PortMapping, workload: Workload) -> int:
    """Return the host's port, where it is known before the start."""
    return port.host or (0 if is_mapped(workload) else port.container or port.service)


def _inner_number(check: HealthCheck, workload: Workload) -> int | None:
    """Return the port of the container that a check asks."""
    if check.port is not None:
        return check.port
    named = next((one for one in workload.ports if check.name and one.name == check.name), None)
    index = check.index if check.index is not None else 0
    if named is None and index < len(workload.ports):
        named = workload.ports[index]
    if named is None:
        return None
    return named.container or named.host or named.service or None


def outside_checks(workload: Workload) -> Iterator[HealthCheck]:
    """Yield the checks that the installer asks, with the container's port in each."""
    for check in workload.health_checks:
        if check.protocol != "COMMAND":
            port = _inner_number(check, workload)
            yield check.model_copy(update={"port": port, "index": None, "name": ""})


def probe_of(workload: Workload) -> Probe | None:
    """Return the checks that run within the container as the engine's one."""
    checks = [one for one in workload.health_checks if one.protocol == "COMMAND"]
    if not checks:
        return None
    first = checks[0]
    probe = Probe(
        interval_ms=first.interval_seconds * 1000,
        timeout_ms=first.timeout_seconds * 1000,
        start_period_ms=first.grace_seconds * 1000,
        retries=first.failures or None,
    )
    if len(checks) == 1 and first.command:
        return probe.model_copy(update={"command": tuple(map(escaped, first.command))})
    lines = [one.shell or " ".join(one.command) for one in checks]
    shell = lines[0] if len(lines) == 1 else " && ".join(f"( {line} )" for line in lines)
    return probe.model_copy(update={"shell": escaped(shell)})


def limits_of(workload: Workload) -> Limits | None:
    """Return what an instance may use; a share of a processor is a weight."""
    shares = (workload.cpu_millis or 0) * 1024 // 1000
    memory = (workload.memory_mib or 0) * 1024 * 1024
    if not shares and not memory:
        return None
    return Limits(cpu_shares=min(max(shares, 2), 2**18) if shares else 0, memory=memory)
