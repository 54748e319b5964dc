"""The volumes of Marathon's workloads as mounts: what must outlive an instance becomes a volume.

Source: Marathon 1.11 REST API types (volumes).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from manifests.interpolation import escaped
from manifests.runspec import VolumeSpec
from manifests.serviceinputs import Mount
from manifests.workload import VolumeMount, Workload

_OUTSIDE: Final = re.compile(r"[^A-Za-z0-9_.-]+")


@dataclass(slots=True)
class Storage:
    """The named volumes that workloads ask for."""

    volumes: dict[str, VolumeSpec] = field(default_factory=dict)


def mounts_of(
    workload: Workload, name: str, pod: str, storage: Storage
) -> tuple[tuple[Mount, ...], tuple[tuple[str, str], ...]]:
    """Return the mounts of a workload, and its files with secrets: name and path of each.

    Args:
        workload: whose.
        name: of its service.
        pod: that it is a container of; its containers share what is not kept.
        storage: takes the named volumes.
    """
    mounts: list[Mount] = []
    files: list[tuple[str, str]] = []
    for volume in workload.volumes:
        if volume.kind == "secret":
            files.append((volume.source, _absolute(volume.target)))
        else:
            mounts.append(_mount(volume, name, pod, storage))
    return tuple(mounts), tuple(files)


def _mount(volume: VolumeMount, name: str, pod: str, storage: Storage) -> Mount:
    target, locked = _absolute(volume.target), volume.read_only
    if volume.kind == "host" and volume.source.startswith("/"):
        source = escaped(volume.source)
        return Mount(target=target, kind="host", source=source, read_only=locked)
    if volume.kind == "ephemeral" and not (pod and volume.source):
        return Mount(target=target, kind="anonymous", read_only=locked)
    owner = pod.strip("/") if pod else name
    known = volume.source if volume.kind in ("external", "ephemeral") else ""
    key = _OUTSIDE.sub("-", f"{owner}-{(known or volume.target).strip('/')}")[:128].strip("-.")
    if volume.kind == "external":
        driver = "" if volume.driver in ("", "dvdi") else volume.driver
        spec = VolumeSpec(key=key, name=volume.source, driver=driver)
    else:
        spec = VolumeSpec(key=key)
    storage.volumes.setdefault(key, spec)
    return Mount(target=target, kind="volume", source=key, read_only=locked)


def _absolute(target: str) -> str:
    """Return a path in the container: Marathon's may begin in its sandbox."""
    return target if target.startswith("/") else f"/mnt/mesos/sandbox/{target}"
