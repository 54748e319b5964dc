"""The volumes of Marathon's apps and pods.

Source: Marathon 1.11 REST API types (volumes).
"""

from __future__ import annotations

from collections.abc import Iterator

from bundler.discover.marathon.fields import Item
from manifests.workload import VolumeMount


def app_volumes(app: Item) -> Iterator[VolumeMount]:
    """Yield the volumes of an app's container."""
    container = app.child("container")
    for item in container.items("volumes") if container is not None else ():
        target = item.text("containerPath")
        if not target:
            item.wrong("a containerPath")
            continue
        yield _volume(item, target, read_only=item.text("mode", default="RW").upper() == "RO")


def pod_volumes(pod: Item, container: Item) -> Iterator[VolumeMount]:
    """Yield the volumes of a pod that one of its containers mounts."""
    volumes = {item.text("name"): item for item in pod.items("volumes")}
    for mount in container.items("volumeMounts"):
        name = mount.text("name")
        target = mount.text("mountPath")
        if name not in volumes or not target:
            mount.wrong("a mountPath and the name of one of the pod's volumes")
            continue
        yield _volume(volumes[name], target, read_only=mount.truth("readOnly"), name=name)


def _volume(item: Item, target: str, *, read_only: bool, name: str = "") -> VolumeMount:
    external, persistent = item.child("external"), item.child("persistent")
    if external is not None:
        return VolumeMount(
            target=target,
            kind="external",
            source=external.text("name", default=name),
            driver=external.text("provider"),
            read_only=read_only,
            size_mib=_gibibytes(external),
        )
    if persistent is not None:
        return VolumeMount(
            target=target,
            kind="persistent",
            source=name,
            read_only=read_only,
            size_mib=persistent.count("size"),
        )
    return _plain_volume(item, target, read_only=read_only, name=name)


def _plain_volume(item: Item, target: str, *, read_only: bool, name: str) -> VolumeMount:
    host = item.text("hostPath") or item.text("host")
    if host:
        return VolumeMount(target=target, kind="host", source=host, read_only=read_only)
    secret = item.text("secret")
    if secret:
        return VolumeMount(target=target, kind="secret", source=secret, read_only=True)
    return VolumeMount(target=target, kind="ephemeral", source=name, read_only=read_only)


def _gibibytes(external: Item) -> int | None:
    """Return the size of an external volume, which is written in GiB."""
    size = external.count("size", maximum=2**20)
    return None if size is None else size * 1024
