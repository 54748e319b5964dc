"""A Compose project that was read in whole -> the parts of a `RunSpec`.

Owns the order of the parts of a service and what holds between services. What each key means is
for the modules beside this one.

Source: Compose specification, as Docker Compose 2.26 carries it out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Final, TypeVar, cast

from pydantic import ValidationError

from bundler.discover.compose.notes import Refused
from bundler.discover.compose.service import Service as Composed
from bundler.discover.compose.source import Composed as Project
from bundler.discover.compose.tree import Value
from bundler.discover.compose.unexpected import Unexpected, tell_unexpected
from bundler.run.commands import (
    command_fields,
    environment_fields,
    label_fields,
    pairs,
    settings,
)
from bundler.run.draft import Draft
from bundler.run.keys import check_service
from bundler.run.life import (
    dependency_fields,
    ending_fields,
    gpu_fields,
    instance_fields,
    probe_fields,
    restart_fields,
)
from bundler.run.limits import limit_fields, privilege_fields
from bundler.run.mounts import Named, borrowed_mounts, mount_fields
from bundler.run.networks import (
    external_name,
    labels_of,
    linked,
    naming_fields,
    network_fields,
    network_spec,
    tell_undefined,
)
from bundler.run.ports import port_fields
from bundler.run.scene import Scene, check_keys, entry
from bundler.run.secrets import Store, config_mounts, secret_fields
from manifests.runspec import DEFAULT_NETWORK, MAX_SERVICES, NetworkSpec, VolumeSpec
from manifests.service import Attachment, Service
from manifests.serviceinputs import Mount

_VOLUME_KEYS: Final = MappingProxyType(
    dict.fromkeys(("driver", "driver_opts", "external", "labels", "name"))
)
_PLAIN_PARTS: Final = (
    command_fields,
    environment_fields,
    port_fields,
    naming_fields,
    limit_fields,
    privilege_fields,
    probe_fields,
    restart_fields,
    instance_fields,
    gpu_fields,
    ending_fields,
)
_Made = TypeVar("_Made")
_Part = Callable[[], Mapping[str, object]]


def composed(project: Project, scene: Scene) -> Draft:
    """Return what a project's active services run as; what is wrong is told."""
    if len(project.services) > MAX_SERVICES:
        message = f"expected at most {MAX_SERVICES} services, found {len(project.services)}"
        scene.problem(project.services[0].value, "compose-too-large", message)
        return Draft(())
    converter = _Converter(project, scene)
    services = converter.services()
    return Draft(
        services=services,
        networks=tuple(converter.networks(services)),
        volumes=tuple(converter.volumes(services)),
        secrets=tuple(converter.store.kept.values()),
        variables=tuple(scene.variables.values()),
        remarks=tuple(scene.remarks),
        asks_gpus=any(one.gpus is not None for one in services),
    )


