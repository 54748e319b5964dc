"""Which networks a service is in, under which names, and the networks of the app.

Source: Compose specification, "networks", "network_mode", "links", and the top-level "networks".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from bundler.discover.compose.service import Service
from bundler.discover.compose.shape import by_name
from bundler.discover.compose.tree import Value
from bundler.discover.compose.unexpected import Unexpected
from bundler.run.commands import pairs, settings
from bundler.run.scalars import items, truth, whole
from bundler.run.scene import Scene, check_keys, entry
from manifests.runspec import DEFAULT_NETWORK, NetworkSpec
from manifests.service import SERVICE_MODE, Attachment, Naming

_KEYS: Final = MappingProxyType(
    dict.fromkeys(
        (
            "aliases",
            "driver_opts",
            "gw_priority",
            "interface_name",
            "ipv4_address",
            "ipv6_address",
            "link_local_ips",
            "mac_address",
            "priority",
        )
    )
)
_TOP_KEYS: Final = MappingProxyType(
    dict.fromkeys(
        (
            "attachable",
            "driver",
            "driver_opts",
            "enable_ipv4",
            "enable_ipv6",
            "external",
            "internal",
            "ipam",
            "labels",
            "name",
        )
    )
)
_LEFT: Final = ("driver_opts", "gw_priority", "interface_name", "link_local_ips", "mac_address")
_MODES: Final = frozenset({"none", "host", "bridge"})


def network_fields(scene: Scene, service: Service, known: Mapping[str, Value]) -> dict[str, object]:
    """Return the networks of a service, or the mode that stands for them.

    Args:
        scene: where things are told.
        service: whose.
        known: networks of the app.

    Raises:
        Unexpected, Refused: they can't be read.
    """
    mode, networks = entry(service.value, "network_mode"), entry(service.value, "networks")
    if mode is not None and mode.text:
        return _mode(scene, mode, service, networks)
    told = list(networks.entries) if networks is not None else []
    for name, value in told:
        if name != DEFAULT_NETWORK and name not in known:
            tell_undefined(scene, value, f"{service.by}: network {name}", "networks")
    ordered = sorted(told, key=lambda one: (-_priority(one[1]), one[0]))
    return {"networks": tuple(_attachment(scene, name, value, service) for name, value in ordered)}


def _mode(scene: Scene, mode: Value, service: Service, networks: Value | None) -> dict[str, object]:
    text = scene.fixed(mode, "a network mode")
    if networks is not None and networks.content:
        raise Unexpected(mode, f"`network_mode:` or `networks:` in {service.by}, not both")
    if text in _MODES or text.startswith(SERVICE_MODE):
        return {"network_mode": text}
    scene.remark(mode, f"{service.by}: network_mode {text} is left out: `default` is used instead")
    return {}


def _priority(value: Value) -> int:
    priority = entry(value, "priority")
    return whole(priority, "a priority", -(2**31), 2**31) if priority is not None else 0


def _attachment(scene: Scene, name: str, value: Value, service: Service) -> Attachment:
    where = f"network {name} of {service.by}"
    check_keys(scene, value, where, _KEYS)
    for key in _LEFT:
        left = entry(value, key)
        if left is not None:
            scene.remark(left, f"{service.by}: {key} in network {name} is left out")
    aliases = items(value.at("aliases"))
    ipv4, ipv6 = entry(value, "ipv4_address"), entry(value, "ipv6_address")
    return Attachment(
        network=name,
        aliases=tuple(scene.fixed(one, "a name") for one in aliases),
        ipv4=scene.fixed(ipv4, "an address") if ipv4 is not None else "",
        ipv6=scene.fixed(ipv6, "an address") if ipv6 is not None else "",
    )


def naming_fields(scene: Scene, service: Service) -> dict[str, object]:
    """Return what a service is called, and whom it asks for names.

    Raises:
        Unexpected, Refused: it can't be read.
    """
    found: dict[str, object] = {}
    for key in ("hostname", "domainname", "mac_address"):
        value = entry(service.value, key)
        found.update({key: scene.fixed(value, f"a {key}")} if value is not None else {})
    for key in ("dns", "dns_search", "dns_opt"):
        listed = items(service.value.at(key))
        found.update({key: tuple(scene.fixed(one, "text") for one in listed)} if listed else {})
    if hosts := tuple(_hosts(scene, service)):
        found["extra_hosts"] = hosts
    return {"naming": Naming.model_validate(found)} if found else {}


def _hosts(scene: Scene, service: Service) -> Iterator[str]:
    for value in items(service.value.at("extra_hosts")):
        text = scene.fixed(value, "NAME:ADDRESS")
        name, sign, address = text.partition("=") if "=" in text else text.partition(":")
        if not name or not sign or not address:
            raise Unexpected(value, "NAME:ADDRESS")
        bare = address[1:-1] if address.startswith("[") and address.endswith("]") else address
        yield f"{name}:{bare}"


def network_spec(scene: Scene, key: str, value: Value) -> NetworkSpec:
    """Return a network of the app.

    Raises:
        Unexpected, Refused: it can't be read.
    """
    where = f"network {key}"
    check_keys(scene, value, where, _TOP_KEYS)
    external, name = external_name(scene, value)
    driver = entry(value, "driver")
    flags = {
        flag: truth(found)
        for flag in ("internal", "attachable")
        if (found := entry(value, flag)) is not None
    }
    ipv6, ipv4 = entry(value, "enable_ipv6"), entry(value, "enable_ipv4")
    if ipv4 is not None and not truth(ipv4):
        scene.remark(ipv4, f"{where}: enable_ipv4 is left out")
    return NetworkSpec(
        key=key,
        name=name,
        external=external,
        driver=scene.fixed(driver, "a driver") if driver is not None else "",
        options=settings(pairs(scene, entry(value, "driver_opts"))),
        subnets=tuple(_subnets(scene, value, where)),
        ipv6=ipv6 is not None and truth(ipv6),
        labels=settings(pairs(scene, labels_of(value))),
        **flags,
    )


def external_name(scene: Scene, value: Value) -> tuple[bool, str]:
    """Return whether a network or volume must be there already, and its name in the engine.

    Raises:
        Unexpected, Refused: it can't be read.
    """
    external, name = entry(value, "external"), entry(value, "name")
    older = entry(value, "external", "name")
    is_external = external is not None and (
        isinstance(external.content, Mapping) or truth(external)
    )
    chosen = name or older
    return is_external, scene.fixed(chosen, "a name") if chosen is not None else ""


def labels_of(value: Value) -> Value | None:
    """Return labels as a mapping, which stand in either form here."""
    labels = entry(value, "labels")
    return by_name(labels, "=") if labels is not None else None


def _subnets(scene: Scene, value: Value, where: str) -> Iterator[str]:
    driver, options = entry(value, "ipam", "driver"), entry(value, "ipam", "options")
    if driver is not None and driver.text != "default":
        scene.remark(driver, f"{where}: ipam.driver {driver.text} is left out")
    if options is not None:
        scene.remark(options, f"{where}: ipam.options is left out")
    for one in items(value.at("ipam", "config")):
        subnet, gateway = entry(one, "subnet"), entry(one, "gateway")
        for key in ("ip_range", "aux_addresses"):
            left = entry(one, key)
            if left is not None:
                scene.remark(left, f"{where}: ipam.config.{key} is left out")
        if subnet is not None:
            at = f"={scene.fixed(gateway, 'an address')}" if gateway is not None else ""
            yield f"{scene.fixed(subnet, 'a subnet')}{at}"


def linked(scene: Scene, service: Service) -> dict[str, str]:
    """Return the other names that a service has for those it is linked to: alias to service.

    Raises:
        Unexpected, Refused: they can't be read.
    """
    links = entry(service.value, "links")
    return {
        scene.fixed(value, "an alias"): name
        for name, value in (links.entries if links is not None else ())
        if value.content
    }


def tell_undefined(scene: Scene, value: Value, what: str, section: str) -> None:
    """Tell that something is used that no file defines."""
    scene.problem(
        value,
        "compose-undefined",
        f"{what} is used, and no file defines it",
        f"define it under `{section}:` at the top of the file, or correct the name",
    )
