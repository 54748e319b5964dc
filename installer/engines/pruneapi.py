"""What an engine has that could be removed, and its removal, through the Docker Engine's API.

Owns the connection and what is read of the engine's answers. Nothing is ever forced: an engine
that says no is right. Does not decide what goes.

An engine lists images without their layers and without when they came, so each is asked for, over
a few connections at once; one that is gone by then is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

from docker import APIClient
from docker.errors import NotFound

from installer.engines.dockerapi import ANSWER_SECONDS, CONNECTIONS, full_name, probe, reported
from installer.engines.layersizes import agreed, layers_of
from manifests.digest import Digest, MalformedDigest
from manifests.errors import EngineFailed
from manifests.imagenames import repository_of
from manifests.pruneinventory import Container, ContainerState, Layer, Volume
from manifests.safetext import safe_line

_DAWN: Final = datetime(1971, 1, 1, tzinfo=UTC)
"""What engines write for `never` lies before this."""
_REMOVE: Final = "engine-remove"

T = TypeVar("T")
R = TypeVar("R")


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


class PruneApi:
    """One engine behind one Unix socket."""

    def __init__(self, url: str) -> None:
        self.url = url
        probe(url)
        client: Any = APIClient
        with reported(url, "engine-unreachable", "does not answer"):
            self._client = client(
                base_url=url, version="auto", timeout=ANSWER_SECONDS, max_pool_size=CONNECTIONS
            )
        self._client.trust_env = False

    def info(self) -> Mapping[str, Any]:
        """Return the engine's description of itself."""
        with reported(self.url, "engine-unreachable", "does not describe itself"):
            found: Mapping[str, Any] = self._client.info()
            return found

    def images(self) -> tuple[EngineImage, ...]:
        """Return every image that is not only a step towards another."""
        with reported(self.url, "engine-answer", "does not list its images"):
            listed = {str(one["Id"]): one.get("Size") for one in self._client.images()}
            parents = {one["Id"]: one.get("ParentId") for one in self._client.images(all=True)}
        asked = self._each(self._image, sorted(listed.items()))
        found = [one for one in asked if one is not None]
        sizes = agreed(one.layers for one in found)
        return tuple(
            replace(
                one,
                layers=tuple(Layer(x.key, sizes.get(x.key, 0)) for x in one.layers),
                ancestors=_ancestors(str(one.identity), parents),
            )
            for one in found
        )

    def containers(self) -> tuple[Container, ...]:
        """Return every container; those that have ended with when, and with their size."""
        made = self.listed_containers()
        ended = [one.identity for one in made if one.state.ended]
        written = self._written() if ended else {}
        ends = dict(zip(ended, self._each(self.ended_at, ended), strict=True))
        return tuple(
            replace(one, finished=ends.get(one.identity), size=written.get(one.identity, 0))
            for one in made
        )

    def listed_containers(self) -> tuple[Container, ...]:
        """Return every container, without when it ended and without its size: in one answer."""
        with reported(self.url, "engine-answer", "does not list its containers"):
            return tuple(map(_container, self._client.containers(all=True)))

    def ended_at(self, container: str) -> datetime | None:
        """Return when a container last ended, None if it never did or is gone."""
        with reported(self.url, "engine-answer", "does not show a container"):
            try:
                state = self._client.inspect_container(container).get("State") or {}
            except NotFound:
                return None
        return _instant(state.get("FinishedAt"))

    def volumes(self, *, sizes: bool) -> tuple[Volume, ...]:
        """Return every volume; with its size only if asked, which takes the engine long."""
        with reported(self.url, "engine-answer", "does not list its volumes"):
            found = self._client.volumes().get("Volumes") or ()
            measured = (self._client.df().get("Volumes") or ()) if sizes else ()
        usage = {str(one.get("Name")): one.get("UsageData") or {} for one in measured}
        return tuple(_volume(one, usage.get(str(one.get("Name")), {})) for one in found)

    def names(self, image: Digest) -> tuple[str, ...] | None:
        """Return the names of an image as they are now, None if it is gone."""
        found = self._inspected(str(image))
        return None if found is None else _names(found)

    def remove_container(self, identity: str, *, anonymous_volumes: bool) -> None:
        """Remove a container that has ended; nothing happens if it is gone.

        Raises:
            EngineFailed: `engine-remove`.
        """
        with self._removing("the container"):
            self._client.remove_container(identity, v=anonymous_volumes, force=False)

    def remove_image(self, name: str) -> None:
        """Remove a name, and the image with its last one; or by ID an image without a name.

        Raises:
            EngineFailed: `engine-remove`.
        """
        with self._removing(name):
            self._client.remove_image(name, force=False)

    def remove_volume(self, name: str) -> None:
        """Remove a volume that no container has; nothing happens if it is gone.

        Raises:
            EngineFailed: `engine-remove`.
        """
        with self._removing(f"volume {name}"):
            self._client.remove_volume(name, force=False)

    def put_back(self, image: Digest, name: str) -> None:
        """Let a name point to an image again; one by digest can't be put back."""
        repository, _, tag = name.rpartition(":")
        if "@" not in name:
            with suppress(EngineFailed), reported(self.url, "engine-tag", f"does not set {name}"):
                self._client.tag(str(image), repository, tag)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _each(self, ask: Callable[[T], R], subjects: Iterable[T]) -> list[R]:
        with ThreadPoolExecutor(CONNECTIONS, "prune") as pool:
            return list(pool.map(ask, subjects))

    def _inspected(self, name: str) -> Mapping[str, Any] | None:
        with reported(self.url, "engine-answer", f"does not show {safe_line(name)}"):
            try:
                found: Mapping[str, Any] = self._client.inspect_image(name)
            except NotFound:
                return None
        return found

    def _image(self, listed: tuple[str, object]) -> EngineImage | None:
        name, size = listed
        found = self._inspected(name)
        if found is None:
            return None
        with reported(self.url, "engine-answer", f"does not tell how {safe_line(name)} was made"):
            try:
                history = self._client.history(name)
            except NotFound:
                return None
        return _image(found, history, _count(size))

    def _written(self) -> dict[str, int]:
        """Return the bytes that each container which has ended wrote."""
        ended = {"status": ["exited", "dead"]}
        with reported(self.url, "engine-answer", "does not measure its containers"):
            found = self._client.containers(all=True, size=True, filters=ended)
        return {str(one["Id"]): _count(one.get("SizeRw")) for one in found}

    @contextmanager
    def _removing(self, what: str) -> Iterator[None]:
        """Report a removal that the engine refuses; what is gone already is no failure."""
        with reported(self.url, _REMOVE, f"does not remove {safe_line(what)}"), suppress(NotFound):
            yield


