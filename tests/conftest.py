"""Fixtures for all tests: a clean environment, and real parts that are started once a run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.support.registry import Registry, run_registry

LEAKING = ("MOONLIFT_", "DOCKER_", "CONTAINER", "REGISTRY_", "SSH_", "XDG_", "COMPOSE_")
CACHE_SETTING = "MOONLIFT_TEST_CACHE"


@pytest.fixture(autouse=True)
def _clean_environ(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hide the developer's own settings; give each test an empty home."""
    for name in list(os.environ):
        if name.startswith(LEAKING) and name != CACHE_SETTING:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    monkeypatch.setenv("TZ", "UTC")


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    """A registry for the whole run; use a repository name of your own."""
    with run_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running
