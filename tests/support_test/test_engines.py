"""The engines are real ones: they load, run, and are what their fixture says."""

from __future__ import annotations

import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.support.dockerd import run_dockerd
from tests.support.engine import Engine, EngineError
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec, busybox_layer
from tests.support.netns import PREFIX, inside, network_namespace
from tests.support.publish import docker_archive, push_image, write_layout
from tests.support.registry import Registry

pytestmark = pytest.mark.engine

APP = ImageSpec((busybox_layer(), LayerSpec({"etc/motd": b"hello\n"})), cmd=("cat", "/etc/motd"))
RUN = ("run", "--rm", "--network", "none")

ENGINES = {
    "docker_engine": ("20.", False),
    "connected_engine": ("20.", False),
    "new_docker_engine": ("26.", False),
    "containerd_store_engine": ("26.", True),
}


@pytest.mark.parametrize("fixture", ENGINES)
def test_engine_runs_what_it_loads(fixture: str, request: pytest.FixtureRequest) -> None:
    engine: Engine = request.getfixturevalue(fixture)
    version, containerd_store = ENGINES[fixture]
    assert engine.images() == set()
    assert engine.version.startswith(version)
    assert engine.containerd_store == containerd_store
    engine.load(docker_archive({"acme/app:1": APP}))
    assert engine.images() == {"acme/app:1"}
    assert engine.docker(*RUN, "acme/app:1") == "hello\n"
    if not containerd_store:
        assert engine.image_ids() == {APP.build().config.digest}


@pytest.mark.parametrize("fixture", ["docker_engine", "containerd_store_engine"])
def test_engine_is_empty_again(fixture: str, request: pytest.FixtureRequest) -> None:
    engine: Engine = request.getfixturevalue(fixture)
    engine.load(docker_archive({"acme/app:1": APP, "acme/app:2": APP}))
    engine.docker("run", "--detach", "--network", "none", "acme/app:1", "sleep", "600")
    engine.clear()
    assert engine.image_ids() == set()
    assert engine.docker("ps", "--all", "--quiet") == ""


def test_containerd_store_keeps_the_manifest_digest(
    containerd_store_engine: Engine, tmp_path: Path
) -> None:
    write_layout(tmp_path, {"docker.io/acme/app:1": APP})
    members = ["oci-layout", "index.json", "blobs"]
    packed = subprocess.run(
        ["tar", "-C", str(tmp_path), "-c", *members], check=True, capture_output=True
    )
    containerd_store_engine.load(packed.stdout)
    pinned = f"acme/app@{APP.build().manifest.digest}"
    assert containerd_store_engine.docker(*RUN, pinned) == "hello\n"


def test_connected_engine_pulls_from_the_registry(
    connected_engine: Engine, registry: Registry
) -> None:
    pushed = push_image(registry, "support/pull", "1", APP)
    connected_engine.docker("pull", pushed.reference)
    assert connected_engine.inspect(pushed.reference)["Id"] == pushed.config_digest


def test_disconnected_engine_reaches_nothing(docker_engine: Engine, registry: Registry) -> None:
    pushed = push_image(registry, "support/unreachable", "1", APP)
    with pytest.raises(EngineError, match="refused"):
        docker_engine.docker("pull", pushed.reference)


def test_published_port_answers_inside_the_namespace(tmp_path: Path) -> None:
    with run_dockerd(tmp_path, bridge=True) as engine:
        engine.load(docker_archive({"acme/web:1": APP}))
        serve = ("httpd", "-f", "-p", "80", "-h", "/etc")
        engine.docker("run", "--detach", "--publish", "8099:80", "acme/web:1", *serve)
        fetch = "until busybox wget -qO- http://127.0.0.1:8099/motd; do sleep 0.1; done"
        asked = [*inside(engine.netns), "sh", "-c", fetch]  # the server may not listen yet
        done = subprocess.run(asked, check=True, capture_output=True, timeout=20)
        assert done.stdout == b"hello\n"
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen("http://127.0.0.1:8099/motd", timeout=2)
        engine.clear()


def test_engine_leaves_nothing_behind(tmp_path: Path) -> None:
    with run_dockerd(tmp_path) as engine:
        engine.load(docker_archive({"acme/app:1": APP}))
        engine.docker("run", "--detach", "--network", "none", "acme/app:1", "sleep", "600")
    assert not engine.socket.parent.exists()
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()
    assert not Path(f"/run/netns/{engine.netns}").exists()


def test_namespace_has_no_interface_but_loopback() -> None:
    with network_namespace() as name:
        listed = subprocess.run(
            [*inside(name), "ip", "-brief", "link"], check=True, capture_output=True, text=True
        )
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["lo"]


def test_namespaces_of_dead_runs_are_removed() -> None:
    stale = f"{PREFIX}4194305-0"  # past the kernel's highest process id
    subprocess.run(["ip", "netns", "add", stale], check=True)
    with network_namespace():
        assert not Path(f"/run/netns/{stale}").exists()
