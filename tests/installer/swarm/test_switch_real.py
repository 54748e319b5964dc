"""Stacks that are started, changed, stopped and removed on a real swarm."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from installer.app.placement import Placement
from installer.events import ServiceChanged
from installer.running.runner import Go, Runner, remove_stack, runner_of
from installer.state.apps import RunsAs
from manifests.digest import Digest
from manifests.release import Release
from tests.installer.app.hosts import AppHost
from tests.installer.app.releases import PRODUCT, placed, release, service

pytestmark = pytest.mark.engine


@pytest.fixture
def runner(swarm: AppHost) -> Iterator[Runner]:
    with (
        closing(swarm.apps()) as apps,
        closing(runner_of(apps, RunsAs.STACK)) as made,
    ):
        yield made


def at(swarm: AppHost, made: Release) -> Placement:
    images = {name: Digest.parse(identity) for name, identity in swarm.images.items()}
    return placed(made, swarm.home, images=images)


def start(swarm: AppHost, runner: Runner, made: Release) -> dict[str, list[str]]:
    """Start a release; return what became of each service."""
    found: dict[str, list[str]] = {}
    for event in runner.start(made, at(swarm, made), Go(threading.Event())):
        if isinstance(event, ServiceChanged):
            found.setdefault(event.service, []).append(str(event.state))
    return found


def document(swarm: AppHost, name: str) -> dict[str, Any]:
    return dict(swarm.engine.inspect(name))


def test_a_stack_becomes_what_it_shall_be(swarm: AppHost, runner: Runner) -> None:
    swarm.home.mkdir(mode=0o755)
    (swarm.home / "secrets").mkdir(mode=0o700)
    secret = swarm.home / "secrets/key"
    secret.write_text("correct horse")
    fields: dict[str, Any] = {"secrets": ({"name": "key"},), "deadline_seconds": 100}
    web = service("web", secrets=({"name": "key", "target": "key"},), restart="always")
    job = service("job", command=("sh", "-c", "exit 0"))
    waiting = {**web, "dependencies": ({"service": "job", "condition": "completed"},)}
    first = release(waiting, job, service("old", restart="always"), **fields)

    states = start(swarm, runner, first)
    assert states["job"][-1] == "completed"
    assert states["web"][-1] == "healthy"
    assert runner.status(first, at(swarm, first)).well
    (container,) = [one.id for one in runner.containers(PRODUCT) if one.service == "web"]
    assert swarm.engine.docker("exec", container, "cat", "/run/secrets/key") == "correct horse"
    assert "horse" not in str(document(swarm, "viz_web"))
    again = start(swarm, runner, first)
    assert {key: found[0] for key, found in again.items()} == dict.fromkeys(states, "unchanged")

    secret.write_text("another horse")
    second = release(waiting, job, sequence=2, **fields)
    states = start(swarm, runner, second)
    assert (states["job"][0], states["web"][0]) == ("unchanged", "starting")
    assert states["old"] == ["stopped", "removed"]
    assert len(swarm.engine.docker("secret", "ls", "--quiet").split()) == 1

    list(runner.stop(PRODUCT, threading.Event(), ()))
    assert [one.trouble for one in runner.status(second, at(swarm, second)).instances] == [
        "",
        "is stopped: installer start",
    ]
    states = start(swarm, runner, second)
    assert (states["job"][0], states["web"][-1]) == ("unchanged", "healthy")

    with closing(swarm.apps()) as apps:
        list(remove_stack(apps, PRODUCT))
    assert not swarm.engine.docker("service", "ls", "--quiet")
    assert not swarm.engine.docker("secret", "ls", "--quiet")
