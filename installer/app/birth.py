"""Makes a wanted container: its document completed by what only the engine's own facts can tell.

Owns three things: which name it gets while its predecessor is there, how it comes into more than
one network, and that what an image keeps on a volume without a name is handed on to the next one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from installer.app.secretfiles import archive
from installer.app.wanted import Endpoint, WantedContainer
from installer.engines.appapi import AppApi
from installer.engines.containerfacts import ContainerFacts
from installer.engines.containers import ContainerRefused
from manifests.strictjson import JsonValue


def give_birth(
    apps: AppApi,
    wanted: WantedContainer,
    name: str,
    shared: Mapping[str, str],
    before: ContainerFacts | None,
) -> str:
    """Make a container, not started, and return its ID.

    Args:
        apps: the engine.
        wanted: what it shall be.
        name: that it gets for now.
        shared: IDs of the containers whose name spaces it uses, by service.
        before: the one that it takes the place of.

    Raises:
        ContainerRefused: with the engine's words.
        EngineFailed: it does not answer.
    """
    inherited = _inherited(apps, wanted, before) if before and not wanted.overlaps else {}
    made = apps.create(name, _completed(wanted, shared, inherited))
    try:
        if wanted.files:
            apps.put(made, archive(wanted.files))
        join(apps, made, wanted.endpoints[1:])
    except ContainerRefused:
        apps.remove(made, fresh=True)
        raise
    return made


def join(apps: AppApi, container: str, endpoints: Sequence[Endpoint]) -> None:
    """Put a container into the networks that it is not in yet: engines take one when it is made.

    Raises:
        ContainerRefused: with the engine's words.
    """
    found = apps.look(container) if endpoints else None
    for one in endpoints if found else ():
        if found is not None and one.network not in found.networks:
            apps.connect(container, one.network, one.settings)


def free_name(wanted: WantedContainer, sequence: int, taken: Sequence[str]) -> str:
    """Return the container's own name, or one for as long as another container has that."""
    return next(name for name in _names(wanted.name, sequence) if name not in taken)


def _names(name: str, sequence: int) -> Iterator[str]:
    yield name
    yield f"{name}-r{sequence}"
    number = 2
    while True:
        yield f"{name}-r{sequence}-{number}"
        number += 1


def _completed(
    wanted: WantedContainer, shared: Mapping[str, str], inherited: Mapping[str, str]
) -> dict[str, JsonValue]:
    document: dict[str, Any] = dict(wanted.body)
    host = dict(document.get("HostConfig") or {})
    host |= {member: f"container:{shared[of]}" for member, of in wanted.borrowed}
    if wanted.endpoints:
        first = wanted.endpoints[0]
        host["NetworkMode"] = first.network
        document["NetworkingConfig"] = {"EndpointsConfig": {first.network: dict(first.settings)}}
    if inherited:
        host["Mounts"] = _handed_on(host.get("Mounts") or (), inherited)
    return {**document, "HostConfig": host}


def _handed_on(
    mounts: Sequence[Mapping[str, JsonValue]], inherited: Mapping[str, str]
) -> list[dict[str, JsonValue]]:
    kept = [dict(one) for one in mounts if one.get("Target") not in inherited]
    more: list[dict[str, JsonValue]] = [
        {"Type": "volume", "Source": name, "Target": target} for target, name in inherited.items()
    ]
    return [*kept, *more]


def _inherited(apps: AppApi, wanted: WantedContainer, before: ContainerFacts) -> dict[str, str]:
    """Return the predecessor's volumes that the new one would get empty ones in place of."""
    candidates = {
        target: name
        for target, name in before.volumes.items()
        if name and target not in wanted.mounted
    }
    if not candidates:
        return {}
    wants = {*wanted.anonymous, *apps.image_volumes(str(wanted.body["Image"]))}
    return {target: name for target, name in candidates.items() if target in wants}


def predecessor(wanted: WantedContainer, found: Sequence[ContainerFacts]) -> ContainerFacts | None:
    """Return the container whose place a new one takes."""
    same = [one for one in found if (one.service, one.number) == (wanted.service, wanted.number)]
    return max(same, key=lambda one: (one.name == wanted.name, one.started), default=None)
