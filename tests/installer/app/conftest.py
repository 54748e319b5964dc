"""Engines that run apps: with a bridge, in network namespaces with `lo` alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest

from tests.conftest import started
from tests.installer.app.hosts import AppHost, add_images
from tests.support.dockerd import run_dockerd
from tests.support.engine import Engine
from tests.support.newdocker import run_new_dockerd

Starting = Callable[..., AbstractContextManager[Engine]]
OLD, NEW = "docker-20.10", "docker-26-containerd"


@pytest.fixture(scope="session")
def _old_host(engines: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> AppHost:
    return _host(engines, run_dockerd, tmp_path_factory)


@pytest.fixture(scope="session")
def _new_host(engines: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> AppHost:
    return _host(engines, run_new_dockerd, tmp_path_factory)


@pytest.fixture
def old_host(_old_host: AppHost, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppHost]:
    """A host with Docker 20.10, without any app; emptied afterwards, its images apart."""
    yield from _emptied(_old_host, tmp_path_factory)


@pytest.fixture(params=(OLD, pytest.param(NEW, marks=pytest.mark.long)))
def app_host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AppHost]:
    """The same, and one with Docker 26 and containerd's store."""
    yield from _of_engine(request, tmp_path_factory)


@pytest.fixture(params=(OLD, NEW))
def each_host(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AppHost]:
    """Both, in every run of the tests."""
    yield from _of_engine(request, tmp_path_factory)


def _of_engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[AppHost]:
    name = "_old_host" if request.param == OLD else "_new_host"
    yield from _emptied(request.getfixturevalue(name), tmp_path_factory)


def _host(engines: ExitStack, starting: Starting, factory: pytest.TempPathFactory) -> AppHost:
    root = factory.mktemp("apps")
    engine = started(engines, starting(root, bridge=True))
    return AppHost(engine, root, add_images(engine))


def _emptied(host: AppHost, factory: pytest.TempPathFactory) -> Iterator[AppHost]:
    folder = host.root / factory.mktemp("host").name
    folder.mkdir(mode=0o755)
    yield AppHost(host.engine, folder, host.images)
    host.engine.remove_containers()
    host.engine.docker("network", "prune", "--force")
    volumes = host.engine.docker("volume", "ls", "--quiet").split()
    if volumes:
        host.engine.docker("volume", "rm", *volumes)
