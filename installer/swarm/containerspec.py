"""A container's document as that of a swarm's task; pure.

The one that `installer.app.body` makes is taken apart: every member is either put where a swarm has
it, or named in `installer.swarm.unable`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from installer.app.secretfiles import SECRETS
from installer.app.wanted import WantedVolume
from manifests.strictjson import JsonValue

_NS: Final = 1_000_000_000
_SAME: Final = {
    "Image": "Image",
    "Entrypoint": "Command",
    "Cmd": "Args",
    "Hostname": "Hostname",
    "Env": "Env",
    "WorkingDir": "Dir",
    "User": "User",
    "Tty": "TTY",
    "OpenStdin": "OpenStdin",
    "StopSignal": "StopSignal",
    "Healthcheck": "HealthCheck",
}
_SAME_OF_HOST: Final = {
    "GroupAdd": "Groups",
    "ReadonlyRootfs": "ReadOnly",
    "Init": "Init",
    "Sysctls": "Sysctls",
    "CapAdd": "CapabilityAdd",
    "CapDrop": "CapabilityDrop",
    "Ulimits": "Ulimits",
}


def container_spec(
    body: Mapping[str, Any], volumes: Mapping[str, WantedVolume]
) -> dict[str, JsonValue]:
    """Return TaskTemplate.ContainerSpec without labels and secrets.

    Args:
        body: of a container.
        volumes: of the app, by their names in the engine.
    """
    host = body.get("HostConfig") or {}
    found: dict[str, JsonValue] = {
        theirs: body[ours] for ours, theirs in _SAME.items() if ours in body
    }
    found |= {theirs: host[ours] for ours, theirs in _SAME_OF_HOST.items() if ours in host}
    if "StopTimeout" in body:
        found["StopGracePeriod"] = int(body["StopTimeout"]) * _NS
    if hosts := [_host(str(one)) for one in host.get("ExtraHosts") or ()]:
        found["Hosts"] = [*hosts]
    if resolver := _resolver(host):
        found["DNSConfig"] = resolver
    if mounts := _mounts(host, volumes):
        found["Mounts"] = mounts
    return found


def resources(host: Mapping[str, Any]) -> tuple[dict[str, JsonValue], dict[str, JsonValue]]:
    """Return limits and reservations of a HostConfig."""
    limits: dict[str, JsonValue] = {
        "NanoCPUs": host.get("NanoCpus"),
        "MemoryBytes": host.get("Memory"),
        "Pids": host.get("PidsLimit"),
    }
    reserved: dict[str, JsonValue] = {"MemoryBytes": host.get("MemoryReservation")}
    return _told(limits), _told(reserved)


def log_driver(host: Mapping[str, Any]) -> dict[str, JsonValue]:
    """Return the part of the task's document that says where its output goes."""
    config = host.get("LogConfig")
    if not config:
        return {}
    return {
        "LogDriver": {
            "Name": config.get("Type") or "json-file",
            "Options": config.get("Config") or {},
        }
    }


def _told(parts: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {name: value for name, value in parts.items() if value}


def _host(text: str) -> str:
    """Return `name:address` as /etc/hosts has it."""
    name, _, address = text.partition(":")
    return f"{address} {name}"


def _resolver(host: Mapping[str, Any]) -> dict[str, JsonValue]:
    return _told(
        {
            "Nameservers": host.get("Dns"),
            "Search": host.get("DnsSearch"),
            "Options": host.get("DnsOptions"),
        }
    )


def _mounts(host: Mapping[str, Any], volumes: Mapping[str, WantedVolume]) -> list[JsonValue]:
    found: list[JsonValue] = [
        _mount(one, volumes) for one in host.get("Mounts") or () if not is_secret(one)
    ]
    found += (_bound(str(one), volumes) for one in host.get("Binds") or ())
    found += (_memory(str(to), str(words)) for to, words in (host.get("Tmpfs") or {}).items())
    if size := host.get("ShmSize"):
        found.append(_memory("/dev/shm", f"size={size},mode=1777"))  # noqa: S108 - the kernel's own
    return found


def is_secret(mount: Mapping[str, Any]) -> bool:
    """Tell whether a mount is a secret's file, which the swarm hands over itself."""
    return (
        mount.get("Type") == "bind"
        and PurePosixPath(SECRETS) in PurePosixPath(str(mount.get("Target"))).parents
    )


def _mount(mount: Mapping[str, Any], volumes: Mapping[str, WantedVolume]) -> dict[str, JsonValue]:
    """Return a mount; a volume is made where the task runs, as the app has it."""
    made: dict[str, Any] = dict(mount)
    volume = volumes.get(str(mount.get("Source")))
    if mount.get("Type") != "volume" or volume is None or volume.external:
        return made
    options = dict(made.get("VolumeOptions") or {})
    options["Labels"] = volume.body.get("Labels") or {}
    driver, words = volume.body.get("Driver"), volume.body.get("DriverOpts")
    if driver != "local" or words:
        options["DriverConfig"] = {"Name": driver, "Options": words or {}}
    return {**made, "VolumeOptions": options}


def _bound(text: str, volumes: Mapping[str, WantedVolume]) -> dict[str, JsonValue]:
    """Return a bind's text as a mount, without the options that only `Binds` knows."""
    source, target, words = text.split(":", 2)
    kind = "bind" if source.startswith("/") else "volume"
    mount = {"Type": kind, "Source": source, "Target": target}
    return _mount({**mount, "ReadOnly": "ro" in words.split(",")}, volumes)


def _memory(target: str, words: str) -> dict[str, JsonValue]:
    given = dict(one.partition("=")[::2] for one in words.split(","))
    options: dict[str, JsonValue] = {}
    if (size := given.get("size", "")).isdecimal():
        options["SizeBytes"] = int(size)
    if (mode := given.get("mode", "")).isdecimal():
        options["Mode"] = int(mode, 8)
    made: dict[str, JsonValue] = {"Type": "tmpfs", "Target": target, "ReadOnly": "ro" in given}
    return {**made, "TmpfsOptions": options} if options else made


def volumes_by_name(volumes: Sequence[WantedVolume]) -> dict[str, WantedVolume]:
    """Return volumes by their names in the engine."""
    return {one.name: one for one in volumes}
