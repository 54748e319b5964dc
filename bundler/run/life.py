"""How a service lives: its health check, restarts, instances, dependencies, GPUs, logs, ending.

Source: Compose specification, "healthcheck", "restart", "scale", "depends_on", "gpus", "logging",
"stop_signal", "stop_grace_period", "init", "tty"; Compose Deploy Specification.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from bundler.discover.compose.gpu import cdi_names, gpu_devices, gpu_requests
from bundler.discover.compose.service import Service
from bundler.discover.compose.tree import Value
from bundler.discover.compose.unexpected import Unexpected
from bundler.run.commands import pairs, settings
from bundler.run.scalars import items, milliseconds, seconds, text_of, truth, whole
from bundler.run.scene import Scene, check_keys, entry
from manifests.confinement import GpuNeed, Logging
from manifests.service import SERVICE_MODE, Condition, Dependency, Probe, Restart
from manifests.workload import MAX_COUNT

_PROBE_KEYS: Final = MappingProxyType(
    dict.fromkeys(
        ("test", "interval", "timeout", "retries", "start_period", "start_interval", "disable")
    )
)
_NEED_KEYS: Final = MappingProxyType(dict.fromkeys(("condition", "restart", "required")))
_CONDITIONS: Final[Mapping[str, Condition]] = MappingProxyType(
    {
        "service_started": "started",
        "service_healthy": "healthy",
        "service_completed_successfully": "completed",
    }
)
_POLICIES: Final[Mapping[str, Restart]] = MappingProxyType(
    {
        "no": "no",
        "none": "no",
        "always": "always",
        "any": "always",
        "on-failure": "on-failure",
        "unless-stopped": "unless-stopped",
    }
)
_NVIDIA_CDI: Final = "nvidia.com/gpu="
_TIMES: Final = ("interval", "timeout", "start_period", "start_interval")


def probe_fields(scene: Scene, service: Service) -> dict[str, object]:
    """Return the health check of a service.

    Raises:
        Unexpected, Refused: it can't be read.
    """
    check = entry(service.value, "healthcheck")
    if check is None:
        return {}
    check_keys(scene, check, f"healthcheck of {service.by}", _PROBE_KEYS)
    disable = entry(check, "disable")
    if disable is not None and truth(disable):
        return {"probe": Probe(disabled=True)}
    found: dict[str, object] = dict(_test(scene, check))
    for key in _TIMES:
        value = entry(check, key)
        found.update({f"{key}_ms": milliseconds(value)} if value is not None else {})
    retries = entry(check, "retries")
    if retries is not None:
        found["retries"] = whole(retries, "a number of failures", 0, MAX_COUNT)
    return {"probe": Probe.model_validate(found)}


def _test(scene: Scene, check: Value) -> Mapping[str, object]:
    test = entry(check, "test")
    if test is None:
        return {}
    if not isinstance(test.content, tuple):
        return {"shell": scene.template(test, "a command")}
    first = test.content[0].text if test.content else ""
    rest = test.content[1:]
    if first == "NONE":
        return {"disabled": True}
    if first == "CMD" and rest:
        return {"command": tuple(scene.template(one, "a word") for one in rest)}
    if first == "CMD-SHELL" and len(rest) == 1:
        return {"shell": scene.template(rest[0], "a command")}
    raise Unexpected(test, "a command, or a list that begins with CMD, CMD-SHELL or NONE")


def restart_fields(scene: Scene, service: Service) -> dict[str, object]:
    """Return when a service is started again; what `deploy` says counts.

    Raises:
        Unexpected, Refused: it can't be read.
    """
    policy = entry(service.value, "deploy", "restart_policy")
    if policy is not None:
        return _deployed(scene, policy, service)
    restart = entry(service.value, "restart")
    if restart is None or not (text := text_of(restart)):
        return {}
    name, colon, count = text.partition(":")
    if name not in _POLICIES or (colon and (name != "on-failure" or not count.isdecimal())):
        raise Unexpected(restart, "no, always, unless-stopped or on-failure[:RETRIES]")
    retries = min(int(count[:10]), MAX_COUNT) if count else 0
    return {"restart": _POLICIES[name], "restart_retries": retries}


def _deployed(scene: Scene, policy: Value, service: Service) -> dict[str, object]:
    condition, attempts = entry(policy, "condition"), entry(policy, "max_attempts")
    text = text_of(condition) if condition is not None else "any"
    if text not in _POLICIES:
        raise Unexpected(condition or policy, "none, on-failure or any")
    for key in ("delay", "window"):
        left = entry(policy, key)
        if left is not None:
            scene.remark(left, f"{service.by}: deploy.restart_policy.{key} is left out")
    retries = whole(attempts, "a number", 0, MAX_COUNT) if attempts is not None else 0
    if attempts is not None and _POLICIES[text] != "on-failure":
        scene.remark(attempts, f"{service.by}: max_attempts is left out but for on-failure")
        retries = 0
    return {"restart": _POLICIES[text], "restart_retries": retries}


def instance_fields(scene: Scene, service: Service) -> dict[str, object]:
    """Return how many run, and under which fixed name.

    Raises:
        Unexpected, Refused: it can't be read.
    """
    scale, replicas = entry(service.value, "scale"), entry(service.value, "deploy", "replicas")
    mode, name = entry(service.value, "deploy", "mode"), entry(service.value, "container_name")
    if mode is not None and mode.text not in ("replicated", "global"):
        scene.remark(mode, f"{service.by}: deploy.mode {mode.text} is left out")
    chosen = scale or replicas
    count = whole(chosen, "a number of instances", 0, 1000) if chosen is not None else 1
    if scale is not None and replicas is not None and scale.text != replicas.text:
        raise Unexpected(scale, "the same in `scale` and in `deploy.replicas`")
    if name is None:
        return {"instances": count}
    if count > 1:
        raise Unexpected(name, f"no container_name for {count} instances")
    return {"instances": count, "container_name": scene.fixed(name, "a container's name")}


def dependency_fields(scene: Scene, service: Service, active: Iterable[str]) -> dict[str, object]:
    """Return the services that must be there first, those too whose name spaces are shared.

    Args:
        scene: where things are told.
        service: that depends.
        active: services that are started.

    Raises:
        Unexpected, Refused: it can't be read.
    """
    known = set(active)
    found = {need.service: need for need in _implied(service)}
    needs = entry(service.value, "depends_on")
    for name, value in needs.entries if needs is not None else ():
        found[name] = _need(scene, name, value, service)
    kept = tuple(need for name, need in found.items() if name in known and name != service.name)
    return {"dependencies": kept}


def _need(scene: Scene, name: str, value: Value, service: Service) -> Dependency:
    if value.content is None:
        return Dependency(service=name)
    check_keys(scene, value, f"depends_on of {service.by}", _NEED_KEYS)
    condition = entry(value, "condition")
    restart, required = entry(value, "restart"), entry(value, "required")
    text = condition.text if condition is not None else "service_started"
    if text not in _CONDITIONS:
        raise Unexpected(condition or value, f"one of {', '.join(_CONDITIONS)}")
    return Dependency(
        service=name,
        condition=_CONDITIONS[text],
        required=required is None or truth(required),
        restart=restart is not None and truth(restart),
    )


def _implied(service: Service) -> Iterator[Dependency]:
    """Yield what follows from links, shared volumes and shared name spaces, as in Compose."""
    links = entry(service.value, "links")
    for name, _ in links.entries if links is not None else ():
        yield Dependency(service=name, restart=True)
    for one in items(service.value.at("volumes_from")):
        yield Dependency(service=one.text.partition(":")[0])
    for key in ("network_mode", "ipc", "pid"):
        mode = entry(service.value, key)
        if mode is not None and mode.text.startswith(SERVICE_MODE):
            yield Dependency(service=mode.text.removeprefix(SERVICE_MODE), restart=True)


def gpu_fields(scene: Scene, service: Service) -> dict[str, object]:
    """Return the GPUs of a service; the host knows best how they are given.

    Raises:
        Unexpected, Refused: it can't be read.
    """
    runtime = entry(service.value, "runtime")
    kind = scene.fixed(runtime, "a runtime") if runtime is not None else ""
    asked = list(gpu_requests(service.value, service.by, {}, scene.notes))
    if not asked:
        return {"runtime": kind} if kind else {}
    every = any(one.count is None for one in asked)
    names = cdi_names(service.value, scene.notes)
    plain = (device.removeprefix(_NVIDIA_CDI) for one in asked for device in one.devices)
    named = () if every else tuple(dict.fromkeys(plain))
    count = None if every or named else sum(one.count or 0 for one in asked)
    devices = list(gpu_devices(service.value, scene.notes))
    drivers = [one.text for device in devices if (one := entry(device, "driver")) is not None]
    groups = (one for device in devices for one in items(device.at("capabilities")))
    words = (one.text for group in groups for one in (group.items or (group,)))
    capabilities = tuple(dict.fromkeys(word for word in words if word not in ("", "gpu")))
    driver = next((one for one in drivers if one not in ("nvidia", "cdi")), "")
    need = GpuNeed(count=count, devices=named, capabilities=capabilities, driver=driver)
    if any(not one.startswith(_NVIDIA_CDI) for one in names):
        need = GpuNeed(devices=names, driver="cdi")
    return {"gpus": need, "runtime": "" if kind.startswith("nvidia") else kind}


def ending_fields(scene: Scene, service: Service) -> dict[str, object]:
    """Return the rest: terminal, signals, logs, user and folder.

    Raises:
        Unexpected, Refused: it can't be read.
    """
    value = service.value
    found: dict[str, object] = {}
    for key in ("tty", "stdin_open", "init"):
        flag = entry(value, key)
        found.update({key: truth(flag)} if flag is not None else {})
    for key in ("user", "working_dir"):
        text = entry(value, key)
        found.update({key: scene.template(text)} if text is not None else {})
    signal, grace = entry(value, "stop_signal"), entry(value, "stop_grace_period")
    found.update({"stop_signal": scene.fixed(signal, "a signal")} if signal is not None else {})
    found.update({"stop_seconds": seconds(grace)} if grace is not None else {})
    logging = entry(value, "logging")
    if logging is not None:
        driver = entry(logging, "driver")
        found["logging"] = Logging(
            driver=scene.fixed(driver, "a driver") if driver is not None else "",
            options=settings(pairs(scene, entry(logging, "options"))),
        )
    return found
