"""What others do to a running app: Docker Compose takes it over, the engine is started again."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import UNAVAILABLE
from tests.installer.app.hosts import AppHost, add_images
from tests.installer.app.releases import IMAGE, NEXT_IMAGE, SLEEP, release, service
from tests.soak.killable import run_killable_dockerd

pytestmark = pytest.mark.engine

DATA = {"target": "/data", "kind": "volume", "source": "data"}


def compose(words: Sequence[str], host: AppHost, *arguments: str) -> str:
    argv = [*words, "--project-name", "viz", *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=host.engine.env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_docker_compose_sees_stops_and_takes_the_project_over(
    old_host: AppHost, docker_compose: list[str]
) -> None:
    app = release(service("db", mounts=(DATA,), restart="always"), volumes=({"key": "data"},))
    assert old_host.switch(app).error is None
    listed = compose(docker_compose, old_host, "ps", "--format", "json")
    (found,) = (json.loads(line) for line in listed.splitlines())
    assert (found["Name"], found["Service"], found["State"]) == ("viz-db-1", "db", "running")
    compose(docker_compose, old_host, "stop", "--timeout", "1")
    assert old_host.containers() == {"viz-db-1": "exited"}
    assert old_host.switch(app).error is None
    old_host.engine.docker("exec", "viz-db-1", "sh", "-c", "echo kept > /data/file")
    ours = old_host.id("viz-db-1")

    file = old_host.root / "compose.yaml"
    script = json.dumps([one.replace("$", "$$") for one in SLEEP])
    file.write_text(
        f"services:\n  db:\n    image: acme/busybox:1\n    command: {script}\n"
        "    pull_policy: never\n    volumes: [data:/data]\nvolumes: {data: {}}\n"
    )
    compose(docker_compose, old_host, "--file", str(file), "up", "-d", "--no-recreate")
    assert old_host.id("viz-db-1") == ours
    compose(docker_compose, old_host, "--file", str(file), "up", "-d", "--timeout", "1")
    assert old_host.id("viz-db-1") != ours  # its digest of the settings is not ours
    assert old_host.engine.docker("exec", "viz-db-1", "cat", "/data/file") == "kept\n"
    (seen,) = old_host.status(app).instances
    assert seen.state == "missing"
    assert "viz-db-1, which has its name, is not ours" in seen.trouble
    refused = old_host.switch(app)
    assert refused.error is not None
    assert refused.error.code == "app-name-taken"
    assert "docker compose -p viz down" in refused.error.hint
    compose(docker_compose, old_host, "--file", str(file), "down", "--timeout", "1")
    assert old_host.switch(app).error is None
    assert old_host.engine.docker("exec", "viz-db-1", "cat", "/data/file") == "kept\n"


def test_an_engine_that_dies_in_a_switch_does_not_start_what_is_obsolete(tmp_path: Path) -> None:
    try:
        running = run_killable_dockerd(tmp_path / "engine")
        killable = running.__enter__()
    except UNAVAILABLE as error:
        pytest.skip(str(error))
    try:
        host = AppHost(killable.engine, tmp_path, add_images(killable.engine))
        old = release(service("web", restart="always"))
        assert host.switch(old).error is None
        probe = {"shell": "false", "interval_ms": 1000, "retries": 100}
        host.put(
            release(service("web", image=NEXT_IMAGE, restart="always", probe=probe), sequence=2)
        )
        child = host.begin("switch")
        assert child.stdout is not None
        for line in child.stdout:
            if json.loads(line).get("state") == "running":
                break
        child.kill()
        child.wait()
        child.stdout.close()
        killable.kill()
        killable.start()
        policy = host.engine.inspect("viz-web-1")["HostConfig"]["RestartPolicy"]["Name"]
        assert (policy, host.containers()["viz-web-1"]) == ("no", "exited")
        assert host.switch(old).error is None
        assert host.containers() == {"viz-web-1": "running"}
        assert host.engine.inspect("viz-web-1")["Image"] == host.images[IMAGE]
        policy = host.engine.inspect("viz-web-1")["HostConfig"]["RestartPolicy"]["Name"]
        assert policy == "always"
    finally:
        running.__exit__(None, None, None)
