"""Whether there is room for an app beside what others run: names, ports, networks, volumes.

Changes nothing. What is ours is told by labels alone; nothing of anybody else is ever touched.
"""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from installer.app.wanted import Deployment, HostPort, WantedNetwork, WantedVolume
from installer.engines.appapi import AppApi
from installer.engines.appfacts import Listed, Named
from installer.engines.containerfacts import PRODUCT, PROJECT
from manifests.errors import NotInstallableHere

_ANY: Final = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not bound to
_KINDS: Final = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
SETTLE_TRIES: Final = 40
"""Looks at a port that something has which an engine may be about to list: ten seconds in all."""
SETTLE_PAUSE_S: Final = 0.25
"""Seconds between two of them."""


def check_room(apps: AppApi, wanted: Deployment) -> None:
    """Refuse what could not start because others have its names or ports; changes nothing.

    Raises:
        NotInstallableHere: `app-name-taken`, `app-port-taken`, `app-network-missing`,
            `app-volume-missing`.
        EngineFailed: it does not answer.
    """
    others, ours = _split(apps, wanted)
    _refuse_names(wanted, others)
    _refuse_ports(apps, wanted, others, ours)
    for network in wanted.networks:
        _check_named(wanted, network, apps.network(network.name), "network")
    for volume in wanted.volumes:
        _check_named(wanted, volume, apps.volume(volume.name), "volume")


def _split(apps: AppApi, wanted: Deployment) -> tuple[list[Listed], list[Listed]]:
    """Return the containers of others, and ours."""
    listed = apps.listed()
    others = [one for one in listed if not _is_ours(one.labels, wanted)]
    return others, [one for one in listed if one not in others]


def _is_ours(labels: Mapping[str, str], wanted: Deployment) -> bool:
    return (labels.get(PROJECT), labels.get(PRODUCT)) == (wanted.project, wanted.product)


def _refuse_names(wanted: Deployment, others: Sequence[Listed]) -> None:
    names = {one.name for one in wanted.containers}
    for other in others:
        if other.labels.get(PROJECT) == wanted.project:
            whose = other.labels.get(PRODUCT, "")
            raise _taken(
                f"project {wanted.project} has a container {other.name} that belongs to "
                + (f"product {whose}" if whose else "nothing that was installed here"),
                hint=f"remove it: docker rm -f {other.name}; if Docker Compose started it:"
                f" docker compose -p {wanted.project} down (volumes stay)",
            )
        if other.name in names:
            raise _taken(
                f"another container is called {other.name}, as one of {wanted.product} must be",
                hint=f"rename it: docker rename {other.name} NAME; or remove it",
            )


def _check_named(
    wanted: Deployment, one: WantedNetwork | WantedVolume, found: Named | None, kind: str
) -> None:
    if one.external and found is None:
        code = "app-network-missing" if kind == "network" else "app-volume-missing"
        raise NotInstallableHere(
            code,
            f"{wanted.product} expects a {kind} {one.name} that others made, and there is none",
            hint=f"docker {kind} create {one.name}",
        )
    whose = found.labels.get(PROJECT) if found else None
    strange = whose != wanted.project and (whose is not None or kind == "network")
    if found is not None and not one.external and strange:
        owner = f"project {whose}" if whose else "nothing that was installed here"
        raise _taken(
            f"{kind} {one.name}, which {wanted.product} needs, belongs to {owner}",
            hint=f"docker {kind} inspect {one.name}; remove it if nobody needs it",
        )


def _refuse_ports(
    apps: AppApi, wanted: Deployment, others: Sequence[Listed], ours: Sequence[Listed]
) -> None:
    """Refuse ports that others have.

    An engine that has just been started brings containers back by itself, and has their ports
    before it lists them: where some are ours, an unknown holder is looked at until that is over.
    """
    for left in reversed(range(SETTLE_TRIES)):
        refusal = _taken_port(wanted, others, ours)
        if refusal is None:
            return
        if not (left and ours) or refusal.context.get("container"):
            raise refusal
        time.sleep(SETTLE_PAUSE_S)
        others, ours = _split(apps, wanted)


def _taken_port(
    wanted: Deployment, others: Sequence[Listed], ours: Sequence[Listed]
) -> NotInstallableHere | None:
    held = set(_open(ours))
    theirs = {port: other.name for other in others for port in _open([other])}
    for container in wanted.containers:
        for port in container.ports:
            holder = next((name for one, name in theirs.items() if _clash(port, one)), "")
            mine = any(_clash(port, one) for one in held)
            if holder or (not mine and _is_bound(port)):
                return _port_taken(wanted, container.service, port, holder)
    return None


def _open(listed: Collection[Listed]) -> Iterator[HostPort]:
    for one in listed:
        yield from (HostPort(number, kind, address) for address, number, kind in one.ports)


def _clash(one: HostPort, other: HostPort) -> bool:
    if (one.number, one.protocol) != (other.number, other.protocol):
        return False
    return one.address == other.address or one.address in _ANY or other.address in _ANY


def _is_bound(port: HostPort) -> bool:
    """Tell whether a program of this host has a port, as far as that can be tried."""
    if port.protocol not in _KINDS:
        return False
    family = socket.AF_INET6 if ":" in port.address else socket.AF_INET
    with suppress(OSError), socket.socket(family, _KINDS[port.protocol]) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((port.address, port.number))
        except OSError as error:
            return error.errno == errno.EADDRINUSE
    return False


def _taken(what: str, hint: str) -> NotInstallableHere:
    return NotInstallableHere("app-name-taken", what, hint=hint)


def _port_taken(
    wanted: Deployment, service: str, port: HostPort, holder: str
) -> NotInstallableHere:
    who = f"container {holder}" if holder else "a program of this host"
    return NotInstallableHere(
        "app-port-taken",
        f"service {service} of {wanted.product} needs port {port.words}, which {who} has",
        hint=f"docker stop {holder}" if holder else f"ss -lnp 'sport = :{port.number}' shows it",
        port=port.number,
        container=holder or None,
    )
