"""One instance of a service as the engine's own document; pure. Puts together what others make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from installer.app.environment import Sources, environment
from installer.app.gpus import gpu_settings, gpu_variables
from installer.app.limits import host_limits
from installer.app.mounts import Mounted, mounted
from installer.app.order import borrowed
from installer.app.ports import Opened
from installer.app.probes import healthcheck
from installer.trials.ways import Way
from manifests.digest import Digest
from manifests.service import Naming, Service
from manifests.strictjson import JsonValue


@dataclass(frozen=True, slots=True)
class Ground:
    """What the containers of one app have in common.

    Attributes:
        sources: where values come from.
        volumes: names in the engine, by their keys.
        files: folder with what the bundle carries.
        way: how a container comes to GPUs; `none` leaves them out.
    """

    sources: Sources
    volumes: Mapping[str, str]
    files: Path
    way: Way


@dataclass(frozen=True, slots=True)
class Body:
    """A document, and what of it is needed besides.

    Attributes:
        document: of `POST /containers/create`, without labels and networks.
        mounts: that it holds.
    """

    document: dict[str, JsonValue]
    mounts: Mounted


def container_body(service: Service, image: Digest, opened: Opened, ground: Ground) -> Body:
    """Return the document of an instance.

    Raises:
        NotInstallableHere: `app-mount`.
    """
    sources = ground.sources
    gpus = service.gpus if ground.way is not Way.NONE else None
    more = gpu_variables(gpus, ground.way) if gpus else {}
    seen = mounted(service, sources, ground.volumes, ground.files)
    document: dict[str, JsonValue] = {
        "Image": str(image),
        "Env": environment(service, sources, more),
        "ExposedPorts": opened.exposed,
        **_process(service, sources),
        **_naming(service.naming or Naming()),
        **healthcheck(service, sources.filling),
        "HostConfig": {
            "PortBindings": opened.bindings,
            "RestartPolicy": _restart(service),
            **_network_mode(service),
            **_resolving(service.naming or Naming()),
            **_runtime(service, sources),
            **host_limits(service, sources.filling),
            **seen.host_settings(),
            **(gpu_settings(gpus, ground.way) if gpus else {}),
        },
    }
    return Body(document, seen)


def _process(service: Service, sources: Sources) -> dict[str, JsonValue]:
    """Return what runs: a part that the app leaves open is the image's."""
    fill = sources.filling.text
    parts: dict[str, JsonValue] = {
        "WorkingDir": fill(service.working_dir),
        "User": fill(service.user),
        "Tty": service.tty,
        "OpenStdin": service.stdin_open,
        "StopSignal": service.stop_signal,
    }
    found: dict[str, JsonValue] = {name: value for name, value in parts.items() if value}
    if service.entrypoint is not None:
        found["Entrypoint"] = [fill(word) for word in service.entrypoint]
    if service.command is not None:
        found["Cmd"] = [fill(word) for word in service.command]
    if service.stop_seconds is not None:
        found["StopTimeout"] = service.stop_seconds
    return found


def _naming(naming: Naming) -> dict[str, JsonValue]:
    parts: dict[str, JsonValue] = {
        "Hostname": naming.hostname,
        "Domainname": naming.domainname,
        "MacAddress": naming.mac_address,
    }
    return {name: value for name, value in parts.items() if value}


def _resolving(naming: Naming) -> dict[str, JsonValue]:
    parts: dict[str, JsonValue] = {
        "ExtraHosts": list(naming.extra_hosts),
        "Dns": list(naming.dns),
        "DnsSearch": list(naming.dns_search),
        "DnsOptions": list(naming.dns_opt),
    }
    return {name: value for name, value in parts.items() if value}


def _network_mode(service: Service) -> dict[str, JsonValue]:
    """Return the mode, where it is neither a network of the app nor another service's."""
    mode = service.network_mode
    shared = any(member == "NetworkMode" for member, _ in borrowed(service))
    return {"NetworkMode": mode} if mode and not shared else {}


def _runtime(service: Service, sources: Sources) -> dict[str, JsonValue]:
    found: dict[str, JsonValue] = {"Runtime": service.runtime} if service.runtime else {}
    if service.annotations:
        fill = sources.filling.text
        found["Annotations"] = {one.name: fill(one.value) for one in service.annotations}
    return found


def _restart(service: Service) -> dict[str, JsonValue]:
    retries = service.restart_retries if service.restart == "on-failure" else 0
    return {"Name": service.restart, "MaximumRetryCount": retries}
