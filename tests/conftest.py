"""Fixtures for all tests: a clean environment, and real parts that are started once a run.

Engines are handed out empty and emptied afterwards. Where one can't be had the test is skipped
with the reason; on CI (environment variable CI set to true) it fails instead.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import TypeVar

import pytest

from tests.support.containerd import Containerd, run_containerd
from tests.support.debian import DebianError
from tests.support.dockercompose import find_compose
from tests.support.dockerd import run_dockerd
from tests.support.engine import Engine
from tests.support.fasttemp import use_memory
from tests.support.netns import NetnsError
from tests.support.newdocker import run_new_dockerd
from tests.support.podman import Podman, podman_store
from tests.support.process import DaemonError
from tests.support.registry import Registry, run_registry

LEAKING = ("MOONLIFT_", "DOCKER_", "CONTAINER", "REGISTRY_", "SSH_", "XDG_", "COMPOSE_")
CACHE_SETTING = "MOONLIFT_TEST_CACHE"
UNAVAILABLE = (DaemonError, DebianError, NetnsError, OSError)

HOME_NUMBERS = count()

T = TypeVar("T")


os.environ.pop("COLUMNS", None)  # of the terminal that the tests were started from
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of programs are started: compile once
sys.dont_write_bytecode = False
os.environ.setdefault("GOGC", "400")  # engines live shortly: they need not tidy up so often
os.environ.setdefault("GOMAXPROCS", "1")  # tests share the processors: engines wake fewer threads
use_memory()

ENGINES = pytest.StashKey[ExitStack]()
ENGINE_FILES = pytest.StashKey[set[Path]]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let the files with engines go first: they take long, and the workers shall end together."""
    slow = {item.path for item in items if item.get_closest_marker("engine") is not None}
    items.sort(key=lambda item: item.path not in slow)
    config.stash[ENGINE_FILES] = slow


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Stop the engines of the run before the first file without: idle ones burn processor time."""
    if item.path not in item.config.stash[ENGINE_FILES] and ENGINES in item.config.stash:
        item.config.stash[ENGINES].close()


def pytest_collection_finish() -> None:
    """Spare the collector what lives until the end: thousands of tests, all modules."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("homes")


@pytest.fixture(autouse=True)
def _clean_environ(_homes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the developer's own settings; give each test an empty home."""
    for name in list(os.environ):
        if name.startswith(LEAKING) and name != CACHE_SETTING:
            monkeypatch.delenv(name)
    home = _homes / str(next(HOME_NUMBERS))
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TZ", "UTC")


@pytest.fixture(scope="session")
def engines(pytestconfig: pytest.Config) -> Iterator[ExitStack]:
    """What stops the engines of the run: after the last file with engines, else at the end."""
    with ExitStack() as stack:
        pytestconfig.stash[ENGINES] = stack
        yield stack


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry for the whole run, on the host's loopback; use a repository of your own."""
    with _or_skip(run_registry(tmp_path_factory.mktemp("registry"))) as running:
        yield running


@pytest.fixture(scope="session")
def docker_compose() -> Iterator[list[str]]:
    """The words that start Docker Compose 2."""
    with _or_skip(_found(find_compose)) as words:
        yield words


@pytest.fixture
def docker_engine(_docker_engine: Engine) -> Iterator[Engine]:
    """The machine's Docker (20.10 on Debian 12), in a network namespace without interfaces."""
    yield from _emptied(_docker_engine)


@pytest.fixture
def connected_engine(_connected_engine: Engine) -> Iterator[Engine]:
    """The machine's Docker on the host's network: it reaches `registry`."""
    yield from _emptied(_connected_engine)


@pytest.fixture
def containerd_store_engine(_containerd_store_engine: Engine) -> Iterator[Engine]:
    """Docker 26 with containerd's image store, in a network namespace without interfaces."""
    yield from _emptied(_containerd_store_engine)


@pytest.fixture
def new_docker_engine(_new_docker_engine: Engine) -> Iterator[Engine]:
    """Docker 26 with the graph-driver store, in a network namespace without interfaces."""
    yield from _emptied(_new_docker_engine)


@pytest.fixture
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Podman]:
    """Podman with an empty store."""
    with _or_skip(podman_store(_root(tmp_path_factory))) as store:
        yield store


@pytest.fixture
def containerd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Containerd]:
    """The machine's containerd, empty, without Docker."""
    with _or_skip(run_containerd(_root(tmp_path_factory))) as engine:
        yield engine


@pytest.fixture(scope="session")
def _docker_engine(engines: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return started(engines, run_dockerd(_root(tmp_path_factory)))


@pytest.fixture(scope="session")
def _bridged_engine(engines: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return started(engines, run_dockerd(_root(tmp_path_factory), bridge=True))


@pytest.fixture(scope="session")
def _connected_engine(engines: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return started(engines, run_dockerd(_root(tmp_path_factory), network="host"))


@pytest.fixture(scope="session")
def _containerd_store_engine(
    engines: ExitStack, tmp_path_factory: pytest.TempPathFactory
) -> Engine:
    return started(engines, run_new_dockerd(_root(tmp_path_factory)))


@pytest.fixture(scope="session")
def _new_docker_engine(engines: ExitStack, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    return started(engines, run_new_dockerd(_root(tmp_path_factory), containerd_store=False))


def _root(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("engine")


def _emptied(engine: Engine) -> Iterator[Engine]:
    """Hand the engine out; empty it afterwards, also when the test left containers running."""
    try:
        yield engine
    finally:
        engine.clear()


@contextmanager
def _found(find: Callable[[], T]) -> Iterator[T]:
    yield find()


@contextmanager
def _or_skip(starting: AbstractContextManager[T]) -> Iterator[T]:
    """Start a real part; skip, on CI fail, where it can't be had."""
    with ExitStack() as stack:
        yield started(stack, starting)


def started(stack: ExitStack, starting: AbstractContextManager[T]) -> T:
    """Start a real part that the stack stops; skip, on CI fail, where it can't be had."""
    try:
        return stack.enter_context(starting)
    except UNAVAILABLE as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))
