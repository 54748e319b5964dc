"""A disconnected host: an engine with a bridge in a network namespace with `lo` alone."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from manifests.release import Release
from tests.installer.app.releases import IMAGE, NEXT_IMAGE, PRODUCT
from tests.support.engine import Engine
from tests.support.layers import File, busybox_layer
from tests.support.netns import inside

ROOT = Path(__file__).parents[3]


@dataclass
class Done:
    """What the driver came to.

    Attributes:
        code: its exit status.
        events: what it printed.
        stderr: what it said besides.
    """

    code: int
    events: list[dict[str, Any]]
    stderr: str

    @property
    def last(self) -> dict[str, Any]:
        return self.events[-1]

    def states(self, container: str) -> list[str]:
        return [one["state"] for one in self.events if one.get("container", "").endswith(container)]


@dataclass
class AppHost:
    """A host with an engine.

    Attributes:
        engine: which.
        root: a folder that the engine sees, too.
        images: identities by name.
    """

    engine: Engine
    root: Path
    images: Mapping[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        """The host's settings for the app."""
        return self.root / "settings"

    def put(self, release: Release) -> None:
        self.home.mkdir(exist_ok=True)
        (self.home / "release.json").write_bytes(release.readable())
        (self.home / "images.json").write_text(json.dumps(dict(self.images)))

    def command(self, verb: str, *services: str) -> list[str]:
        driver = [sys.executable, "-m", "tests.installer.app.driver"]
        words = [*driver, str(self.engine.socket), str(self.home), verb, *services]
        return [*inside(self.engine.netns), *words]

    def do(self, verb: str, *services: str) -> Done:
        done = subprocess.run(
            self.command(verb, *services),
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            timeout=120,
        )
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return Done(done.returncode, lines, done.stderr)

    def switch(self, release: Release) -> Done:
        self.put(release)
        return self.do("switch")

    def fetch(self, url: str) -> str:
        program = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())"
        argv = [*inside(self.engine.netns), sys.executable, "-c", program, url]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

    def containers(self) -> dict[str, str]:
        """Return the state of each container of the app, by its name."""
        form = "{{.Names}} {{.State}}"
        label = f"label=moonlift.product={PRODUCT}"
        listed = self.engine.docker("ps", "--all", "--filter", label, "--format", form)
        return dict(line.split() for line in listed.splitlines())

    def id(self, container: str) -> str:
        return str(self.engine.inspect(container)["Id"])


def add_images(engine: Engine) -> dict[str, str]:
    """Put two images of busybox there, whose /etc/version differs; return their identities."""
    found: dict[str, str] = {}
    for name, version in ((IMAGE, "one"), (NEXT_IMAGE, "two")):
        layer = busybox_layer()
        files = {**layer.files, "etc/version": File(version.encode())}
        short = name.removeprefix("docker.io/")
        engine.docker("import", "-", short, stdin=type(layer)(files).tar())
        found[name] = str(engine.inspect(short)["Id"])
    return found
