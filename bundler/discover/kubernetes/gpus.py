"""The GPUs that Kubernetes objects ask for: by resources of containers, or by claims of devices.

Source: Kubernetes documentation, "Schedule GPUs" and "Dynamic Resource Allocation"; the resource
names are those of the vendors' device plugins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from bundler.discover.found import GpuRequest, Place
from bundler.discover.kubernetes.findings import Findings
from bundler.discover.kubernetes.object import KubernetesObject, child, entries, items, text_at
from manifests.appmanifest.problems import describe
from manifests.yaml.node import Node

_GPU: Final = re.compile(
    r"nvidia\.com/(?:gpu(?:\.shared)?|mig-[a-z0-9.+-]+)|amd\.com/gpu|gpu\.intel\.com/(?:i915|xe)"
)
_CLASSES: Final = frozenset({"gpu.nvidia.com", "mig.nvidia.com", "gpu.amd.com", "gpu.intel.com"})
_USUAL: Final = "nvidia.com/gpu"


def read_resources(found: KubernetesObject, container: Node, by: str, findings: Findings) -> None:
    """Tell the GPUs of a container: its limits, which for them are what is requested."""
    requests = entries(child(container, "resources", "requests"))
    asked = {**requests, **entries(child(container, "resources", "limits"))}
    for name, entry in asked.items():
        if not _GPU.fullmatch(name):
            continue
        count = _count(entry.node, None)
        place = found.document.place(entry.position)
        whose = by if name == _USUAL else f"{by}, {name}"
        if count is None:
            message = f"expected a number of {name} at {by}, found {describe(entry.node)}"
            findings.remark(place, message)
        elif count:
            findings.gpus.append(GpuRequest(place, whose, count))


def read_custom(found: KubernetesObject, told: frozenset[Place], findings: Findings) -> None:
    """Tell the GPUs in any `resources:` of a custom resource, but for those at `told` places."""
    own = Findings()
    for node in _with_resources(found.node):
        read_resources(found, node, found.title, own)
    findings.gpus += [one for one in own.gpus if one.place not in told]


def read_claim(found: KubernetesObject, findings: Findings) -> None:
    """Tell the GPUs that a ResourceClaim or its template asks for, by class of device."""
    if found.kind not in ("ResourceClaim", "ResourceClaimTemplate"):
        return
    spec = child(found.node, "spec")
    devices = child(spec, "devices") or child(spec, "spec", "devices")
    for request in items(child(devices, "requests")):
        exact = child(request, "exactly") or request
        if text_at(exact, "deviceClassName") in _CLASSES:
            every = text_at(exact, "allocationMode") == "All"
            count = None if every else _count(child(exact, "count"), 1)
            findings.gpus.append(GpuRequest(found.place(request), found.title, count))


def _with_resources(root: Node) -> Iterator[Node]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        waiting += reversed(items(node))
        waiting += reversed([entry.node for entry in entries(node).values()])
        if entries(child(node, "resources")):
            yield node


def _count(node: Node | None, default: int | None) -> int | None:
    text = node.source if node is not None else ""
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text, re.ASCII) else default
