"""A running Docker engine, whichever version, as tests see it: a socket and a command line."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

DEBIAN_CLI = "/usr/bin/docker"

_GONE = (http.client.OK, http.client.NO_CONTENT, http.client.NOT_FOUND)


class EngineError(RuntimeError):
    """The engine refused a command."""


@dataclass(frozen=True)
class Engine:
    """A Docker engine of the test's own.

    Attributes:
        socket: its API; reachable from the host's name spaces.
        data_root: where it keeps images and containers, as seen from the host.
        log: its log.
        netns: the network namespace it lives in; empty for the host's.
    """

    socket: Path
    data_root: Path
    log: Path
    netns: str = ""

    @property
    def url(self) -> str:
        """What DOCKER_HOST takes."""
        return f"unix://{self.socket}"

    @property
    def env(self) -> dict[str, str]:
        """This process's environment, aimed at the engine; BuildKit is off."""
        own = {"DOCKER_HOST": self.url, "DOCKER_BUILDKIT": "0"}
        return {**os.environ, **own, "DOCKER_CONFIG": str(self.socket.parent)}

    def docker(self, *args: str, stdin: bytes | None = None, timeout_s: float = 300) -> str:
        """Run `docker *args` against the engine; return what it printed.

        Raises:
            EngineError: with what it printed on stderr.
        """
        argv = [_cli(), *args]
        done = subprocess.run(
            argv, check=False, capture_output=True, input=stdin, env=self.env, timeout=timeout_s
        )
        if done.returncode:
            message = (done.stderr or done.stdout).decode(errors="replace").strip()
            raise EngineError(f"docker {' '.join(args)}: {message}")
        return done.stdout.decode(errors="replace")

    @cached_property
    def info(self) -> Mapping[str, Any]:
        """What `docker info` said the first time."""
        found: Mapping[str, Any] = json.loads(self.docker("info", "--format", "{{json .}}"))
        return found

    @property
    def version(self) -> str:
        """Such as `20.10.24`."""
        return str(self.info["ServerVersion"]).partition("+")[0]

    @property
    def containerd_store(self) -> bool:
        """Whether images lie in containerd's store, by what `docker info` says."""
        return "io.containerd.snapshotter.v1" in json.dumps(self.info["DriverStatus"])

    def inspect(self, name: str) -> Mapping[str, Any]:
        """Return what the engine says of an image or container."""
        found: Mapping[str, Any] = json.loads(self.docker("inspect", name))[0]
        return found

    def images(self) -> set[str]:
        """Return the `repository:tag` of every image; `<none>` parts for untagged ones."""
        listed = self.docker("images", "--format", "{{.Repository}}:{{.Tag}}")
        return set(listed.split())

    def image_ids(self) -> set[str]:
        """Return `sha256:...` of every image, untagged ones included."""
        return {str(one["Id"]) for one in self.ask("/images/json?all=1")}

    def ask(self, path: str) -> Any:
        """Return what the engine's API says; a question costs less than the command line's start.

        Raises:
            EngineError: it refused.
        """
        status, body = self._request("GET", path)
        if status != http.client.OK:
            raise EngineError(f"GET {path}: {body.decode(errors='replace')}")
        return json.loads(body)

    def load(self, archive: bytes) -> str:
        """Load an archive; return what the engine said."""
        return self.docker("load", stdin=archive)

    def remove_containers(self, tries: int = 20) -> None:
        """Kill and remove every container, at once; wait for those that are leaving already.

        Raises:
            EngineError: some were still there after `tries` tenths of a second.
        """
        for _ in range(tries):
            found = [str(one["Id"]) for one in self.ask("/containers/json?all=1")]
            if not found:
                return
            with ThreadPoolExecutor(len(found)) as pool:
                paths = (f"/containers/{one}?force=1&v=1" for one in found)
                if all(pool.map(self._delete, paths)):
                    return
            time.sleep(0.1)
        raise EngineError("containers could not be removed")

    def clear(self) -> None:
        """Remove every container and image."""
        self.remove_containers()
        named = [one["RepoTags"] or () for one in self.ask("/images/json")]
        self._delete_images({name for tags in named for name in tags if "<none>" not in name})
        self._delete_images(self.image_ids())

    def _delete_images(self, names: set[str]) -> None:
        kept = [one for one in sorted(names) if not self._delete(f"/images/{one}?force=1")]
        if kept:
            raise EngineError(f"images could not be removed: {', '.join(kept)}")

    def wind_down(self) -> None:
        """Remove the containers of an engine that is about to be stopped, if it still answers."""
        if self.answers():
            self.remove_containers()

    def answers(self) -> bool:
        """Tell whether the engine serves its API."""
        try:
            return self._request("GET", "/_ping", timeout_s=5)[0] == http.client.OK
        except (OSError, http.client.HTTPException):
            return False

    def _delete(self, path: str) -> bool:
        """Tell whether something is gone: deleted now, or not there."""
        return self._request("DELETE", path)[0] in _GONE

    def _request(self, method: str, path: str, *, timeout_s: float = 60) -> tuple[int, bytes]:
        with closing(_UnixConnection(self.socket, timeout_s)) as connection:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read()


def _cli() -> str:
    """Prefer Debian's client: others may not speak to Docker 20.10."""
    found = DEBIAN_CLI if Path(DEBIAN_CLI).exists() else shutil.which("docker")
    if not found:
        raise EngineError("no docker command: install docker.io")
    return found


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect to the path given."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
