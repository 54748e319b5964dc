"""Marathon's apps and pods -> the services of a `RunSpec`, as far as one machine can honour them.

Owns names, networks, dependencies and what is left out. Variables in commands are the container's
own: nothing is filled in from the host.

Source: Marathon 1.11 REST API types; DC/OS 2.2 documentation, "Deploying services".
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from pydantic import ValidationError

from bundler.discover.found import Place
from bundler.discover.marathon.facts import Detail
from bundler.discover.marathon.source import Told
from bundler.run.draft import Draft
from bundler.run.engineoptions import option_fields
from bundler.run.scene import MAX_REMARKS, Scene
from bundler.run.scheduledparts import (
    command_of,
    environment_of,
    is_mapped,
    limits_of,
    outside_checks,
    probe_of,
    unknown_ports,
)
from bundler.run.storage import Storage, mounts_of
from manifests.confinement import GpuNeed
from manifests.interpolation import escaped
from manifests.runspec import MAX_SERVICES, NetworkSpec, SecretSpec
from manifests.safetext import safe_line
from manifests.service import Attachment, Condition, Dependency, PublishedPort, Service
from manifests.serviceinputs import SecretUse, Setting
from manifests.workload import Workload

_OUTSIDE: Final = re.compile(r"[^a-z0-9_.-]+")
_SECRET: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")


def scheduled(told: Told, scene: Scene) -> Draft:
    """Return what Marathon's documents say runs; what is wrong or left out is told."""
    pairs = list(zip(told.found.workloads, told.details, strict=True))
    running = [(workload, detail) for workload, detail in pairs if not detail.is_job]
    if len(running) > MAX_SERVICES:
        message = f"expected at most {MAX_SERVICES} apps, found {len(running)}"
        scene.notes.problem(running[0][1].place, "marathon-malformed", message)
        return Draft(())
    checked = {workload.id for workload, _ in running if workload.health_checks}
    made = _Schedule(scene, _names([workload for workload, _ in running]), checked)
    for workload, detail in pairs:
        if detail.is_job:
            made.remark(detail.place, f"job {workload.id} does not run by itself: it is left out")
    services = [one for pair in running if (one := made.service(*pair)) is not None]
    return Draft(
        services=tuple(_sharing(services, running, made.names)),
        networks=tuple(made.networks.values()),
        volumes=tuple(made.storage.volumes.values()),
        secrets=tuple(made.secrets.values()),
        remarks=tuple(scene.remarks),
        asks_gpus=any(one.gpus is not None for one in services),
    )


def _names(workloads: Sequence[Workload]) -> dict[str, str]:
    """Return what each workload is called here: `/viz/web` becomes `viz-web`."""
    names: dict[str, str] = {}
    for one in workloads:
        base = _OUTSIDE.sub("-", one.id.strip("/").replace("/", "-").lower()).strip("-._") or "app"
        name, number = base[:60], 1
        while name in names.values():
            number += 1
            name = f"{base[:56]}-{number}"
        names.setdefault(one.id, name)
    return names


