"""Ports that something has: of ours, of others, of nobody that the engine knows."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest

from installer.app import room
from installer.app.deployment import deployment
from installer.app.room import check_room
from installer.app.wanted import Deployment
from installer.engines.appapi import AppApi
from installer.engines.appfacts import Listed
from installer.engines.containerfacts import PRODUCT, PROJECT
from manifests.errors import NotInstallableHere
from tests.installer.app import releases
from tests.installer.app.releases import placed, release, service

OURS = {PROJECT: releases.PRODUCT, PRODUCT: releases.PRODUCT}


class Engine:
    """Answers that an engine gives one after the other; the last one for ever."""

    def __init__(self, *answers: list[Listed]) -> None:
        self._answers = list(answers)

    def listed(self) -> list[Listed]:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def network(self, _name: str) -> None:
        return None


def engine(*answers: list[Listed]) -> AppApi:
    return cast("AppApi", Engine(*answers))


def container(name: str, labels: dict[str, str], *ports: int) -> Listed:
    return Listed(name, name, labels, tuple(("127.0.0.1", one, "tcp") for one in ports))


@pytest.fixture
def port() -> Iterator[int]:
    """A port of this host that something has."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server.getsockname()[1]


@pytest.fixture(autouse=True)
def _without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SETTLE_PAUSE_S", 0)


def wanting(tmp_path: Path, port: int) -> Deployment:
    web = service("web", ports=({"container": 80, "host": str(port), "address": "127.0.0.1"},))
    made = release(web)
    return deployment(made, placed(made, tmp_path))


def test_what_a_restarted_engine_has_not_listed_yet_is_waited_for(
    tmp_path: Path, port: int
) -> None:
    starting = [container("viz-web-1", OURS)]
    started = [container("viz-web-1", OURS, port)]
    check_room(engine(starting, starting, starting, started), wanting(tmp_path, port))


def test_a_program_that_keeps_a_port_is_refused_in_the_end(tmp_path: Path, port: int) -> None:
    with pytest.raises(NotInstallableHere) as refused:
        check_room(engine([container("viz-db-1", OURS)]), wanting(tmp_path, port))
    assert (refused.value.code, refused.value.context["port"]) == ("app-port-taken", port)
    assert "a program of this host" in str(refused.value)


def test_a_container_of_others_is_named_at_once(tmp_path: Path, port: int) -> None:
    both = [container("viz-db-1", OURS), container("other", {}, port)]
    with pytest.raises(NotInstallableHere) as refused:
        check_room(engine(both), wanting(tmp_path, port))
    assert refused.value.context["container"] == "other"
