"""Containers through the Docker Engine's API: made, run to their end with a deadline, removed.

Owns the connection and the bounded reading of what a container says. Does not know what runs in
it, nor what it may do: both are in the settings that it is given.

What a container says is read from a connection that was there before it started, so that it
depends on no log driver.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

from docker import APIClient
from docker.errors import APIError, DockerException, NotFound

from installer.engines.dockerapi import ANSWER_SECONDS, probe, reported
from manifests.digest import Digest, MalformedDigest
from manifests.errors import EngineFailed
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue

WORDS_LIMIT: Final = 2000
"""Characters kept of the engine's words."""

_POLL_S: Final = 0.1
_LEAVING_S: Final = 15.0
"""Seconds in which a killed container's streams must end."""


class ContainerRefused(EngineFailed):
    """The engine did not make or start a container; code `engine-container`.

    Attributes:
        words: the engine's own.
    """

    def __init__(self, engine: str, words: str) -> None:
        self.words = safe_line(words, limit=WORDS_LIMIT)
        super().__init__(
            "engine-container", f"{engine}: the engine did not start a container: {self.words}"
        )


@dataclass(frozen=True, slots=True)
class EngineImage:
    """An image that the engine has.

    Attributes:
        image_id: what the engine knows it by: a name may move, this can't.
        labels: of its config.
    """

    image_id: Digest
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Said:
    """What a container said and how it ended.

    Attributes:
        status: its exit status; None when it was killed from here.
        out: standard output.
        err: the end of standard error.
        timed_out: whether it was killed at its deadline.
        too_much: whether it was killed because it said more than it may.
        out_of_memory: whether the kernel killed something in it for lack of memory.
    """

    status: int | None
    out: bytes
    err: bytes
    timed_out: bool = False
    too_much: bool = False
    out_of_memory: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """How long a container may run, and how much it may say.

    Attributes:
        deadline_s: seconds from its start.
        out: bytes of standard output.
        err: bytes kept of standard error.
    """

    deadline_s: float
    out: int = 8 * 1024**2
    err: int = 16 * 1024


@dataclass(slots=True)
class _Heard:
    """What came so far."""

    bounds: Bounds
    out: bytearray = field(default_factory=bytearray)
    err: bytearray = field(default_factory=bytearray)

    @property
    def too_much(self) -> bool:
        return len(self.out) > self.bounds.out

    def take(self, stream: Iterable[tuple[bytes | None, bytes | None]]) -> None:
        """Read until the end; what is too much is dropped.

        A connection that nobody reads keeps the engine from killing the container.
        """
        with suppress(DockerException, OSError, ValueError):
            for out, err in stream:
                if not self.too_much:
                    self.out += out or b""
                self.err = (self.err + (err or b""))[-self.bounds.err :]


class ContainerApi:
    """The containers of one engine behind one Unix socket."""

    def __init__(self, url: str) -> None:
        self.url = url
        probe(url)
        client: Any = APIClient
        with reported(url, "engine-unreachable", "does not answer"):
            self._client = client(base_url=url, version="auto", timeout=ANSWER_SECONDS)
        self._client.trust_env = False

    def version(self) -> str:
        """Return the engine's version."""
        with reported(self.url, "engine-unreachable", "does not tell its version"):
            return str(self._client.version().get("Version") or "")

    def image(self, name: str) -> EngineImage | None:
        """Return the image that a name or ID points to, None if there is none such."""
        with reported(self.url, "engine-answer", f"does not show {name}"):
            try:
                found = self._client.inspect_image(name)
                labels = (found.get("Config") or {}).get("Labels") or {}
                return EngineImage(Digest.parse(str(found.get("Id"))), dict(labels))
            except (NotFound, MalformedDigest):
                return None

    def labelled(self, label: str) -> dict[str, Mapping[str, str]]:
        """Return the containers that have a label, running or not, with all their labels."""
        with reported(self.url, "engine-answer", "does not list its containers"):
            found = self._client.containers(all=True, filters={"label": label})
        return {str(one["Id"]): dict(one.get("Labels") or {}) for one in found}

    def create(self, settings: Mapping[str, JsonValue]) -> str:
        """Make a container from the API's own terms, and return its ID.

        Raises:
            ContainerRefused: with the engine's words.
            EngineFailed: `engine-answer`: it broke off.
        """
        with self._refusal():
            made = self._client.create_container_from_config(dict(settings), None)
        return str(made["Id"])

    def run(self, container: str, bounds: Bounds, cancel: threading.Event) -> Said:
        """Start a container, hear it out, and return what it said; kill it at its deadline.

        Raises:
            ContainerRefused: the engine did not start it, with its words.
            EngineFailed: `engine-answer`: it broke off.
            KeyboardInterrupt: `cancel` was set; the container is still there.
        """
        with self._refusal():
            stream = self._client.attach(container, stream=True, logs=False, demux=True)
            self._client.start(container)
        heard = _Heard(bounds)
        listener = threading.Thread(target=heard.take, args=(stream,), daemon=True)
        listener.start()
        timed_out = self._await(listener, heard, cancel)
        killed = timed_out or heard.too_much
        if killed:
            self._kill(container)
            listener.join(_LEAVING_S)
        status, out_of_memory = (None, False) if killed else self._ending(container)
        out, err = bytes(heard.out[: bounds.out]), bytes(heard.err)
        return Said(status, out, err, timed_out, heard.too_much, out_of_memory)

    def remove(self, container: str) -> None:
        """Remove a container, running or not; nothing happens if it is not there."""
        with reported(self.url, "engine-answer", "does not remove a container"), suppress(NotFound):
            self._client.remove_container(container, force=True, v=True)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _await(self, listener: threading.Thread, heard: _Heard, cancel: threading.Event) -> bool:
        """Wait until all is said, or too much; return whether the deadline came first."""
        deadline = time.monotonic() + heard.bounds.deadline_s
        while listener.is_alive() and not heard.too_much:
            if cancel.is_set():
                raise KeyboardInterrupt
            if time.monotonic() > deadline:
                return True
            listener.join(_POLL_S)
        return False

    def _kill(self, container: str) -> None:
        """Kill a container; one that has just ended by itself is left."""
        with suppress(DockerException, OSError):
            self._client.kill(container)

    def _ending(self, container: str) -> tuple[int | None, bool]:
        with reported(self.url, "engine-answer", "does not tell how a container ended"):
            status = self._client.wait(container, timeout=ANSWER_SECONDS).get("StatusCode")
            state = self._client.inspect_container(container).get("State") or {}
        return status if isinstance(status, int) else None, bool(state.get("OOMKilled"))

    @contextmanager
    def _refusal(self) -> Iterator[None]:
        """Keep the engine's own words where it refuses; all else is as everywhere."""
        with reported(self.url, "engine-answer", "broke off while it started a container"):
            try:
                yield
            except APIError as error:
                raise ContainerRefused(self.url, str(error.explanation or error)) from error