def _image(
    found: Mapping[str, Any], history: list[Mapping[str, Any]], size: int
) -> EngineImage | None:
    identity = _digest(found.get("Id"))
    if identity is None:
        return None
    diff_ids = (found.get("RootFS") or {}).get("Layers") or ()
    return EngineImage(
        identity=identity,
        names=_names(found),
        layers=layers_of(diff_ids, history, size),
        created=_instant(found.get("Created")) or _DAWN,
        named=_instant((found.get("Metadata") or {}).get("LastTagTime")),
        labels=_labels((found.get("Config") or {}).get("Labels")),
    )


def _ancestors(image: str, parents: Mapping[str, object]) -> frozenset[Digest]:
    """Follow the steps of a build on this engine down; a circle ends it."""
    found: set[Digest] = set()
    at = _digest(parents.get(image))
    while at is not None and at not in found:
        found.add(at)
        at = _digest(parents.get(str(at)))
    return frozenset(found)


def _names(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names; containerd's store makes one by digest of each tag, which is none."""
    tags, digests = (
        [name for text in found.get(key) or () if (name := full_name(str(text)))]
        for key in ("RepoTags", "RepoDigests")
    )
    made = {f"{repository_of(name)}@{found.get('Id')}" for name in tags}
    return (*tags, *(name for name in digests if name not in made))


def _container(listed: Mapping[str, Any]) -> Container:
    mounts = listed.get("Mounts") or ()
    names = [str(name).removeprefix("/") for name in listed.get("Names") or ()]
    return Container(
        identity=str(listed.get("Id")),
        name=next((name for name in names if "/" not in name), str(listed.get("Id"))[:12]),
        image=_digest(listed.get("ImageID")),
        state=_state(listed.get("State")),
        created=datetime.fromtimestamp(_count(listed.get("Created")), UTC),
        image_name=str(listed.get("Image") or ""),
        command=str(listed.get("Command") or ""),
        labels=_labels(listed.get("Labels")),
        volumes=frozenset(str(one["Name"]) for one in mounts if one.get("Type") == "volume"),
    )


def _volume(found: Mapping[str, Any], usage: Mapping[str, Any]) -> Volume:
    return Volume(
        name=str(found.get("Name")),
        driver=str(found.get("Driver") or ""),
        created=_instant(found.get("CreatedAt")),
        labels=_labels(found.get("Labels")),
        size=_count(usage.get("Size")),
    )


def _state(text: object) -> ContainerState:
    try:
        return ContainerState(str(text))
    except ValueError:
        return ContainerState.UNKNOWN


def _labels(found: object) -> dict[str, str]:
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, Mapping) else {}


def _count(found: object) -> int:
    return found if isinstance(found, int) and found > 0 else 0


def _digest(text: object) -> Digest | None:
    try:
        return Digest.parse(str(text))
    except MalformedDigest:
        return None


def _instant(text: object) -> datetime | None:
    """Return a time, None for what engines write instead of `never`."""
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return aware.astimezone(UTC) if aware > _DAWN else None
