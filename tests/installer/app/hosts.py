"""A disconnected host: an engine with a bridge in a network namespace with `lo` alone."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from installer.app import control
from installer.app.deployment import deployment
from installer.app.status import AppStatus
from installer.app.wanted import Deployment
from installer.engines.appapi import AppApi, open_apps
from installer.events import Event, ServiceChanged
from manifests.digest import Digest
from manifests.errors import MoonliftError
from manifests.release import Release
from tests.installer.app.releases import IMAGE, NEXT_IMAGE, PRODUCT, placed
from tests.support.engine import Engine
from tests.support.layers import File, busybox_layer
from tests.support.netns import inside

ROOT = Path(__file__).parents[3]


@dataclass
class Done:
    """What came of one thing done.

    Attributes:
        events: what was told.
        error: why it broke off; None if it did not.
    """

    events: list[Event]
    error: MoonliftError | None = None

    def states(self, container: str) -> list[str]:
        """Return what became of a container, in order."""
        changed = [one for one in self.events if isinstance(one, ServiceChanged)]
        return [str(one.state) for one in changed if one.container.endswith(container)]


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

    def wanted(self, release: Release, *, gpus: bool = True) -> Deployment:
        images = {name: Digest.parse(identity) for name, identity in self.images.items()}
        with closing(self.apps()) as apps:
            at = placed(release, self.home, images=images, facts=apps.facts(), gpus=gpus)
        return deployment(release, at)

    def apps(self) -> AppApi:
        return open_apps(f"docker:{self.engine.url}")

    def switch(self, release: Release, *services: str) -> Done:
        """Switch to a release, from this process."""
        wanted, never = self.wanted(release), threading.Event()
        return self.do(lambda apps: control.start(apps, wanted, never, services))

    def stop(self, *services: str) -> Done:
        never = threading.Event()
        return self.do(lambda apps: control.stop(apps, PRODUCT, never, services))

    def do(self, work: Callable[[AppApi], Iterator[Event]]) -> Done:
        done = Done([])
        with closing(self.apps()) as apps:
            try:
                done.events += work(apps)
            except MoonliftError as error:
                done.error = error
        return done

    def status(self, release: Release) -> AppStatus:
        with closing(self.apps()) as apps:
            return control.status(apps, self.wanted(release))

    def put(self, release: Release) -> None:
        """Write down a release for the driver."""
        self.home.mkdir(exist_ok=True)
        (self.home / "release.json").write_bytes(release.readable())
        (self.home / "images.json").write_text(json.dumps(dict(self.images)))

    def begin(self, verb: str) -> subprocess.Popen[str]:
        """Start the driver within the host's network namespace."""
        driver = [sys.executable, "-m", "tests.installer.app.driver"]
        words = [*inside(self.engine.netns), *driver, self.engine.url, str(self.home), verb]
        return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT)

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
