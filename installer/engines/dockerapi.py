"""The Docker Engine API as far as installing uses it.

Owns the connection, the translation of every failure into `EngineFailed`, and the reading of
what the engine answers to a load. Does not know how images are packed for it.

Source: Docker Engine API v1.41 and later. That an answer with status 200 may hold an error is
from moby's integration tests and was seen on 20.10.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from docker import APIClient
from docker.errors import DockerException, NotFound

from installer.engines.complaint import words_of
from manifests.digest import Digest, MalformedDigest
from manifests.errors import EngineFailed, UsageError
from manifests.quantities import bytes_text
from manifests.reference import MalformedReference, Reference
from manifests.safetext import safe_line

DEFAULT_SOCKET: Final = "unix:///var/run/docker.sock"
ANSWER_SECONDS: Final = 60
"""How long the engine may take for anything but a load."""
CONNECTIONS: Final = 8
_LOADED: Final = "Loaded image ID: "
_UNPACK_FAILED: Final = "error unpacking image"


class Api(Protocol):
    """The calls of docker.APIClient that are used here."""

    api_version: str
    trust_env: bool

    def info(self) -> Mapping[str, Any]: ...  # noqa: D102
    def version(self) -> Mapping[str, Any]: ...  # noqa: D102
    def images(self) -> list[Mapping[str, Any]]: ...  # noqa: D102
    def inspect_image(self, image: str) -> Mapping[str, Any]: ...  # noqa: D102
    def load_image(self, data: Iterable[bytes]) -> Iterable[Mapping[str, Any]]: ...  # noqa: D102
    def get_image(self, image: str) -> Iterator[bytes]: ...  # noqa: D102
    def remove_image(self, image: str) -> object: ...  # noqa: D102
    def tag(self, image: str, repository: str, tag: str) -> bool: ...  # noqa: D102
    def close(self) -> None: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Listed:
    """An image as the engine lists it.

    Attributes:
        identity: its ID: of the config, or of the manifest in containerd's store.
        names: full references, by tag or by digest.
    """

    identity: Digest
    names: tuple[str, ...]


class DockerApi:
    """One engine behind one Unix socket."""

    def __init__(self, url: str) -> None:
        self.url = url
        probe(url)
        with reported(url, "engine-unreachable", "does not answer"):
            self._quick = self._client("auto", ANSWER_SECONDS)
            self._patient = self._client(self._quick.api_version, None)

    def info(self) -> Mapping[str, Any]:
        """Return the engine's description of itself."""
        with reported(self.url, "engine-unreachable", "does not describe itself"):
            return self._quick.info()

    def version(self) -> Mapping[str, Any]:
        """Return the versions of the engine, of its API and of its parts."""
        with reported(self.url, "engine-unreachable", "does not tell its version"):
            return self._quick.version()

    def listed(self) -> list[Listed]:
        """Return every image that is not only a step towards another."""
        with reported(self.url, "engine-answer", "does not list its images"):
            return [_listed(entry) for entry in self._quick.images()]

    def inspect(self, name: str) -> Mapping[str, Any] | None:
        """Return what the engine says of an image, None if it has none such."""
        with reported(self.url, "engine-answer", f"does not show {name}"):
            try:
                return self._quick.inspect_image(name)
            except NotFound:
                return None

    def load(self, body: Iterator[bytes | memoryview], told: Callable[[str], None]) -> list[Digest]:
        """Send an archive and return the image IDs that the engine says it made.

        Args:
            body: the archive.
            told: called with how far the engine is, when it says so.

        What `body` raises breaks the connection before the archive's end, and passes through.

        Raises:
            EngineFailed: `engine-load` or `engine-no-space`, with what the engine said.
        """
        with reported(self.url, "engine-load", "broke off while it was sent an image"):
            lines = self._patient.load_image(cast("Iterator[bytes]", body))
            return read_answer(self.url, lines, told)

    def export(self, identity: str) -> Iterator[bytes]:
        """Yield an image as the archive that the engine makes of it.

        Raises:
            EngineFailed: `engine-export`.
        """
        with reported(self.url, "engine-export", f"does not export {identity}"):
            yield from self._patient.get_image(identity)

    def tag(self, identity: str, name: str) -> None:
        """Let `name`, a full reference with a tag, point to an image."""
        repository, _, tag = name.rpartition(":")
        with reported(self.url, "engine-tag", f"does not set {name}"):
            if not self._quick.tag(identity, repository, tag):
                raise EngineFailed("engine-tag", f"{self.url}: did not set {name}")

    def remove(self, name: str) -> None:
        """Remove a name, or an image that has none; nothing happens if it is not there."""
        with reported(self.url, "engine-tag", f"does not remove {name}"):
            try:
                self._quick.remove_image(name)
            except NotFound:
                return

    def close(self) -> None:
        """Close the connections."""
        self._quick.close()
        self._patient.close()

    def _client(self, version: str, timeout: int | None) -> Api:
        client: Any = APIClient
        made: Api = client(
            base_url=self.url, version=version, timeout=timeout, max_pool_size=CONNECTIONS
        )
        made.trust_env = False
        return made


