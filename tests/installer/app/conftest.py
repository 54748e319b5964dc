"""Engines that run apps: with a bridge, in network namespaces with `lo` alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from tests.conftest import UNAVAILABLE
from tests.installer.app.hosts import AppHost, add_images
from tests.support.dockerd import run_dockerd
from tests.support.engine import Engine
from tests.support.newdocker import run_new_dockerd

ENGINES: dict[str, Callable[..., AbstractContextManager[Engine]]] = {
    "docker-20.10": run_dockerd,
    "docker-26-containerd": run_new_dockerd,
}


@pytest.fixture(scope="session", params=ENGINES)
def _app_engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AppHost]:
    root = tmp_path_factory.mktemp("apps")
    try:
        starting = ENGINES[request.param](root, bridge=True)
        engine = starting.__enter__()
    except UNAVAILABLE as error:
        pytest.skip(str(error))
    try:
        yield AppHost(engine, root, add_images(engine))
    finally:
        starting.__exit__(None, None, None)


@pytest.fixture
def app_host(_app_engine: AppHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppHost]:
    """A host without any app; emptied afterwards, its images apart."""
    folder = _app_engine.root / tmp_path_factory.mktemp("host").name
    folder.mkdir(mode=0o755)
    engine = _app_engine.engine
    yield AppHost(engine, folder, _app_engine.images)
    engine.remove_containers()
    engine.docker("network", "prune", "--force")
    for volume in engine.docker("volume", "ls", "--quiet").split():
        engine.docker("volume", "rm", volume)
