"""A Marathon pod, and a job of Metronome: the images they run, their GPUs, what to run.

Source: Marathon 1.11 REST API types (pod, podContainer); Metronome 0.6 API (JobSpec).
"""

from __future__ import annotations

from typing import Final

from bundler.discover.found import GpuRequest
from bundler.discover.marathon.app import resolve_id, tell_artifacts
from bundler.discover.marathon.checks import endpoint_check
from bundler.discover.marathon.details import take_detail
from bundler.discover.marathon.fields import Item
from bundler.discover.marathon.parts import (
    cpu_millis,
    endpoints,
    environment,
    memory_mib,
    networks,
    secrets,
    upgrade,
)
from bundler.discover.marathon.volumes import app_volumes, pod_volumes
from manifests.workload import Workload

MAX_CONTAINERS: Final = 64
"""Of one pod."""


def take_pod(pod: Item, group: str, dependencies: tuple[str, ...]) -> None:
    """Tell what a pod's containers name.

    Args:
        pod: its definition.
        group: whole path of the group it stands in.
        dependencies: of the groups it stands in.
    """
    identity = resolve_id(pod.text("id"), group)
    if not pod.has("id"):
        pod.wrong("an id")
    containers = list(pod.items("containers"))
    if len(containers) > MAX_CONTAINERS:
        pod.wrong(f"at most {MAX_CONTAINERS} containers")
    shared = frozenset(environment(pod))
    for container in containers[:MAX_CONTAINERS]:
        name = container.text("name", default=container.name)
        by = f"pod {identity}, container {name}"
        tell_artifacts(container, by)
        image = _image(container, by)
        if image is not None and container.findings.image(image, by) is not None:
            _tell_gpus(container.child("resources"), by)
            container.findings.workloads.append(
                _workload(pod, container, f"{identity}/{name}"[:1024], image, dependencies, shared)
            )
            take_detail(container, pod, identity)


def take_job(job: Item) -> None:
    """Tell what a job of Metronome names."""
    identity = job.text("id")
    by = f"job {identity}"
    run = job.child("run")
    if run is None:
        return
    tell_artifacts(run, by)
    image = run.child("docker", "image") or run.child("ucr", "image", "id")
    if image is None:
        run.findings.remark(
            run.node.position,
            f"{by} runs on the host without an image: what it needs there is not carried",
        )
        return
    written = job.findings.image(image, by)
    if written is not None:
        _tell_gpus(run, by)
        job.findings.workloads.append(_job_workload(run, identity, image))
        take_detail(run, is_job=True)


def _image(container: Item, by: str) -> Item | None:
    """Return what names a container's image; tell why there is none."""
    image = container.child("image")
    if image is None:
        container.findings.remark(
            container.node.position,
            f"{by} runs on the host without an image: what it needs there is not carried",
        )
        return None
    kind = image.text("kind", default="DOCKER")
    if kind != "DOCKER":
        image.findings.problem(
            image.node.position,
            "marathon-appc",
            f"{by}: expected an image of kind DOCKER, found {kind[:100]!r}, which no engine here"
            " can load",
            "use an image from a registry, with kind DOCKER",
        )
        return None
    if not image.has("id"):
        image.wrong("an id")
    return image.child("id")


def _workload(
    pod: Item,
    container: Item,
    identity: str,
    image: Item,
    dependencies: tuple[str, ...],
    shared: frozenset[str],
) -> Workload:
    resources = container.child("resources") or container
    instances = pod.count("scaling", "instances")
    argv = container.scripts("exec", "command", "argv")
    instead = container.truth("exec", "overrideEntrypoint")
    return Workload(
        id=identity,
        image=image.as_text().strip(),
        place=pod.findings.label(image.node.position),
        instances=1 if instances is None else instances,
        gpus=resources.count("gpus") or 0,
        cpu_millis=cpu_millis(resources),
        memory_mib=memory_mib(resources),
        shell=container.script("exec", "command", "shell"),
        command=argv if instead else (),
        args=() if instead else argv,
        user=container.text("user") or pod.text("user"),
        networks=networks(pod),
        ports=tuple(endpoints(container)),
        health_checks=tuple(endpoint_check(container)),
        volumes=tuple(pod_volumes(pod, container)),
        environment=tuple(sorted({*shared, *environment(container)})),
        secrets=secrets(pod),
        dependencies=dependencies,
        upgrade=upgrade(pod.child("scheduling", "upgrade")),
        stop_seconds=container.count("lifecycle", "killGracePeriodSeconds"),
    )


def _job_workload(run: Item, identity: str, image: Item) -> Workload:
    return Workload(
        id=identity,
        image=image.as_text().strip(),
        place=run.findings.label(image.node.position),
        instances=0,
        gpus=run.count("gpus") or 0,
        cpu_millis=cpu_millis(run),
        memory_mib=memory_mib(run),
        shell=run.script("cmd"),
        args=run.scripts("args"),
        user=run.text("user"),
        networks=networks(run),
        volumes=tuple(app_volumes(run)),
        environment=environment(run),
        secrets=secrets(run),
        stop_seconds=run.count("taskKillGracePeriodSeconds"),
    )


def _tell_gpus(resources: Item | None, by: str) -> None:
    gpus = resources.child("gpus") if resources is not None else None
    count = resources.count("gpus") if resources is not None else None
    if gpus is not None and count:
        place = gpus.findings.place(gpus.node.position)
        gpus.findings.gpus.append(GpuRequest(place, by, count))
