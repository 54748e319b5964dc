"""The keys of a service that Compose knows: which are honoured, which say nothing of running.

Source: Compose specification and its JSON Schema, up to Docker Compose 2.40.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from bundler.discover.compose.service import Service
from bundler.discover.compose.tree import Value
from bundler.run.scene import Scene, check_keys, entry

_HONOURED: Final = """
    annotations cap_add cap_drop cgroup command configs container_name cpu_period cpu_quota
    cpu_shares cpus cpuset depends_on deploy device_cgroup_rules devices dns dns_opt dns_search
    domainname entrypoint env_file environment expose extra_hosts gpus group_add healthcheck
    hostname image init ipc label_file labels links logging mac_address mem_limit mem_reservation
    memswap_limit network_mode networks oom_score_adj pid pids_limit ports privileged profiles
    read_only restart runtime scale secrets security_opt shm_size stdin_open stop_grace_period
    stop_signal sysctls tmpfs tty ulimits user userns_mode uts volumes volumes_from working_dir
"""
_SILENT: Final = """
    attach build develop extends platform pull_policy pull_refresh_after provider
"""
"""What says how an image is made or fetched, or what a terminal shows."""
_LEFT_OUT: Final = """
    blkio_config cgroup_parent cpu_count cpu_percent cpu_rt_period cpu_rt_runtime credential_spec
    external_links isolation mem_swappiness models oom_kill_disable post_start pre_stop storage_opt
    use_api_socket volume_driver
"""
_KNOWN: Final[Mapping[str, None]] = MappingProxyType(
    dict.fromkeys([*_HONOURED.split(), *_SILENT.split(), *_LEFT_OUT.split()])
)
_DEPLOY: Final[Mapping[str, Mapping[str, object]]] = MappingProxyType(
    {
        "mode": {},
        "replicas": {},
        "labels": {},
        "endpoint_mode": {},
        "placement": {},
        "update_config": {},
        "rollback_config": {},
        "resources": {"limits": None, "reservations": None},
        "restart_policy": dict.fromkeys(("condition", "delay", "max_attempts", "window")),
    }
)
_LIMITS: Final = MappingProxyType(dict.fromkeys(("cpus", "memory", "pids")))
_RESERVATIONS: Final = MappingProxyType(
    dict.fromkeys(("cpus", "memory", "devices", "generic_resources"))
)
_DEPLOY_LEFT_OUT: Final = (
    "labels",
    "endpoint_mode",
    "placement",
    "update_config",
    "rollback_config",
)


def check_service(scene: Scene, service: Service) -> None:
    """Tell keys that Compose does not know, and remark those that one machine can't honour."""
    check_keys(scene, service.value, service.by, _KNOWN)
    for key in _LEFT_OUT.split():
        _leave_out(scene, service, entry(service.value, key), key)
    deploy = entry(service.value, "deploy")
    if deploy is None:
        return
    check_keys(scene, deploy, f"deploy of {service.by}", _DEPLOY)
    for key in ("resources", "restart_policy"):
        part = entry(deploy, key)
        if part is not None:
            check_keys(scene, part, f"deploy.{key} of {service.by}", _DEPLOY[key])
    for key, known in (("limits", _LIMITS), ("reservations", _RESERVATIONS)):
        part = entry(deploy, "resources", key)
        if part is not None:
            check_keys(scene, part, f"deploy.resources.{key} of {service.by}", known)
    for key in _DEPLOY_LEFT_OUT:
        _leave_out(scene, service, entry(deploy, key), f"deploy.{key}")
    cpus = entry(deploy, "resources", "reservations", "cpus")
    _leave_out(scene, service, cpus, "deploy.resources.reservations.cpus")


def _leave_out(scene: Scene, service: Service, value: Value | None, key: str) -> None:
    if value is not None and value.content not in ((), {}, False):
        scene.remark(value, f"{service.by}: {key} is left out: no engine of one machine has it")
