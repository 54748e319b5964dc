"""Options for the engine that Marathon hands on, as on `docker run --key=value`.

Source: Docker's "docker container run"; Marathon 1.11 REST API types (dockerParameter).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from manifests.confinement import GpuNeed, Logging, Privileges
from manifests.interpolation import escaped
from manifests.service import Naming
from manifests.serviceinputs import Mount, Setting
from manifests.workload import EngineOption

_PRIVILEGES: Final = {
    "cap-add": "cap_add",
    "cap-drop": "cap_drop",
    "security-opt": "security_opt",
    "device": "devices",
    "device-cgroup-rule": "device_cgroup_rules",
    "group-add": "group_add",
}
_MODES: Final = {"ipc": "ipc", "pid": "pid", "userns": "userns", "uts": "uts"}
_NAMING: Final = {"add-host": "extra_hosts", "dns": "dns", "dns-search": "dns_search"}
_PLAIN: Final = {"user": "user", "workdir": "working_dir"}
_FIXED: Final = {"hostname": "hostname", "runtime": "runtime", "stop-signal": "stop_signal"}


def option_fields(options: Sequence[EngineOption]) -> tuple[dict[str, object], tuple[str, ...]]:
    """Return the fields of a service that options stand for, and the keys of those left out."""
    found: dict[str, object] = {}
    left: list[str] = []
    for key in dict.fromkeys(one.key for one in options):
        values = tuple(one.value for one in options if one.key == key)
        if not _take(key, values, found):
            left.append(key)
    rights = {name: found.pop(name) for name in list(found) if name in Privileges.model_fields}
    naming = {name: found.pop(name) for name in list(found) if name in Naming.model_fields}
    found.update({"privileges": Privileges.model_validate(rights)} if rights else {})
    found.update({"naming": Naming.model_validate(naming)} if naming else {})
    return found, tuple(left)


def _take(key: str, values: tuple[str, ...], found: dict[str, object]) -> bool:
    """Take the values of one key; tell whether it is one that is honoured."""
    last = values[-1]
    several = _PRIVILEGES.get(key) or _NAMING.get(key)
    single = _MODES.get(key) or _FIXED.get(key)
    if several is not None:
        found[several] = values
    elif single is not None:
        found[single] = last
    elif key in _PLAIN:
        found[_PLAIN[key]] = escaped(last)
    elif key in ("privileged", "read-only"):
        found.update({key.replace("-", "_"): True} if last.lower() != "false" else {})
    elif key in ("init", "tty"):
        found[key] = last.lower() != "false"
    elif key == "sysctl":
        pairs = (value.partition("=") for value in values)
        found["sysctls"] = tuple(Setting(name=name, value=escaped(text)) for name, _, text in pairs)
    else:
        return _take_other(key, values, found)
    return True


def _take_other(key: str, values: tuple[str, ...], found: dict[str, object]) -> bool:
    if key == "gpus":
        found["gpus"] = _gpus(values[-1].strip("\"'"))
    elif key in ("log-driver", "log-opt"):
        before = found.get("logging")
        logging = before if isinstance(before, Logging) else Logging()
        pairs = (value.partition("=") for value in values if key == "log-opt")
        options = tuple(Setting(name=name, value=escaped(text)) for name, _, text in pairs)
        driver = values[-1] if key == "log-driver" else logging.driver
        found["logging"] = Logging(driver=driver, options=options or logging.options)
    elif key in ("volume", "tmpfs"):
        mounts = tuple(_mount(value, key) for value in values)
        before = found.get("mounts")
        found["mounts"] = (*(before if isinstance(before, tuple) else ()), *mounts)
    else:
        return False
    return True


def _gpus(text: str) -> GpuNeed:
    if text.startswith("device="):
        return GpuNeed(devices=tuple(filter(None, text.removeprefix("device=").split(","))))
    number = text.removeprefix("count=")
    return GpuNeed(count=int(number) if number.isdecimal() and len(number) < 6 else None)


def _mount(text: str, key: str) -> Mount:
    if key == "tmpfs":
        return Mount(target=text.partition(":")[0], kind="tmpfs")
    source, _, rest = text.partition(":")
    target, _, words = rest.partition(":")
    locked = "ro" in words.split(",")
    if not target:
        return Mount(target=source, kind="anonymous")
    return Mount(target=target, kind="host", source=escaped(source), read_only=locked)