class _Converter:
    """Converts one project.

    Args:
        project: as it was read.
        scene: where things are told.
    """

    def __init__(self, project: Project, scene: Scene) -> None:
        sections = project.sections
        self._project = project
        self._scene = scene
        self._active = [one.name for one in project.services]
        self.store = Store(sections["secrets"], sections["configs"], {})

    def services(self) -> tuple[Service, ...]:
        """Return the services that are started and have an image."""
        found: dict[str, Service] = {}
        for one in self._project.services:
            service = self._service(one)
            if service is not None:
                found[one.name] = service
        self._share(found)
        return tuple(found.values())

    def _service(self, one: Composed) -> Service | None:
        image = self._image(one)
        if image is None:
            return None
        self._try(one.value, partial(check_service, self._scene, one))
        fields: dict[str, object] = {
            "name": one.name,
            "image": image,
            "place": str(one.value.key)[-1024:],
        }
        mounts: list[Mount] = []
        for part in self._parts(one):
            found = self._try(one.value, part) or {}
            mounts += cast("tuple[Mount, ...]", found.get("mounts", ()))
            fields.update(found)
        fields["mounts"] = tuple(mounts)
        return self._try(one.value, partial(Service.model_validate, fields))

    def _image(self, one: Composed) -> str | None:
        """Return what a service's image is called; None for what is told elsewhere."""
        image = one.value.at("image")
        if image is not None and image.text:
            return image.text if image.known and not image.unset else None
        return self._project.namer.name(one) or None if one.build is not None else None

    def _parts(self, one: Composed) -> Iterator[_Part]:
        scene, sections = self._scene, self._project.sections
        named = Named(sections["volumes"], partial(self._tell_volume, one.by))
        yield partial(label_fields, scene, one, self._project.files)
        yield partial(mount_fields, scene, one, named)
        yield partial(self._configs, one)
        yield partial(secret_fields, scene, one, self.store)
        yield partial(network_fields, scene, one, sections["networks"])
        yield partial(dependency_fields, scene, one, self._active)
        for fields in _PLAIN_PARTS:
            yield partial(fields, scene, one)

    def _configs(self, one: Composed) -> Mapping[str, object]:
        return {"mounts": config_mounts(self._scene, one, self.store)}

    def _tell_volume(self, by: str, value: Value, name: str) -> None:
        tell_undefined(self._scene, value, f"{by}: volume {name}", "volumes")

    def _try(self, value: Value, part: Callable[[], _Made]) -> _Made | None:
        """Return what one part makes of a value; None where it is wrong, which is told."""
        try:
            return part()
        except Unexpected as error:
            tell_unexpected(error, self._scene.notes)
        except Refused:
            pass
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            where = ".".join(str(one) for one in first["loc"])
            self._scene.problem(value, "compose-malformed", f"{where}: {first['msg']}")
        return None

    def _share(self, found: dict[str, Service]) -> None:
        """Give services the mounts and the further names that others see of them."""
        mounts = {name: one.mounts for name, one in found.items()}
        for one in self._project.services:
            if one.name in found:
                borrow = partial(borrowed_mounts, self._scene, one, mounts)
                more = self._try(one.value, borrow) or ()
                found[one.name] = _with_mounts(found[one.name], more)
                links = self._try(one.value, partial(linked, self._scene, one)) or {}
                for alias, name in links.items():
                    if name in found:
                        found[name] = _called(found[name], alias, found[one.name])

    def networks(self, services: tuple[Service, ...]) -> Iterator[NetworkSpec]:
        """Yield the networks that services are in."""
        used = {at.network for one in services for at in one.networks}
        plain = any(not one.networks and not one.network_mode for one in services)
        used |= {DEFAULT_NETWORK} if plain else set()
        yield from self._top("networks", used, network_spec)

    def volumes(self, services: tuple[Service, ...]) -> Iterator[VolumeSpec]:
        """Yield the volumes that services mount."""
        used = {at.source for one in services for at in one.mounts if at.kind == "volume"}
        yield from self._top("volumes", used, _volume)

    def _top(
        self, section: str, used: set[str], make: Callable[[Scene, str, Value], _Made]
    ) -> Iterator[_Made]:
        for key, value in self._project.sections[section].items():
            made = self._try(value, partial(make, self._scene, key, value)) if key in used else None
            if made is not None:
                yield made


def _with_mounts(service: Service, more: tuple[Mount, ...]) -> Service:
    own = {mount.target for mount in service.mounts}
    added = tuple(mount for mount in more if mount.target not in own)
    return service.model_copy(update={"mounts": (*service.mounts, *added)})


def _called(service: Service, alias: str, by: Service) -> Service:
    """Return a service that has one more name, in the networks that it shares with another."""
    if service.network_mode or alias == service.name:
        return service
    networks = service.networks or (Attachment(network=DEFAULT_NETWORK),)
    shared = {at.network for at in by.networks} or {DEFAULT_NETWORK}
    named = tuple(
        at.model_copy(update={"aliases": tuple(dict.fromkeys((*at.aliases, alias)))})
        if at.network in shared
        else at
        for at in networks
    )
    return service.model_copy(update={"networks": named})


def _volume(scene: Scene, key: str, value: Value) -> VolumeSpec:
    check_keys(scene, value, f"volume {key}", _VOLUME_KEYS)
    external, name = external_name(scene, value)
    driver = entry(value, "driver")
    return VolumeSpec(
        key=key,
        name=name,
        external=external,
        driver=scene.fixed(driver, "a driver") if driver is not None else "",
        options=settings(pairs(scene, entry(value, "driver_opts"))),
        labels=settings(pairs(scene, labels_of(value))),
    )
