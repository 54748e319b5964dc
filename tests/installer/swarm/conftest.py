"""A host whose engine may manage a swarm, in a network namespace with `lo` alone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from tests.conftest import started
from tests.installer.app.hosts import AppHost, add_images
from tests.support.bundles import new_key
from tests.support.dockerd import run_dockerd
from tests.support.site import Site

ADDRESS = "10.1.1.1"


@pytest.fixture(scope="session")
def swarm_host(engines: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> AppHost:
    """Docker 20.10, not yet of a swarm; each test leaves it without services."""
    root = tmp_path_factory.mktemp("swarm")
    engine = started(engines, run_dockerd(root, bridge=True))
    argv = ["ip", "-n", engine.netns, "addr", "add", f"{ADDRESS}/32", "dev", "lo"]
    subprocess.run(argv, check=True)
    return AppHost(engine, root, add_images(engine))


@pytest.fixture
def swarm(swarm_host: AppHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppHost]:
    """The same, manager of a swarm without services; its images are kept."""
    engine = swarm_host.engine
    if "inactive" in engine.docker("info", "--format", "{{.Swarm.LocalNodeState}}"):
        engine.docker("swarm", "init", "--advertise-addr", ADDRESS)
    folder = swarm_host.root / tmp_path_factory.mktemp("host").name
    folder.mkdir()
    yield replace(swarm_host, root=folder)
    for kind in ("service", "secret"):
        if left := engine.docker(kind, "ls", "--quiet").split():
            engine.docker(kind, "rm", *left)
    engine.remove_containers()


@pytest.fixture
def site(swarm_host: AppHost, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A host that trusts a key, and has nothing installed."""
    folder = swarm_host.root / tmp_path_factory.mktemp("site").name
    folder.mkdir()
    made = Site(swarm_host.engine, folder, new_key(folder / "key"))
    made.trust()
    return made
