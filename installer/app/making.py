"""Makes the containers of a deployment, one instance after the other; pure.

Owns what a container's digest is taken over: everything that it is made from, and nothing that
changes from release to release without changing what runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from installer.app import endpoints as rooms
from installer.app.body import Body, Ground, container_body
from installer.app.environment import Sources
from installer.app.filling import Filling
from installer.app.gpus import way_to_gpus
from installer.app.labels import Origin, config_labels, container_labels
from installer.app.order import borrowed, start_order
from installer.app.placement import Placement
from installer.app.ports import Opened, opened
from installer.app.probes import outside
from installer.app.secretfiles import SecretFile, secret_files
from installer.app.wanted import Endpoint, Need, WantedContainer, WantedNetwork, WantedVolume
from installer.trials.ways import Way
from manifests.digest import Digest
from manifests.release import Release
from manifests.runspec import RunSpec
from manifests.service import Service
from manifests.strictjson import JsonValue, canonical


class Making:
    """One release on one host."""

    def __init__(self, release: Release, spec: RunSpec, at: Placement, filled: Filling) -> None:
        self._spec = spec
        self._at = at
        self._filling = filled
        self._origin = Origin(release, spec.project, spec.origin, at.settings.home)
        self._configs: dict[str, str] = {}

    @cached_property
    def networks(self) -> tuple[WantedNetwork, ...]:
        """The networks that services are in."""
        return tuple(rooms.networks(self._spec, self._origin.shared(), self._filling))

    @cached_property
    def volumes(self) -> tuple[WantedVolume, ...]:
        """The named volumes."""
        return tuple(rooms.volumes(self._spec, self._origin.shared(), self._filling))

    def containers(self) -> Iterator[WantedContainer]:
        """Yield every instance, those that others need first.

        Raises:
            NotInstallableHere: `app-order`, `app-ports`, `app-mount`.
        """
        for service in start_order(self._spec.services):
            for number in range(1, service.instances + 1):
                yield self._container(service, number)

    def _container(self, service: Service, number: int) -> WantedContainer:
        ports = opened(service, number, self._filling)
        image = self._at.images[service.image]
        body = container_body(service, image, ports, self._ground)
        name = self._name(service, number)
        files = tuple(secret_files(service, self._at.settings))
        at = rooms.endpoints(service, (service.name, name), self._network_names)
        config = self._config(service, name, body, at, files)
        self._configs.setdefault(service.name, config)
        labels: dict[str, JsonValue] = {
            **self._own_labels(service),
            **container_labels(self._origin, service, number, str(image)),
            **config_labels(name, config, once=self._is_awaited(service)),
        }
        return WantedContainer(
            service=service.name,
            number=number,
            name=name,
            config=config,
            body={**body.document, "Labels": labels},
            endpoints=at,
            borrowed=tuple(borrowed(service)),
            mounted=self._targets(service),
            anonymous=tuple(body.mounts.anonymous),
            files=files,
            needs=_needs(service),
            restart=service.restart,
            restart_retries=service.restart_retries,
            stop_seconds=service.stop_seconds,
            checks=outside(service),
            doors=ports.doors,
            settle_seconds=self._spec.settle_seconds,
            ports=() if service.network_mode else ports.fixed,
            gpus=service.gpus is not None and self._at.gpus,
            overlaps=_may_overlap(service, ports),
            optional=self._is_optional(service),
            once=self._is_awaited(service),
        )

    @cached_property
    def _ground(self) -> Ground:
        return Ground(
            sources=Sources(self._at.settings, self._filling),
            volumes={one.key: one.name for one in self.volumes},
            files=self._at.files,
            way=way_to_gpus(self._at.facts) if self._at.gpus else Way.NONE,
        )

    @cached_property
    def _network_names(self) -> Mapping[str, str]:
        return {one.key: one.name for one in self.networks}

    def _name(self, service: Service, number: int) -> str:
        if service.container_name and number == 1:
            return service.container_name
        return f"{self._spec.project}-{service.name}-{number}"

    def _own_labels(self, service: Service) -> dict[str, str]:
        return {one.name: self._filling.text(one.value) for one in service.labels}

    def _config(
        self,
        service: Service,
        name: str,
        body: Body,
        at: Sequence[Endpoint],
        files: Sequence[SecretFile],
    ) -> str:
        """Return the digest over what a container is made from.

        A secret counts by its digest: what it says is nobody's business, that it changed is.
        """
        settings = self._at.settings
        used = {use.name for use in service.secrets}
        secrets: dict[str, JsonValue] = {
            one: str(Digest.of(settings.secrets[one].value))
            for one in sorted(used)
            if one in settings.secrets
        }
        parts: dict[str, JsonValue] = {
            "name": name,
            "body": body.document,
            "labels": {**self._own_labels(service)},
            "networks": [[one.network, dict(one.settings)] for one in at],
            "shared": [[member, self._configs.get(of, "")] for member, of in borrowed(service)],
            "secrets": secrets,
        }
        if files:
            parts["files"] = [[one.target, one.mode, one.uid, one.gid] for one in files]
        return Digest.of(canonical(parts)).hex

    @staticmethod
    def _targets(service: Service) -> tuple[str, ...]:
        return tuple(one.target for one in service.mounts if one.kind != "anonymous")

    def _is_awaited(self, service: Service) -> bool:
        """Tell whether another service waits for this one to end."""
        return any(need.condition == "completed" for need in self._needing(service))

    def _is_optional(self, service: Service) -> bool:
        """Tell whether it is there for others alone, and all of them can do without."""
        needing = list(self._needing(service))
        return bool(needing) and not any(need.required for need in needing)

    def _needing(self, service: Service) -> Iterator[Need]:
        for other in self._spec.services:
            yield from (need for need in _needs(other) if need.service == service.name)


def _needs(service: Service) -> tuple[Need, ...]:
    asked = [
        Need(one.service, one.condition, one.required, one.restart) for one in service.dependencies
    ]
    named = {one.service for one in asked}
    shared = [Need(name) for _, name in borrowed(service) if name not in named]
    return (*asked, *shared)


def _may_overlap(service: Service, ports: Opened) -> bool:
    """Tell whether two of a service may run at once: nothing that only one can have.

    The document's own strategy must allow it, too.
    """
    upgrade = service.upgrade
    if upgrade is None or not (upgrade.minimum_health_percent and upgrade.maximum_over_percent):
        return False
    alone = ports.fixed or service.network_mode or service.container_name
    fixed = any(one.ipv4 or one.ipv6 for one in service.networks)
    keeps = any(one.kind in ("volume", "host") and not one.read_only for one in service.mounts)
    return not (alone or fixed or keeps)
