"""An app as a stack of a swarm, by the commands that people type: from install to uninstall."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from manifests.errors import ExitCode
from manifests.runspec import RunSpec
from tests.installer.app.hosts import AppHost
from tests.support.realapp import PRODUCT, VOLUME, RealRelease
from tests.support.site import Site

pytestmark = pytest.mark.engine


@dataclass(frozen=True)
class Alone(RealRelease):
    """A release of the web server alone, with time to start where much runs beside it."""

    selftest: bool = False

    @property
    def run(self) -> RunSpec:
        whole = super().run
        web = next(one for one in whole.services if one.name == "web")
        services = (web.model_copy(update={"dependencies": ()}),)
        return whole.model_copy(
            update={"services": services, "deadline_seconds": 10 if self.broken else 100}
        )


def test_a_stack_needs_the_manager_of_a_swarm(site: Site) -> None:
    if "inactive" not in site.engine.docker("info", "--format", "{{.Swarm.LocalNodeState}}"):
        site.engine.docker("swarm", "leave", "--force")
    done = site.install(site.bundle(Alone(1)), "--swarm")
    assert done.returncode == ExitCode.NOT_INSTALLABLE
    assert "swarm-inactive" in done.stderr
    assert "docker swarm init --advertise-addr" in done.stderr
    assert not site.containers()


def test_a_stack_from_install_to_uninstall(swarm: AppHost, site: Site) -> None:
    engine = swarm.engine
    at = ("--engine", f"docker:{engine.url}")
    done = site.install(site.bundle(Alone(1)), "--swarm")
    assert done.returncode == 0, done.stderr
    stacks = engine.docker("stack", "ls", "--format", "{{.Name}} {{.Services}}")
    assert stacks.split() == [PRODUCT, "1"]
    listed = engine.docker("stack", "services", PRODUCT, "--format", "{{.Name}} {{.Replicas}}")
    assert listed.split() == ["moonbase_web", "1/1"]
    assert site.answer().startswith("version 1.1")
    assert all(one["Config"]["Image"].startswith("sha256:") for one in site.containers())

    done = site.install(site.bundle(Alone(2)))  # as it runs, without being told
    assert done.returncode == 0, done.stderr
    assert site.answer().startswith("version 1.2")

    done = site.install(site.bundle(Alone(3, broken=True)))
    assert done.returncode == ExitCode.START_FAILED, done.stderr
    assert "no configuration for the new format" in done.stderr
    assert "what ran before runs again" in done.stderr
    assert site.answer().startswith("version 1.2")

    refused = site.install(site.bundle(Alone(4)), "--no-swarm")
    assert refused.returncode == ExitCode.NOT_INSTALLABLE
    assert "swarm-other-way" in refused.stderr

    done = site.installer("rollback", "--yes", *at)
    assert done.returncode == 0, done.stderr
    assert site.answer().startswith("version 1.1")
    found = status(site)
    assert (found["well"], found["instances"][0]["service"]) == (True, "web")
    assert found["instances"][0]["ports"] == ["*:8080->8080/tcp"]
    assert site.ask("logs", "web", "--json").returncode == 0

    done = site.installer("uninstall", PRODUCT, "--yes", *at)
    assert done.returncode == 0, done.stderr
    assert not engine.docker("service", "ls", "--quiet")
    assert not engine.docker("network", "ls", "--quiet", "--filter", "name=moonbase")
    assert not site.containers()
    assert VOLUME in engine.docker("volume", "ls", "--quiet")
    engine.docker("volume", "rm", VOLUME)


def status(site: Site) -> dict[str, Any]:
    done = site.ask("status", "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    return found
