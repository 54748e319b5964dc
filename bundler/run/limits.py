"""What a service may use, and what its processes may do.

Source: Compose specification, "cpus", "mem_limit", "pids_limit" and their like; Compose Deploy
Specification, "resources"; "cap_add", "security_opt", "devices", "sysctls", "ulimits" and so on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from bundler.discover.compose.gpu import is_gpu_device
from bundler.discover.compose.service import Service
from bundler.discover.compose.tree import Value
from bundler.discover.compose.unexpected import Unexpected
from bundler.run.commands import pairs, settings
from bundler.run.scalars import decimal, items, size, truth, whole
from bundler.run.scene import Scene, check_keys, entry
from manifests.confinement import Limits, Privileges, Ulimit

_PERIOD: Final = 100_000
_MODES: Final = MappingProxyType(
    {"ipc": "ipc", "pid": "pid", "userns": "userns_mode", "uts": "uts", "cgroupns": "cgroup"}
)
_LISTS: Final = ("cap_add", "cap_drop", "security_opt", "device_cgroup_rules", "group_add")
_DEVICE_KEYS: Final = MappingProxyType(dict.fromkeys(("source", "target", "permissions")))


def limit_fields(scene: Scene, service: Service) -> dict[str, object]:
    """Return what a service may use at most.

    Raises:
        Unexpected, Refused: it can't be read.
    """
    value = service.value
    found: dict[str, object] = {
        "nano_cpus": _cpus(value),
        "memory": _one(value, size, "mem_limit", ("deploy", "resources", "limits", "memory")),
        "memory_reservation": _one(
            value, size, "mem_reservation", ("deploy", "resources", "reservations", "memory")
        ),
        "memory_swap": _one(value, _swap, "memswap_limit"),
        "shm_size": _one(value, size, "shm_size"),
        "pids": _one(value, _pids, "pids_limit", ("deploy", "resources", "limits", "pids")),
        "cpu_shares": _one(value, _shares, "cpu_shares"),
    }
    cpuset = entry(value, "cpuset")
    if cpuset is not None:
        found["cpuset"] = scene.fixed(cpuset, "processors such as 0-3")
    found = {key: one for key, one in found.items() if one}
    return {"limits": Limits.model_validate(found)} if found else {}


def _one(
    value: Value, read: Callable[[Value], int], key: str, deployed: tuple[str, ...] = ()
) -> int:
    """Return a number that may stand at two places; what `deploy` says counts."""
    plain = entry(value, key)
    other = entry(value, *deployed) if deployed else None
    if plain is not None and other is not None and read(plain) != read(other):
        raise Unexpected(plain, f"the same in `{key}` and in `{'.'.join(deployed)}`")
    chosen = other or plain
    return read(chosen) if chosen is not None else 0


def _cpus(value: Value) -> int:
    found = _one(value, _nano, "cpus", ("deploy", "resources", "limits", "cpus"))
    quota, period = entry(value, "cpu_quota"), entry(value, "cpu_period")
    if found or quota is None:
        return found
    length = _micros(period) if period is not None else _PERIOD
    return _micros(quota) * 10**9 // (length or _PERIOD)


def _nano(value: Value) -> int:
    return round(decimal(value, "a number of processors such as 0.5") * 10**9)


def _micros(value: Value) -> int:
    if value.text.isascii() and value.text.isdecimal():
        return whole(value, "microseconds", 0, 10**9)
    text = value.text
    match = re.fullmatch(r"([0-9]{1,9})(us|ms|s)", text, re.ASCII)
    if match is None:
        raise Unexpected(value, "microseconds")
    return int(match[1]) * {"us": 1, "ms": 1000, "s": 10**6}[match[2]]


def _swap(value: Value) -> int:
    return -1 if value.text == "-1" else size(value)


def _pids(value: Value) -> int:
    return whole(value, "a number of processes", -1, 2**22)


def _shares(value: Value) -> int:
    return whole(value, "a weight", 0, 2**18)


def privilege_fields(scene: Scene, service: Service) -> dict[str, object]:
    """Return what a service's processes may do.

    Raises:
        Unexpected, Refused: it can't be read.
    """
    value = service.value
    found: dict[str, object] = {}
    for key in ("privileged", "read_only"):
        flag = entry(value, key)
        found.update({key: True} if flag is not None and truth(flag) else {})
    for key in _LISTS:
        listed = items(value.at(key))
        found[key] = tuple(scene.fixed(one, "text") for one in listed)
    for name, key in _MODES.items():
        mode = entry(value, key)
        found.update({name: scene.fixed(mode, "a mode")} if mode is not None else {})
    found["devices"] = tuple(_devices(scene, service))
    found["sysctls"] = settings(pairs(scene, entry(value, "sysctls")))
    found["ulimits"] = tuple(_ulimits(value))
    score = entry(value, "oom_score_adj")
    if score is not None:
        found["oom_score_adj"] = whole(score, "a score", -1000, 1000)
    found = {key: one for key, one in found.items() if one not in ((), "", None)}
    return {"privileges": Privileges.model_validate(found)} if found else {}


def _devices(scene: Scene, service: Service) -> Iterator[str]:
    """Yield the host's devices; GPUs are asked for apart."""
    for value in items(service.value.at("devices")):
        if is_gpu_device(value):
            continue
        if not isinstance(value.content, Mapping):
            text = scene.fixed(value, "HOST[:CONTAINER[:rwm]]")
            yield text if ":" in text or "=" in text else f"{text}:{text}"
            continue
        check_keys(scene, value, f"a device of {service.by}", _DEVICE_KEYS)
        source, target = entry(value, "source"), entry(value, "target")
        rights = entry(value, "permissions")
        if source is None:
            raise Unexpected(value, "`source:` with a device")
        path = scene.fixed(source, "a device")
        inner = scene.fixed(target, "a path") if target is not None else path
        yield f"{path}:{inner}" + (f":{rights.text}" if rights is not None else "")


def _ulimits(value: Value) -> Iterator[Ulimit]:
    limits = entry(value, "ulimits")
    for name, one in limits.entries if limits is not None else ():
        soft = entry(one, "soft") if isinstance(one.content, Mapping) else one
        hard = entry(one, "hard") if isinstance(one.content, Mapping) else one
        if soft is None or hard is None:
            raise Unexpected(one, "a number, or `soft:` and `hard:`")
        yield Ulimit(name=name, soft=_ulimit(soft), hard=_ulimit(hard))


def _ulimit(value: Value) -> int:
    return whole(value, "a limit", -1, 2**62)