def socket_url(given: str) -> str:
    """Return the URL of the engine's socket: the one given, DOCKER_HOST, or the usual one.

    Raises:
        UsageError: `engine-not-local`: an engine that others could listen in on.
    """
    url = given or os.environ.get("DOCKER_HOST") or DEFAULT_SOCKET
    if url.startswith("/"):
        url = f"unix://{url}"
    if not url.startswith("unix:///"):
        raise UsageError(
            "engine-not-local",
            f"expected a Unix socket such as {DEFAULT_SOCKET}, found {url}",
            hint="run the installer on the engine's own host",
        )
    return url


def read_answer(
    engine: str, lines: Iterable[Mapping[str, Any]], told: Callable[[str], None]
) -> list[Digest]:
    """Read every line of the answer to a load, and return the image IDs in it.

    Raises:
        EngineFailed: `engine-load`, `engine-no-space`: any line tells of an error.
    """
    loaded: list[Digest] = []
    complaints: list[str] = []
    for line in lines:
        text = str(line.get("stream") or "").strip()
        if text.startswith(_LOADED):
            loaded.append(_digest(engine, text.removeprefix(_LOADED)))
        if how_far := _how_far(line):
            told(how_far)
        if complaint := _complaint(line):
            complaints.append(complaint)
    if complaints:
        raise refused(engine, complaints[0])
    return loaded


def refused(engine: str, reason: str) -> EngineFailed:
    """Build the error for a load that the engine did not do."""
    full = "no space left" in reason.lower()
    return EngineFailed(
        "engine-no-space" if full else "engine-load",
        f"{engine}: the engine refused an image: {safe_line(reason, limit=1000)}",
        hint="free space where the engine keeps its images" if full else "see the engine's log",
    )


def full_name(text: str) -> str | None:
    """Return the full form of a name that the engine shows; None if it stands for nothing."""
    try:
        return None if "<none>" in text else str(Reference.parse(text))
    except MalformedReference:
        return None


@contextmanager
def reported(engine: str, code: str, what: str) -> Iterator[None]:
    """Turn the client library's and the socket's errors into ours."""
    try:
        yield
    except (DockerException, OSError) as error:
        raise EngineFailed(
            code,
            f"{engine}: the engine {what}: {words_of(error)}",
            hint="is it running, and may this user reach it? docker info",
        ) from error


def probe(url: str) -> None:
    """Connect once: the client library's own error says little, and leaves a socket open.

    Raises:
        EngineFailed: `engine-unreachable`.
    """
    with (
        reported(url, "engine-unreachable", "can't be reached"),
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe,
    ):
        probe.settimeout(ANSWER_SECONDS)
        probe.connect(url.removeprefix("unix://"))


def _complaint(line: Mapping[str, Any]) -> str:
    detail = line.get("errorDetail")
    message = detail.get("message") if isinstance(detail, Mapping) else detail
    text = str(line.get("stream") or "")
    unpacking = text if _UNPACK_FAILED in text.lower() else ""
    return str(message or line.get("error") or line.get("message") or unpacking or "")


def _how_far(line: Mapping[str, Any]) -> str:
    detail = line.get("progressDetail")
    done, total = (
        detail.get(x) if isinstance(detail, Mapping) else 0 for x in ("current", "total")
    )
    if not (isinstance(done, int) and isinstance(total, int) and 0 < done <= total):
        return ""
    return f"{bytes_text(done)} of {bytes_text(total)}"


def _listed(entry: Mapping[str, Any]) -> Listed:
    shown = [*(entry.get("RepoTags") or ()), *(entry.get("RepoDigests") or ())]
    names = tuple(name for text in shown if (name := full_name(str(text))))
    return Listed(_digest("engine", str(entry.get("Id"))), names)


def _digest(engine: str, text: str) -> Digest:
    try:
        return Digest.parse(text.strip())
    except MalformedDigest as error:
        raise EngineFailed("engine-answer", f"{engine}: {error}") from error