class _Schedule:
    """Converts workloads one by one, and collects what they share.

    Args:
        scene: where things are told.
        names: of services by id.
        checked: ids of those that have health checks.
    """

    def __init__(self, scene: Scene, names: Mapping[str, str], checked: Collection[str]) -> None:
        self._scene = scene
        self._checked = checked
        self.names = names
        self.networks: dict[str, NetworkSpec] = {}
        self.storage = Storage()
        self.secrets: dict[str, SecretSpec] = {}

    def remark(self, place: Place, message: str) -> None:
        """Tell what is left out; hosts are told the file, as lines move."""
        self._scene.notes.remark(place, message)
        if len(self._scene.remarks) < MAX_REMARKS:
            self._scene.remarks[safe_line(f"{place.file}: {message}", limit=1024)] = None

    def service(self, workload: Workload, detail: Detail) -> Service | None:
        """Return a workload as a service; None where it is wrong, which is told."""
        for name in unknown_ports(workload):
            what = f"app {workload.id}: {name} is used, and no port of the host is fixed for it"
            self.remark(detail.place, what)
        for place, key in detail.left_out:
            self.remark(place, f"app {workload.id}: {key} is left out: there is one machine")
        try:
            return self._service(workload, detail)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(str(one) for one in first["loc"])
            message = f"app {workload.id}: {where}: {first['msg']}"
            self._scene.notes.problem(detail.place, "marathon-malformed", message)
            return None

    def _service(self, workload: Workload, detail: Detail) -> Service:
        name = self.names[workload.id]
        options, left = option_fields(workload.options)
        for key in left:
            self.remark(detail.place, f"app {workload.id}: the engine's option {key} is left out")
        mounts, files = mounts_of(workload, name, detail.pod, self.storage)
        fields: dict[str, object] = {
            "name": name,
            "image": workload.image,
            "place": workload.place,
            "instances": workload.instances,
            "user": escaped(workload.user),
            "environment": tuple(environment_of(workload, detail)),
            "secrets": (*self._secret_variables(detail), *self._secret_files(files, detail)),
            "ports": tuple(self._ports(workload, detail)),
            "dependencies": self._dependencies(workload),
            "health_checks": tuple(outside_checks(workload)),
            "probe": probe_of(workload),
            "gpus": GpuNeed(count=workload.gpus) if workload.gpus else None,
            "limits": limits_of(workload),
            "labels": tuple(Setting(name=key, value=escaped(text)) for key, text in detail.labels),
            "restart": "always",
            "stop_seconds": workload.stop_seconds,
            "upgrade": workload.upgrade,
            **command_of(workload),
            **self._network(workload),
        }
        own = {key: value for key, value in options.items() if key != "mounts"}
        return Service.model_validate(
            {**fields, "mounts": (*mounts, *options.get("mounts", ())), **own}  # type: ignore[misc]
        )

    def _network(self, workload: Workload) -> dict[str, object]:
        """Return the networks; without any it is the host's own, as Marathon has it."""
        modes = {one.mode for one in workload.networks} or {"host"}
        if modes & {"host", "none"}:
            return {"network_mode": "host" if "host" in modes else "none"}
        named = tuple(one.name for one in workload.networks if one.name)
        for name in named:
            self.networks.setdefault(name, NetworkSpec(key=name))
        return {"networks": tuple(Attachment(network=name) for name in dict.fromkeys(named))}

    def _ports(self, workload: Workload, detail: Detail) -> Iterator[PublishedPort]:
        if not is_mapped(workload):
            if any(port.container == 0 for port in workload.ports):
                self.remark(
                    detail.place,
                    f"app {workload.id}: ports that Marathon would choose are those of its load"
                    " balancer here",
                )
            return
        for port in workload.ports:
            inner = port.container or port.host or 0
            if port.host is None:
                continue
            if not inner:
                self.remark(detail.place, f"app {workload.id}: a port without a number is left out")
                continue
            for protocol in port.protocols:
                host = str(port.host) if port.host else ""
                yield PublishedPort(container=inner, protocol=protocol, host=host)

    def _dependencies(self, workload: Workload) -> tuple[Dependency, ...]:
        """Return the services of the apps and groups that must serve first."""
        found: dict[str, Dependency] = {}
        for wanted in workload.dependencies:
            for identity, name in self.names.items():
                if identity == wanted or identity.startswith(f"{wanted.rstrip('/')}/"):
                    checked = identity in self._checked
                    condition: Condition = "healthy" if checked else "started"
                    found[name] = Dependency(service=name, condition=condition)
        found.pop(self.names[workload.id], None)
        return tuple(found.values())

    def _secret_variables(self, detail: Detail) -> Iterator[SecretUse]:
        stores = dict(detail.stores)
        for one in detail.secrets:
            name = self._secret(stores.get(one.secret, one.secret), detail)
            if name:
                yield SecretUse(name=name, variable=one.name)

    def _secret_files(
        self, files: Sequence[tuple[str, str]], detail: Detail
    ) -> Iterator[SecretUse]:
        stores = dict(detail.stores)
        for secret, target in files:
            name = self._secret(stores.get(secret, secret), detail)
            if name:
                yield SecretUse(name=name, target=target)

    def _secret(self, store: str, detail: Detail) -> str:
        """Return what a secret of the store is called on the host; empty where it can't be."""
        name = store.strip("/")
        if _SECRET.fullmatch(name) is None:
            self._scene.notes.problem(
                detail.place,
                "marathon-malformed",
                f"expected a secret's name of A-Z a-z 0-9 . _ - and /, found {store[:200]!r}",
            )
            return ""
        self.secrets[name] = SecretSpec(name=name, hint=f"{detail.place.file}: secret {store}")
        return name


def _sharing(
    services: Sequence[Service],
    running: Sequence[tuple[Workload, Detail]],
    names: Mapping[str, str],
) -> Iterator[Service]:
    """Yield services; the containers of a pod share the network of its first one."""
    pods = {names[workload.id]: detail.pod for workload, detail in running if detail.pod}
    first: dict[str, Service] = {}
    for one in services:
        first.setdefault(pods.get(one.name, ""), one)
    ports: dict[str, tuple[PublishedPort, ...]] = {}
    for one in services:
        pod = pods.get(one.name, "")
        ports[pod] = (*ports.get(pod, ()), *one.ports)
    for one in services:
        pod = pods.get(one.name, "")
        if not pod or one.network_mode:
            yield one
        elif first[pod] is one:
            yield one.model_copy(update={"ports": ports[pod]})
        else:
            lender = first[pod].name
            need = Dependency(service=lender, restart=True)
            needs = (need, *(at for at in one.dependencies if at.service != lender))
            shared = {"networks": (), "network_mode": f"service:{lender}", "ports": ()}
            yield one.model_copy(update={**shared, "dependencies": needs})
