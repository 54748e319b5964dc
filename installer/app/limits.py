"""What an instance may use and do, in the engine's terms; pure."""

from __future__ import annotations

from collections.abc import Iterable

from installer.app.filling import Filling
from manifests.confinement import Limits, Logging, Privileges
from manifests.service import SERVICE_MODE, Service
from manifests.serviceinputs import Setting
from manifests.strictjson import JsonValue


def host_limits(service: Service, filling: Filling) -> dict[str, JsonValue]:
    """Return the parts of HostConfig that hold a container, or let it."""
    parts: dict[str, JsonValue] = {}
    if service.limits is not None:
        parts |= _limits(service.limits)
    if service.privileges is not None:
        parts |= _privileges(service.privileges, filling)
    if service.logging is not None:
        parts |= _logging(service.logging, filling)
    if service.init is not None:
        parts["Init"] = service.init
    return parts


def _limits(limits: Limits) -> dict[str, JsonValue]:
    parts: dict[str, JsonValue] = {
        "NanoCpus": limits.nano_cpus,
        "CpuShares": limits.cpu_shares,
        "CpusetCpus": limits.cpuset,
        "Memory": limits.memory,
        "MemoryReservation": limits.memory_reservation,
        "MemorySwap": limits.memory_swap,
        "ShmSize": limits.shm_size,
        "PidsLimit": limits.pids,
    }
    return {name: value for name, value in parts.items() if value}


def _privileges(may: Privileges, filling: Filling) -> dict[str, JsonValue]:
    parts: dict[str, JsonValue] = {
        "Privileged": may.privileged,
        "ReadonlyRootfs": may.read_only,
        "CapAdd": list(may.cap_add),
        "CapDrop": list(may.cap_drop),
        "SecurityOpt": list(may.security_opt),
        "Devices": [_device(text) for text in may.devices],
        "DeviceCgroupRules": list(may.device_cgroup_rules),
        "GroupAdd": list(may.group_add),
        "IpcMode": "" if may.ipc.startswith(SERVICE_MODE) else may.ipc,
        "PidMode": "" if may.pid.startswith(SERVICE_MODE) else may.pid,
        "UsernsMode": may.userns,
        "UTSMode": may.uts,
        "CgroupnsMode": may.cgroupns,
        "Sysctls": _pairs(may.sysctls, filling),
        "Ulimits": [{"Name": one.name, "Soft": one.soft, "Hard": one.hard} for one in may.ulimits],
    }
    found: dict[str, JsonValue] = {name: value for name, value in parts.items() if value}
    if may.oom_score_adj is not None:
        found["OomScoreAdj"] = may.oom_score_adj
    return found


def _device(text: str) -> dict[str, JsonValue]:
    parts = text.split(":")
    inside = parts[1] if len(parts) > 1 else parts[0]
    allowed = parts[2] if len(parts) > 2 else "rwm"
    return {"PathOnHost": parts[0], "PathInContainer": inside, "CgroupPermissions": allowed}


def _logging(logging: Logging, filling: Filling) -> dict[str, JsonValue]:
    config: dict[str, JsonValue] = {"Config": _pairs(logging.options, filling)}
    return {"LogConfig": {**({"Type": logging.driver} if logging.driver else {}), **config}}


def _pairs(settings: Iterable[Setting], filling: Filling) -> dict[str, JsonValue]:
    return {one.name: filling.text(one.value) for one in settings}
