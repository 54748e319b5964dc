"""Podman with a store of the test's own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.engine import EngineError
from tests.support.process import short_directory, unmount_below

_STORAGE = """
[storage]
driver = "overlay"
graphroot = "{root}/storage"
runroot = "{run}/run"
"""
_CONTAINERS = """
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
tmp_dir = "{run}/tmp"
[containers]
netns = "none"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
"""
_REGISTRIES = """
unqualified-search-registries = []
[[registry]]
location = "127.0.0.1"
insecure = true
"""


@dataclass(frozen=True)
class Podman:
    """A podman store, and the settings that aim podman and skopeo at it.

    Attributes:
        settings: environment variables.
        root: where its images lie.
    """

    settings: Mapping[str, str]
    root: Path

    @property
    def env(self) -> dict[str, str]:
        """This process's environment with the settings."""
        return {**os.environ, **self.settings}

    def podman(self, *args: str, stdin: bytes | None = None, timeout_s: float = 300) -> str:
        """Run `podman *args`; return what it printed.

        Raises:
            EngineError: with what it printed on stderr.
        """
        argv = ["podman", *args]
        done = subprocess.run(
            argv, check=False, capture_output=True, input=stdin, env=self.env, timeout=timeout_s
        )
        if done.returncode:
            message = done.stderr.decode(errors="replace").strip()
            raise EngineError(f"podman {' '.join(args)}: {message}")
        return done.stdout.decode(errors="replace")

    def inspect(self, image: str) -> Mapping[str, Any]:
        """Return what podman says of an image."""
        found: Mapping[str, Any] = json.loads(self.podman("image", "inspect", image))[0]
        return found

    def images(self) -> set[str]:
        """Return the full `repository:tag` of every image."""
        listed = self.podman("images", "--format", "{{.Repository}}:{{.Tag}}")
        return set(listed.split())

    def clear(self) -> None:
        """Remove every container and image."""
        self.podman("rm", "--all", "--force", "--time", "0")
        self.podman("rmi", "--all", "--force")


@contextmanager
def podman_store(root: Path) -> Iterator[Podman]:
    """Set up an empty store below `root`, which is made if absent; empty it in the end.

    Containers get no network unless the command line says otherwise.
    """
    root.mkdir(parents=True, exist_ok=True)
    files = {"STORAGE": _STORAGE, "": _CONTAINERS, "REGISTRIES": _REGISTRIES}
    with short_directory() as run:
        settings = {"XDG_RUNTIME_DIR": str(run)}
        for name, text in files.items():
            file = root / f"{name.lower() or 'containers'}.conf"
            file.write_text(text.format(root=root, run=run))
            settings["_".join(filter(None, ("CONTAINERS", name, "CONF")))] = str(file)
        podman = Podman(settings, root / "storage")
        try:
            yield podman
        finally:
            podman.clear()
            unmount_below(root)
