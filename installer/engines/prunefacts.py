"""What an engine tells of images, containers and volumes, read into facts; pure.

An engine is believed in what it says, but not in the form: what can't be read is as if unsaid.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from installer.engines.dockerapi import full_name
from installer.engines.layersizes import layers_of
from manifests.digest import Digest, MalformedDigest
from manifests.imagenames import repository_of
from manifests.prunerules.inventory import Container, ContainerState, Layer, Volume

_DAWN: Final = datetime(1971, 1, 1, tzinfo=UTC)
"""What engines write for `never` lies before this."""


@dataclass(frozen=True, slots=True)
class EngineImage:
    """An image as the engine tells of it.

    Attributes:
        identity: what the engine knows it by.
        names: full references, by tag or by digest.
        layers: lowest first.
        created: when it was built.
        named: when it got its newest name; None if it never had one.
        labels: of its config.
        ancestors: images that it was built on here, which can't go before it.
    """

    identity: Digest
    names: tuple[str, ...]
    layers: tuple[Layer, ...]
    created: datetime
    named: datetime | None
    labels: Mapping[str, str]
    ancestors: frozenset[Digest] = frozenset()


@dataclass(frozen=True, slots=True)
class ListedImage:
    """An image in the list of all.

    Attributes:
        identity: as the engine writes it.
        names: full references, by tag or by digest.
        size: of the whole.
    """

    identity: str
    names: tuple[str, ...]
    size: int


def listed_images(found: Sequence[Mapping[str, Any]]) -> tuple[ListedImage, ...]:
    """Return the images of a list by identity; containerd's store may list one more than once."""
    made = {
        identity: ListedImage(identity, names_of(one), count_of(one.get("Size")))
        for one in without_steps(found)
        for identity in (str(one["Id"]),)
    }
    return tuple(made[identity] for identity in sorted(made))


def image_of(found: Mapping[str, Any], sizes: Mapping[str, int]) -> EngineImage | None:
    """Return an image; None if it has no ID that can be read."""
    identity = _digest(found.get("Id"))
    if identity is None:
        return None
    layers = layers_of(diff_ids_of(found), (), 0)
    return EngineImage(
        identity=identity,
        names=names_of(found),
        layers=tuple(Layer(one.key, sizes.get(one.key, 0)) for one in layers),
        created=instant_of(found.get("Created")) or _DAWN,
        named=instant_of((found.get("Metadata") or {}).get("LastTagTime")),
        labels=_labels((found.get("Config") or {}).get("Labels")),
    )


def without_steps(listed: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield what an engine lists without being asked for all: named, or no step towards another.

    One list is asked for instead of two: in containerd's store it takes the engine long.
    """
    parents = {one.get("ParentId") for one in listed}
    return (one for one in listed if names_of(one) or one["Id"] not in parents)


def ancestors_of(image: str, parents: Mapping[str, object]) -> frozenset[Digest]:
    """Follow the steps of a build on this engine down; a circle ends it."""
    found: set[Digest] = set()
    at = _digest(parents.get(image))
    while at is not None and at not in found:
        found.add(at)
        at = _digest(parents.get(str(at)))
    return frozenset(found)


def names_of(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names; containerd's store makes one by digest of each tag, which is none."""
    tags, digests = (
        [name for text in found.get(key) or () if (name := full_name(str(text)))]
        for key in ("RepoTags", "RepoDigests")
    )
    made = {f"{repository_of(name)}@{found.get('Id')}" for name in tags}
    return (*tags, *(name for name in digests if name not in made))


def container_of(listed: Mapping[str, Any]) -> Container:
    """Return a container as it is listed: without when it ended."""
    mounts = listed.get("Mounts") or ()
    names = [str(name).removeprefix("/") for name in listed.get("Names") or ()]
    return Container(
        identity=str(listed.get("Id")),
        name=next((name for name in names if "/" not in name), str(listed.get("Id"))[:12]),
        image=_digest(listed.get("ImageID")),
        state=_state(listed.get("State")),
        created=datetime.fromtimestamp(count_of(listed.get("Created")), UTC),
        image_name=str(listed.get("Image") or ""),
        command=str(listed.get("Command") or ""),
        labels=_labels(listed.get("Labels")),
        volumes=frozenset(str(one["Name"]) for one in mounts if one.get("Type") == "volume"),
    )


def volume_of(found: Mapping[str, Any], usage: Mapping[str, Any]) -> Volume:
    """Return a volume with its size, if that was measured."""
    return Volume(
        name=str(found.get("Name")),
        driver=str(found.get("Driver") or ""),
        created=instant_of(found.get("CreatedAt")),
        labels=_labels(found.get("Labels")),
        size=count_of(usage.get("Size")),
    )


def _state(text: object) -> ContainerState:
    try:
        return ContainerState(str(text))
    except ValueError:
        return ContainerState.UNKNOWN


def _labels(found: object) -> dict[str, str]:
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, Mapping) else {}


def count_of(found: object) -> int:
    """Return a number that is not negative; 0 for anything else."""
    return found if isinstance(found, int) and found > 0 else 0


def _digest(text: object) -> Digest | None:
    try:
        return Digest.parse(str(text))
    except MalformedDigest:
        return None


def instant_of(text: object) -> datetime | None:
    """Return a time, None for what engines write instead of `never`."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return aware.astimezone(UTC) if aware > _DAWN else None


def diff_ids_of(found: Mapping[str, Any]) -> Sequence[object]:
    """Return the layers of an image as the engine writes them, lowest first."""
    layers = (found.get("RootFS") or {}).get("Layers")
    return layers if isinstance(layers, list) else ()
