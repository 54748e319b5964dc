"""A Marathon app: the image it runs, its GPUs, and what the run step needs of it.

Takes both containerizers: `container.type: DOCKER`, and `MESOS` with a Docker image.

Source: Marathon 1.11 REST API types (app, appContainer).
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from typing import Final

from bundler.discover.found import GpuRequest
from bundler.discover.marathon.checks import health_checks
from bundler.discover.marathon.details import take_detail
from bundler.discover.marathon.fields import Item
from bundler.discover.marathon.parts import (
    cpu_millis,
    engine_options,
    environment,
    host_ports,
    memory_mib,
    networks,
    ports,
    secrets,
    upgrade,
)
from bundler.discover.marathon.volumes import app_volumes
from manifests.workload import EngineOption, PortMapping, Workload

MAX_DEPENDENCIES: Final = 256
"""Of one app, those of its groups included."""

_SECRETS: Final = re.compile(r"(?<=//)[^/]*@|[?#].*", re.DOTALL)


def resolve_id(written: str, group: str) -> str:
    """Return an id as its whole path: `web` and `../db` are relative to their group.

    Args:
        written: as in the document.
        group: whole path of the group it stands in.
    """
    path = posixpath.normpath(posixpath.join("/", group, written))
    return f"/{path.lstrip('/')}"[:1024]


def take_app(app: Item, group: str, dependencies: tuple[str, ...]) -> None:
    """Tell what an app names.

    Args:
        app: its definition.
        group: whole path of the group it stands in.
        dependencies: of the groups it stands in.
    """
    identity = resolve_id(app.text("id"), group)
    by = f"app {identity}"
    if not app.has("id"):
        app.wrong("an id")
    tell_artifacts(app, by)
    docker = _docker(app, by)
    if docker is None:
        return
    image = docker.child("image")
    if image is None:
        docker.wrong("an image")
        return
    written = app.findings.image(image, by)
    if written is not None:
        after = with_dependencies(app, identity, dependencies)
        app.findings.workloads.append(_workload(app, docker, identity, image, after))
        take_detail(app)
        options = app.findings.workloads[-1].options
        _tell_gpus(app, docker, by, options)


def with_dependencies(item: Item, identity: str, before: tuple[str, ...]) -> tuple[str, ...]:
    """Return the whole paths of what an app or group depends on, its groups' included."""
    after = [resolve_id(one, identity) for one in item.lines("dependencies")]
    found = tuple(dict.fromkeys((*before, *after)))
    if len(found) > MAX_DEPENDENCIES:
        item.wrong(f"at most {MAX_DEPENDENCIES} dependencies, those of its groups included,")
    return found[:MAX_DEPENDENCIES]


def tell_artifacts(item: Item, by: str) -> None:
    """Remark what would be fetched at the start, which no disconnected host can."""
    for uri in _uris(item):
        written = uri.as_text()
        if written and not written.startswith(("file:", "/")):
            item.findings.remark(
                uri.node.position,
                f"{by} fetches {without_secrets(written)}, which no disconnected host can:"
                " carry it in 'files:'",
            )


def without_secrets(uri: str) -> str:
    """Return a URI without what may be a password or token: user and query."""
    return _SECRETS.sub("", uri)


def _uris(item: Item) -> Iterator[Item]:
    for key in ("fetch", "artifacts"):
        for artifact in item.items(key):
            uri = artifact.child("uri")
            if uri is not None:
                yield uri
    for key in ("uris", "storeUrls"):
        yield from item.items(key)


def _docker(app: Item, by: str) -> Item | None:
    """Return what names the image; tell why there is none."""
    container = app.child("container")
    docker = container.child("docker") if container is not None else None
    if docker is not None:
        return docker
    if container is not None and container.has("appc"):
        container.findings.problem(
            container.node.position,
            "marathon-appc",
            f"{by}: expected a Docker image, found an appc image, which no engine here can load",
            "use an image from a registry, in container.docker.image",
        )
    else:
        app.findings.remark(
            app.node.position,
            f"{by} runs on the host without an image: what it needs there is not carried",
        )
    return None


def _workload(
    app: Item, docker: Item, identity: str, image: Item, dependencies: tuple[str, ...]
) -> Workload:
    instances = app.count("instances")
    return Workload(
        id=identity,
        image=image.as_text().strip(),
        place=app.findings.label(image.node.position),
        instances=1 if instances is None else instances,
        gpus=app.count("gpus") or 0,
        cpu_millis=cpu_millis(app),
        memory_mib=memory_mib(app),
        shell=app.script("cmd"),
        args=app.scripts("args"),
        user=app.text("user"),
        networks=networks(app),
        ports=_ports(app, docker),
        health_checks=tuple(health_checks(app)),
        volumes=tuple(app_volumes(app)),
        environment=environment(app),
        secrets=secrets(app),
        options=tuple(engine_options(docker)),
        dependencies=dependencies,
        upgrade=upgrade(app.child("upgradeStrategy")),
        stop_seconds=app.count("taskKillGracePeriodSeconds"),
    )


def _ports(app: Item, docker: Item) -> tuple[PortMapping, ...]:
    container = app.child("container")
    modes = {one.mode for one in networks(app)}
    unwritten = 0 if "bridge" in modes else None
    for holder in (container, docker):
        if holder is not None and holder.child("portMappings") is not None:
            return tuple(ports(holder.items("portMappings"), unwritten))
    return tuple(host_ports(app))


def _tell_gpus(app: Item, docker: Item, by: str, options: tuple[EngineOption, ...]) -> None:
    gpus = app.child("gpus")
    count = app.count("gpus")
    if gpus is not None and count:
        place = app.findings.place(gpus.node.position)
        app.findings.gpus.append(GpuRequest(place, by, count))
        return
    for option in options:
        request = _option_gpus(option)
        if request is not None:
            place = app.findings.place((docker.child("parameters") or docker).node.position)
            app.findings.gpus.append(GpuRequest(place, by, *request))
            return


def _option_gpus(option: EngineOption) -> tuple[int | None, tuple[str, ...]] | None:
    """Return how many GPUs a parameter for the engine asks for, and which."""
    if option.key == "runtime" and option.value == "nvidia":
        return None, ()
    if option.key != "gpus":
        return None
    value = option.value.strip("\"'")
    if value.startswith("device="):
        devices = tuple(filter(None, value.removeprefix("device=").split(",")))
        return len(devices), devices
    number = value.removeprefix("count=")
    return (int(number) if number.isdecimal() and len(number) < 6 else None), ()
