"""The networks of an app and where its services are in them, in the engine's terms; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from installer.app.filling import Filling
from installer.app.wanted import Endpoint, WantedNetwork, WantedVolume
from installer.engines.containerfacts import CONFIG
from manifests.digest import Digest
from manifests.runspec import DEFAULT_NETWORK, NetworkSpec, RunSpec, VolumeSpec
from manifests.service import Attachment, Service
from manifests.serviceinputs import Setting
from manifests.strictjson import JsonValue, canonical

NETWORK_LABEL: Final = "com.docker.compose.network"
VOLUME_LABEL: Final = "com.docker.compose.volume"


def networks(spec: RunSpec, labels: Mapping[str, str], filling: Filling) -> list[WantedNetwork]:
    """Return the networks that services are in; `labels` are ours."""
    used = {key for service in spec.services for key in _keys(service)}
    described = {one.key: one for one in spec.networks}
    wanted = [described.get(key, NetworkSpec(key=key)) for key in sorted(used)]
    return [_network(spec, one, labels, filling) for one in wanted]


def volumes(spec: RunSpec, labels: Mapping[str, str], filling: Filling) -> list[WantedVolume]:
    """Return the app's named volumes; `labels` are ours."""
    return [_volume(spec, one, labels, filling) for one in spec.volumes]


def endpoints(
    service: Service, aliases: tuple[str, ...], names: Mapping[str, str]
) -> tuple[Endpoint, ...]:
    """Return where a service's container is.

    Args:
        service: which.
        aliases: that it has in each network besides those that the service asks for.
        names: of the networks in the engine, by their keys.
    """
    if service.network_mode:
        return ()
    attached = service.networks or (Attachment(network=DEFAULT_NETWORK),)
    return tuple(Endpoint(names[one.network], _settings(one, aliases)) for one in attached)


def _keys(service: Service) -> Iterator[str]:
    if not service.network_mode:
        yield from (one.network for one in service.networks)
        if not service.networks:
            yield DEFAULT_NETWORK


def _settings(at: Attachment, aliases: tuple[str, ...]) -> dict[str, JsonValue]:
    named: list[JsonValue] = [*dict.fromkeys((*aliases, *at.aliases))]
    fixed: dict[str, JsonValue] = {
        name: value for name, value in (("IPv4Address", at.ipv4), ("IPv6Address", at.ipv6)) if value
    }
    return {"Aliases": named, **({"IPAMConfig": fixed} if fixed else {})}


def _network(
    spec: RunSpec, one: NetworkSpec, labels: Mapping[str, str], filling: Filling
) -> WantedNetwork:
    name = one.name or (one.key if one.external else f"{spec.project}_{one.key}")
    body: dict[str, JsonValue] = {
        "Name": name,
        "CheckDuplicate": True,
        "Driver": one.driver or "bridge",
        "Internal": one.internal,
        "Attachable": one.attachable,
        "EnableIPv6": one.ipv6,
        "Options": _pairs(one.options, filling),
        "IPAM": {"Config": [_subnet(text) for text in one.subnets]},
    }
    config = Digest.of(canonical(body)).hex
    own: dict[str, JsonValue] = {**labels, NETWORK_LABEL: one.key, CONFIG: config}
    body["Labels"] = {**_pairs(one.labels, filling), **own}
    return WantedNetwork(one.key, name, one.external, config, body)


def _volume(
    spec: RunSpec, one: VolumeSpec, labels: Mapping[str, str], filling: Filling
) -> WantedVolume:
    name = one.name or (one.key if one.external else f"{spec.project}_{one.key}")
    body: dict[str, JsonValue] = {
        "Name": name,
        "Driver": one.driver or "local",
        "DriverOpts": _pairs(one.options, filling),
        "Labels": {**_pairs(one.labels, filling), **labels, VOLUME_LABEL: one.key},
    }
    return WantedVolume(one.key, name, one.external, body)


def _subnet(text: str) -> dict[str, JsonValue]:
    subnet, _, gateway = text.partition("=")
    return {"Subnet": subnet, **({"Gateway": gateway} if gateway else {})}


def _pairs(settings: tuple[Setting, ...], filling: Filling) -> dict[str, JsonValue]:
    return {one.name: filling.text(one.value) for one in settings}
