"""Engines that have the self-test's image: cut off from the network, without a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.conftest import started
from tests.support.engine import Engine
from tests.support.selftestengines import run_new_selftest_engine, run_selftest_engine


@pytest.fixture(scope="session")
def _selftest_engine(engines: ExitStack) -> Engine:
    return started(engines, run_selftest_engine())


@pytest.fixture(scope="session")
def _new_selftest_engine(engines: ExitStack, _selftest_engine: Engine) -> Engine:
    return started(engines, run_new_selftest_engine(_selftest_engine))


@pytest.fixture
def selftest_engine(_selftest_engine: Engine) -> Iterator[Engine]:
    """The machine's Docker (20.10 on Debian 12) with the self-test's image."""
    yield _selftest_engine
    _selftest_engine.remove_containers()


@pytest.fixture
def new_selftest_engine(_new_selftest_engine: Engine) -> Iterator[Engine]:
    """Docker 26 with the same image, CDI, and a runtime `nvidia` that gives no GPU."""
    yield _new_selftest_engine
    _new_selftest_engine.remove_containers()
