"""An app's containers, networks and volumes through the Docker Engine's API.

Owns the connection, the translation of failures, and what is read of the engine's answers. Does
not know what an app is but for the labels that tell whose something is. Nothing here looks a name
of an image up, and nothing is ever pulled.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final

from docker import APIClient
from docker.errors import APIError, NotFound

from installer.checks.enginefacts import EngineFacts, read_facts
from installer.engines.appfacts import (
    Listed,
    ListedImage,
    Named,
    read_image,
    read_listed,
    read_named,
)
from installer.engines.containerfacts import DEFAULT_STOP_SECONDS, ContainerFacts, read_container
from installer.engines.containers import ContainerRefused
from installer.engines.dockerapi import ANSWER_SECONDS, CONNECTIONS, probe, reported, socket_url
from manifests.errors import EngineFailed, NotInstallableHere, UsageError
from manifests.strictjson import JsonValue

POLICY_TRIES: Final = 30
POLICY_PAUSE_S: Final = 0.1
_ENDING: Final = "cannot update a stopped container"
LOG_BYTES: Final = 8 * 1024 * 1024
"""Taken of one container's log at once."""


class AppApi:
    """What runs in one engine behind one Unix socket."""

    def __init__(self, url: str) -> None:
        self.url = url
        probe(url)
        client: Any = APIClient
        with reported(url, "engine-unreachable", "does not answer"):
            self._client = client(
                base_url=url, version="auto", timeout=ANSWER_SECONDS, max_pool_size=CONNECTIONS
            )
        self._client.trust_env = False

    def facts(self) -> EngineFacts:
        """Return what the engine says of itself.

        Raises:
            EngineFailed: `engine-unreachable`.
        """
        with reported(self.url, "engine-unreachable", "does not describe itself"):
            return read_facts(self.url, self._client.info(), self._client.version())

    def listed(self) -> list[Listed]:
        """Return every container, running or not, whoever made it."""
        with reported(self.url, "engine-answer", "does not list its containers"):
            return [read_listed(one) for one in self._client.containers(all=True)]

    def labelled(self, label: str, value: str) -> list[ContainerFacts]:
        """Return the containers with a label, running or not."""
        with reported(self.url, "engine-answer", "does not list its containers"):
            wanted = {"label": f"{label}={value}"}
            found = [str(one["Id"]) for one in self._client.containers(all=True, filters=wanted)]
        looked = (self.look(one) for one in found)
        return [one for one in looked if one is not None]

    def look(self, container: str) -> ContainerFacts | None:
        """Return what the engine says of a container, None if it is not there."""
        with reported(self.url, "engine-answer", "does not show a container"):
            try:
                return read_container(self._client.inspect_container(container))
            except NotFound:
                return None

    def image_volumes(self, image: str) -> frozenset[str]:
        """Return the targets that an image keeps on volumes."""
        with reported(self.url, "engine-answer", "does not show an image"):
            try:
                config = self._client.inspect_image(image).get("Config") or {}
            except NotFound:
                return frozenset()
        return frozenset(map(str, config.get("Volumes") or ()))

    def images_named(self, repository: str) -> list[ListedImage]:
        """Return the images of a repository."""
        with reported(self.url, "engine-answer", "does not list its images"):
            wanted = {"reference": f"{repository}:*"}
            return [read_image(one) for one in self._client.images(filters=wanted)]

    def create(self, name: str, body: Mapping[str, JsonValue]) -> str:
        """Make a container from the API's own terms, and return its ID.

        Raises:
            ContainerRefused: with the engine's words.
        """
        with self._refusal("broke off while it made a container"):
            return str(self._client.create_container_from_config(dict(body), name)["Id"])

    def put(self, container: str, files: bytes) -> None:
        """Unpack a tar into a container that was not started yet.

        Raises:
            ContainerRefused: with the engine's words.
        """
        with self._refusal("broke off while it took files for a container"):
            self._client.put_archive(container, "/", files)

    def start(self, container: str) -> None:
        """Start a container, or let a paused one go on.

        Raises:
            ContainerRefused: with the engine's words.
        """
        with self._refusal("broke off while it started a container"):
            found = self.look(container)
            if found is not None and found.state == "paused":
                self._client.unpause(container)
            else:
                self._client.start(container)

    def stop(self, container: str, seconds: int | None) -> None:
        """Stop a container that may or may not run; nothing happens if it is not there."""
        with reported(self.url, "engine-answer", "does not stop a container"), suppress(NotFound):
            self._client.stop(container, DEFAULT_STOP_SECONDS if seconds is None else seconds)

    def set_policy(self, container: str, policy: str, retries: int = 0) -> None:
        """Set what the engine does when a container ends.

        Asked again where the container ends just now: Docker 26 refuses to change one whose
        process is gone and that it has not yet written off.
        """
        limit = retries if policy == "on-failure" else 0
        wanted = {"Name": policy, "MaximumRetryCount": limit}
        with reported(self.url, "engine-answer", "does not change a container"), suppress(NotFound):
            for left in reversed(range(POLICY_TRIES)):
                try:
                    self._client.update_container(container, restart_policy=wanted)
                except APIError as error:
                    if not left or _ENDING not in str(error):
                        raise
                    time.sleep(POLICY_PAUSE_S)
                else:
                    return

    def rename(self, container: str, name: str) -> None:
        """Give a container another name."""
        with reported(self.url, "engine-answer", f"does not name a container {name}"):
            self._client.rename(container, name)

    def remove(self, container: str, *, fresh: bool = False) -> None:
        """Remove a container, running or not; nothing happens if it is not there.

        Args:
            container: its ID.
            fresh: whether the volumes without a name that were made for it go, too.
        """
        with reported(self.url, "engine-answer", "does not remove a container"), suppress(NotFound):
            self._client.remove_container(container, force=True, v=fresh)

    def network(self, name: str) -> Named | None:
        """Return a network by its exact name, None if there is none."""
        with reported(self.url, "engine-answer", "does not list its networks"):
            found = self._client.networks(names=[name])
        return next((read_named(one) for one in found if one.get("Name") == name), None)

    def networks(self, label: str, value: str) -> list[Named]:
        """Return the networks with a label."""
        with reported(self.url, "engine-answer", "does not list its networks"):
            found = self._client.networks(filters={"label": f"{label}={value}"})
        return [read_named(one) for one in found]

    def make_network(self, body: Mapping[str, JsonValue]) -> None:
        """Make a network from the API's own terms."""
        with self._refusal(f"broke off while it made network {body.get('Name')}"):
            url = self._client._url("/networks/create")  # noqa: SLF001 - knows not every option
            answer = self._client._post_json(url, data=dict(body))  # noqa: SLF001
            self._client._raise_for_status(answer)  # noqa: SLF001

    def remove_network(self, name: str) -> None:
        """Remove a network that nothing is in; nothing happens if it is not there."""
        with reported(self.url, "engine-answer", f"does not remove {name}"), suppress(NotFound):
            self._client.remove_network(name)

    def connect(self, container: str, network: str, settings: Mapping[str, JsonValue]) -> None:
        """Put a container into one more network.

        Raises:
            ContainerRefused: with the engine's words.
        """
        with self._refusal(f"broke off while it put a container into {network}"):
            url = self._client._url("/networks/{0}/connect", network)  # noqa: SLF001 - as above
            body = {"Container": container, "EndpointConfig": dict(settings)}
            answer = self._client._post_json(url, data=body)  # noqa: SLF001
            self._client._raise_for_status(answer)  # noqa: SLF001

    def volume(self, name: str) -> Named | None:
        """Return a volume, None if there is none of that name."""
        with reported(self.url, "engine-answer", f"does not show volume {name}"):
            try:
                return read_named(self._client.inspect_volume(name))
            except NotFound:
                return None

    def volumes(self, label: str, value: str) -> list[Named]:
        """Return the volumes with a label."""
        with reported(self.url, "engine-answer", "does not list its volumes"):
            found = self._client.volumes(filters={"label": f"{label}={value}"})
        return [read_named(one) for one in found.get("Volumes") or ()]

    def make_volume(self, body: Mapping[str, JsonValue]) -> None:
        """Make a volume from the API's own terms."""
        with self._refusal(f"broke off while it made volume {body.get('Name')}"):
            url = self._client._url("/volumes/create")  # noqa: SLF001 - as above
            answer = self._client._post_json(url, data=dict(body))  # noqa: SLF001
            self._client._raise_for_status(answer)  # noqa: SLF001

    def remove_volume(self, name: str) -> None:
        """Remove a volume and what is in it; nothing happens if it is not there."""
        with reported(self.url, "engine-answer", f"does not remove {name}"), suppress(NotFound):
            self._client.remove_volume(name)

    def said(self, container: str, lines: int, since: int | None = None) -> bytes:
        """Return the last lines that a container printed, each with its time; at most 8 MiB."""
        with reported(self.url, "engine-answer", "does not show what a container printed"):
            stream = self._log(container, lines, since, follow=False)
            taken = bytearray()
            for part in stream:
                taken += part
                if len(taken) > LOG_BYTES:
                    break
        return bytes(taken[:LOG_BYTES])

    def saying(self, container: str, lines: int, since: int | None) -> Iterator[bytes]:
        """Yield what a container prints, as it comes, after its last lines."""
        with reported(self.url, "engine-answer", "does not show what a container prints"):
            yield from self._log(container, lines, since, follow=True)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _log(
        self, container: str, lines: int, since: int | None, *, follow: bool
    ) -> Iterator[bytes]:
        stream: Iterator[bytes] = self._client.logs(
            container, stream=True, timestamps=True, tail=lines, since=since, follow=follow
        )
        return stream

    @contextmanager
    def _refusal(self, what: str) -> Iterator[None]:
        """Keep the engine's own words where it refuses; all else is as everywhere."""
        with reported(self.url, "engine-answer", what):
            try:
                yield
            except APIError as error:
                raise ContainerRefused(self.url, str(error.explanation or error)) from error


def open_apps(engine: str) -> AppApi:
    """Return what runs apps in the engine that the command line names.

    Raises:
        UsageError: `engine-unknown`, `engine-not-local`.
        NotInstallableHere: `engine-cannot-run`: it is a layout directory; `engine-none`: `auto`,
            and no engine answers.
        EngineFailed: `engine-unreachable`.
    """
    kind, _, where = engine.partition(":")
    if kind == "layout" and where:
        raise NotInstallableHere(
            "engine-cannot-run",
            f"expected an engine that runs containers, found {engine}",
            hint="--engine docker; --no-start installs without running anything",
        )
    if kind != "docker" and engine != "auto":
        raise UsageError(
            "engine-unknown", f"expected auto, docker, docker:SOCKET or layout:DIR, found {engine}"
        )
    try:
        return AppApi(socket_url(where))
    except EngineFailed as error:
        if kind == "docker":
            raise
        raise NotInstallableHere(
            "engine-none",
            f"no container engine answers here: {error}",
            hint="start one, or name it: --engine docker:unix:///PATH",
        ) from error
