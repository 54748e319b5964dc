"""The images and GPUs of a pod specification, wherever one stands.

Source: Kubernetes API reference, PodSpec, Container, ImageVolumeSource.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from bundler.discover.found import GpuRequest
from bundler.discover.kubernetes.findings import Findings
from bundler.discover.kubernetes.gpus import read_resources
from bundler.discover.kubernetes.object import (
    KubernetesObject,
    child,
    entries,
    items,
    name_at,
)
from manifests.appmanifest.problems import describe
from manifests.yaml.node import Node

_TEMPLATE: Final = ("spec", "template", "spec")
WORKLOADS: Final[Mapping[str, tuple[str, ...]]] = {
    "Pod": ("spec",),
    "PodTemplate": ("template", "spec"),
    "ReplicationController": _TEMPLATE,
    "Deployment.apps": _TEMPLATE,
    "DaemonSet.apps": _TEMPLATE,
    "ReplicaSet.apps": _TEMPLATE,
    "StatefulSet.apps": _TEMPLATE,
    "Deployment.extensions": _TEMPLATE,
    "DaemonSet.extensions": _TEMPLATE,
    "ReplicaSet.extensions": _TEMPLATE,
    "Job.batch": _TEMPLATE,
    "CronJob.batch": ("spec", "jobTemplate", *_TEMPLATE),
}
"""Where each kind of Kubernetes' own has its pod specification."""

_CONTAINERS: Final[Mapping[str, str]] = {
    "initContainers": "init container",
    "containers": "container",
    "ephemeralContainers": "ephemeral container",
}
_NVIDIA_RUNTIME: Final = "nvidia"
_FILLED_IN: Final = "auto"
"""What stands for an image that Istio's injector fills in."""


@dataclass(frozen=True, slots=True)
class PodSpec:
    """A pod specification.

    Attributes:
        node: what it says.
        owner: the object that it stands in.
        own: whether the object is of a kind of Kubernetes' own, which needs an image in each
            container; another kind's operator may fill it in.
    """

    node: Node
    owner: KubernetesObject
    own: bool


def find_pods(found: KubernetesObject) -> Iterator[PodSpec]:
    """Yield the pod specifications of an object."""
    path = WORKLOADS.get(found.full_kind)
    if path is None:
        yield from (PodSpec(node, found, own=False) for node in _pod_templates(found.node))
    elif (node := child(found.node, *path)) is not None:
        yield PodSpec(node, found, own=True)


def read_pod(pod: PodSpec, findings: Findings) -> None:
    """Tell the images and GPUs of a pod specification."""
    asked = len(findings.gpus)
    for key, word in _CONTAINERS.items():
        held = child(pod.node, key)
        if held is not None and held.value is not None and not items(held):
            _no_list(pod, key, held, findings)
        for container in items(held):
            _read_container(pod, container, word, findings)
    for volume in items(child(pod.node, "volumes")):
        _read_volume(pod, volume, findings)
    runtime = child(pod.node, "runtimeClassName")
    if runtime is not None and runtime.value == _NVIDIA_RUNTIME and len(findings.gpus) == asked:
        findings.gpus.append(GpuRequest(pod.owner.place(runtime), pod.owner.title, None))


def image_nodes(pod: PodSpec) -> Iterator[Node]:
    """Yield the nodes that `read_pod` takes for images."""
    for key in _CONTAINERS:
        yield from filter(None, (child(one, "image") for one in items(child(pod.node, key))))
    for volume in items(child(pod.node, "volumes")):
        yield from filter(None, (child(volume, "image", "reference"),))


def _pod_templates(root: Node) -> Iterator[Node]:
    """Yield the specifications of what is called a template and has a list of containers."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        waiting += reversed(items(node))
        for key, entry in reversed(list(entries(node).items())):
            waiting.append(entry.node)
            if not key.lower().endswith(("template", "templates")):
                continue
            for template in items(entry.node) or (entry.node,):
                spec = child(template, "spec")
                if spec is not None and items(child(spec, "containers")):
                    yield spec


def _no_list(pod: PodSpec, key: str, node: Node, findings: Findings) -> None:
    if pod.own and node.value != ():
        message = f"expected a list of {key} in {pod.owner.title}, found {describe(node)}"
        hint = "begin each container with `- `"
        findings.problem(pod.owner.place(node), "kubernetes-malformed", message, hint)


def _read_container(pod: PodSpec, container: Node, word: str, findings: Findings) -> None:
    name = name_at(container, "name")
    by = f"{pod.owner.title}, {word} {name}".rstrip()
    image = child(container, "image")
    if image is not None and (pod.own or image.source.strip() or items(image)):
        findings.image(image, pod.owner.place(image), by)
    elif pod.own:
        findings.problem(
            pod.owner.place(container),
            "kubernetes-image-missing",
            f"expected `image:` in {by}, found none",
            "name it; if this file is a patch of a kustomization, use `kustomize:`"
            " with the kustomization's folder",
        )
    if image is not None and image.value == _FILLED_IN:
        findings.remark(
            pod.owner.place(image), f"{by}: Istio puts its own image in place of 'auto'"
        )
    read_resources(pod.owner, container, by, findings)


def _read_volume(pod: PodSpec, volume: Node, findings: Findings) -> None:
    reference = child(volume, "image", "reference")
    if reference is not None:
        name = name_at(volume, "name")
        by = f"{pod.owner.title}, volume {name}"
        findings.image(reference, pod.owner.place(reference), by)
