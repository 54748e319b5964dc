"""What an engine has that could be removed, and its removal, through the Docker Engine's API.

Owns the connection and what is read of the engine's answers. Nothing is ever forced: an engine
that says no is right. Does not decide what goes.

An engine lists images without their layers and without when they came, so each is asked for, over
a few connections at once; one that is gone by then is left out. The sizes of layers cost a second
question, put only where they don't follow from those of other images.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, TypeVar

from docker import APIClient
from docker.errors import NotFound

from installer.engines.asking import Asking
from installer.engines.dockerapi import ANSWER_SECONDS, CONNECTIONS, probe, reported
from installer.engines.layersizes import Stack, layers_of, to_ask
from installer.engines.prunefacts import (
    EngineImage,
    ListedImage,
    ancestors_of,
    container_of,
    count_of,
    diff_ids_of,
    image_of,
    instant_of,
    listed_images,
    names_of,
    volume_of,
)
from manifests.digest import Digest
from manifests.errors import EngineFailed
from manifests.prunerules.inventory import Container, Volume
from manifests.safetext import safe_line

_REMOVE: Final = "engine-remove"

T = TypeVar("T")
R = TypeVar("R")


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
        self._asking = Asking(url, self._client.api_version, 2 * CONNECTIONS)

    def info(self) -> Mapping[str, Any]:
        """Return the engine's description of itself."""
        with reported(self.url, "engine-unreachable", "does not describe itself"):
            found: Mapping[str, Any] = self._client.info()
            return found

    def images(self) -> tuple[EngineImage, ...]:
        """Return every image that is not only a step towards another."""
        with reported(self.url, "engine-answer", "does not list its images"):
            found = self._asking.ask("images/json", all=1)
        parents = {str(one["Id"]): one.get("ParentId") for one in found}
        return tuple(
            replace(one, ancestors=ancestors_of(str(one.identity), parents))
            for one in self._asked(listed_images(found))
        )

    def containers(self) -> tuple[Container, ...]:
        """Return every container; those that have ended with when, and with their size."""
        made = self.listed_containers()
        ended = [one.identity for one in made if one.state.ended]
        ends = dict(zip(ended, self._each(self._measured, ended), strict=True))
        return tuple(
            replace(one, finished=instant, size=size)
            for one in made
            for instant, size in (ends.get(one.identity, (None, 0)),)
        )

    def listed_containers(self) -> tuple[Container, ...]:
        """Return every container, without when it ended and without its size: in one answer."""
        with reported(self.url, "engine-answer", "does not list its containers"):
            return tuple(map(container_of, self._asking.ask("containers/json", all=1)))

    def ended_at(self, container: str) -> datetime | None:
        """Return when a container last ended, None if it never did or is gone."""
        return _end_of(self._container(container))

    def volumes(self, *, sizes: bool) -> tuple[Volume, ...]:
        """Return every volume; with its size only if asked, which takes the engine long."""
        with reported(self.url, "engine-answer", "does not list its volumes"):
            found = self._client.volumes().get("Volumes") or ()
            measured = (self._client.df().get("Volumes") or ()) if sizes else ()
        usage = {str(one.get("Name")): one.get("UsageData") or {} for one in measured}
        return tuple(volume_of(one, usage.get(str(one.get("Name")), {})) for one in found)

    def names(self, image: Digest) -> tuple[str, ...] | None:
        """Return the names of an image as they are now, None if it is gone."""
        found = self._inspected(str(image))
        return None if found is None else names_of(found)

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
        self._asking.close()

    def _each(self, ask: Callable[[T], R], subjects: Iterable[T]) -> list[R]:
        with ThreadPoolExecutor(CONNECTIONS, "prune") as pool:
            return list(pool.map(ask, subjects))

    def _asked(self, listed: Sequence[ListedImage]) -> Iterator[EngineImage]:
        """Ask for images; one that is gone, or has no ID that can be read, is left out."""
        shown = zip(listed, self._each(self._shown, listed), strict=True)
        pairs = [(one, found) for one, found in shown if found is not None]
        sizes = self._layer_sizes(pairs)
        made = (image_of(found, sizes) for _, found in pairs)
        return (one for one in made if one is not None)

    def _shown(self, listed: ListedImage) -> Mapping[str, Any] | None:
        """Ask for an image by a name, which spares containerd's store a search, or by its ID."""
        found = self._inspected(next(iter(listed.names), listed.identity))
        if found is None or found.get("Id") != listed.identity:
            found = self._inspected(listed.identity)
        return found

    def _inspected(self, name: str) -> Mapping[str, Any] | None:
        with reported(self.url, "engine-answer", f"does not show {safe_line(name)}"):
            try:
                found: Mapping[str, Any] = self._asking.ask("images", name, "json")
            except NotFound:
                return None
        return found

    def _container(self, identity: str, **query: int) -> Mapping[str, Any]:
        """Return what the engine says of a container; nothing if it is gone."""
        with reported(self.url, "engine-answer", "does not show a container"):
            try:
                found: Mapping[str, Any] = self._asking.ask("containers", identity, "json", **query)
            except NotFound:
                return {}
        return found

    def _measured(self, container: str) -> tuple[datetime | None, int]:
        """Return when a container ended, and how many bytes it wrote."""
        found = self._container(container, size=1)
        return _end_of(found), count_of(found.get("SizeRw"))

    def _layer_sizes(
        self, pairs: Sequence[tuple[ListedImage, Mapping[str, Any]]]
    ) -> dict[str, int]:
        """Return the size of each layer, asking for the steps of as few images as will do."""
        layers = {one.identity: diff_ids_of(found) for one, found in pairs}
        stacks = [
            Stack(
                one.identity,
                tuple(x.key for x in layers_of(layers[one.identity], (), 0)),
                one.size,
            )
            for one, _ in pairs
        ]
        sizes: dict[str, int] = {}
        while asked := to_ask(stacks, sizes):
            histories = self._each(self._history, [one.identity for one in asked])
            for one, history in zip(asked, histories, strict=True):
                for layer in layers_of(layers[one.identity], history, one.size):
                    sizes.setdefault(layer.key, layer.size)
        return sizes

    def _history(self, image: str) -> list[Mapping[str, Any]]:
        """Return the steps that made an image, newest first; none if it is gone."""
        with reported(self.url, "engine-answer", f"does not tell how {safe_line(image)} was made"):
            try:
                found: list[Mapping[str, Any]] = self._asking.ask("images", image, "history")
            except NotFound:
                return []
        return found

    @contextmanager
    def _removing(self, what: str) -> Iterator[None]:
        """Report a removal that the engine refuses; what is gone already is no failure."""
        with reported(self.url, _REMOVE, f"does not remove {safe_line(what)}"), suppress(NotFound):
            yield


def _end_of(container: Mapping[str, Any]) -> datetime | None:
    return instant_of((container.get("State") or {}).get("FinishedAt"))
