"""What engines say of themselves: real ones, silent ones, and ones that lie."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from installer.checks.catalogue import CHECKS, chosen_checks, run_checks
from installer.checks.engineasking import ask_engine, engine_socket
from installer.checks.enginefacts import Contact, read_facts
from installer.checks.finding import Severity
from installer.checks.hostfiles import HostFiles
from manifests.errors import UsageError
from tests.installer.checks.hosts import PLAIN
from tests.support.engine import Engine
from tests.support.newdocker import run_new_dockerd
from tests.support.process import short_directory


@contextmanager
def listening() -> Iterator[Path]:
    """A socket that takes connections and never answers."""
    with short_directory() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s"))
        server.listen(8)
        yield folder / "s"


@pytest.mark.engine
def test_an_old_engine(docker_engine: Engine) -> None:
    found = ask_engine(docker_engine.url)
    assert found.answered
    assert found.version.startswith("20.10")
    assert found.api == (1, 41)
    assert found.root == str(docker_engine.data_root)
    assert found.driver == docker_engine.info["Driver"]
    assert "runc" in found.runtimes
    assert found.default_runtime == "runc"
    assert found.cgroup_version in ("1", "2")
    assert found.cdi_dirs is None
    assert "seccomp" in found.security_names
    assert not found.rootless


@pytest.mark.engine
def test_a_new_engine(new_docker_engine: Engine) -> None:
    found = ask_engine(new_docker_engine.url)
    assert found.version.startswith("26.")
    assert found.api >= (1, 45)
    assert not found.cdi_dirs


@pytest.mark.engine
def test_a_new_engine_with_cdi(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("cdi")
    config = {"features": {"cdi": True, "containerd-snapshotter": False}}
    with run_new_dockerd(root, containerd_store=False, config=config) as engine:
        found = ask_engine(engine.url)
    assert found.cdi_dirs == ("/etc/cdi", "/var/run/cdi")


@pytest.mark.engine
@pytest.mark.parametrize("name", ["docker_engine", "new_docker_engine", "containerd_store_engine"])
def test_checks_of_a_real_engine(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    engine: Engine = request.getfixturevalue(name)
    facts = ask_engine(engine.url)
    sources = PLAIN.having(engine=facts).sources(tmp_path)
    object.__setattr__(sources, "files", HostFiles())
    found = {one.check.id: one for one in run_checks(sources, chosen_checks(["docker"]))}
    assert found["docker.answer"].severity is Severity.OK
    assert found["docker.version"].severity is Severity.OK
    assert found["docker.snap"].severity is Severity.OK
    (space,) = found["docker.space"].findings[:1]
    assert str(engine.data_root) in space.evidence
    assert "free" in space.evidence
    expected = Severity.WARN if facts.driver == "vfs" else Severity.OK
    assert found["docker.storage"].severity is expected


def test_no_engine_there(tmp_path: Path) -> None:
    found = ask_engine(f"unix://{tmp_path}/none")
    assert found.contact is Contact.ABSENT
    assert str(tmp_path) in found.trouble


def test_a_socket_that_no_one_listens_at() -> None:
    with short_directory() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s"))
        assert ask_engine(f"unix://{folder}/s").contact is Contact.ABSENT


def test_an_engine_that_never_answers() -> None:
    with listening() as path:
        assert ask_engine(f"unix://{path}", seconds=0.3).contact is Contact.HUNG


def test_something_else_at_the_socket() -> None:
    with short_directory() as folder, socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "s"))
        server.listen(8)
        threading.Thread(target=_answer_nonsense, args=(server,), daemon=True).start()
        found = ask_engine(f"unix://{folder}/s")
        assert found.contact is Contact.FAILED
        server.shutdown(socket.SHUT_RDWR)


def _answer_nonsense(server: socket.socket) -> None:
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(0.2)
            try:
                connection.recv(65536)
                connection.sendall(b"SSH-2.0-nothing\r\n\r\n")
            except OSError:
                continue


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_an_ordinary_user_is_told_what_could_not_be_read() -> None:
    with listening() as path:
        path.chmod(0o600)
        path.parent.chmod(0o711)
        found = _seen_by_nobody(f"unix://{path}")
    assert set(found) == {check.id for check in CHECKS}
    (answer,) = found["docker.answer"]["findings"]
    assert answer["cause"] == "denied"
    assert "group that owns the socket" in answer["remedy"]
    restricted = Path("/proc/sys/kernel/dmesg_restrict").read_text().strip() == "1"
    if restricted:
        (log,) = found["gpu.xid"]["findings"]
        assert log["severity"] == "unknown"
        assert "sudo installer check" in log["remedy"]


def _seen_by_nobody(url: str) -> dict[str, Any]:
    """Return the checks by ID, as a user without rights sees this host."""
    argv = [sys.executable, "-m", "tests.installer.checks.nobody", url]
    done = subprocess.run(argv, check=True, capture_output=True, timeout=60)
    assert done.stderr == b""
    return {one["id"]: one for one in json.loads(done.stdout)["checks"]}


def test_no_engine_is_wanted() -> None:
    assert ask_engine(None).contact is Contact.NOT_WANTED


def test_which_engine_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine_socket("layout:/srv/oci") is None
    assert engine_socket("auto") == "unix:///var/run/docker.sock"
    assert engine_socket("docker:/run/other.sock") == "unix:///run/other.sock"
    monkeypatch.setenv("DOCKER_HOST", "unix:///run/user/1000/docker.sock")
    assert engine_socket("docker") == "unix:///run/user/1000/docker.sock"


@pytest.mark.parametrize("given", ["podmann", "docker:tcp://1.2.3.4:2375", "layout:"])
def test_an_engine_that_can_not_be_meant(given: str) -> None:
    with pytest.raises(UsageError):
        engine_socket(given)


def test_an_engine_that_says_other_things_than_documented() -> None:
    odd = {
        "ServerVersion": 7,
        "DriverStatus": [["a"], 5, ["Backing Filesystem", None]],
        "Runtimes": ["runc"],
        "SecurityOptions": "rootless",
        "CDISpecDirs": {},
        "DiscoveredDevices": ["x", {"Source": "cdi", "ID": "nvidia.com/gpu=0"}],
        "IPv4Forwarding": "no",
        "Warnings": None,
    }
    found = read_facts("unix:///x", odd, {"ApiVersion": "1." + "9" * 5000})
    assert (found.version, found.api, found.runtimes, found.security) == ("", (), (), ())
    assert found.driver_status == (("Backing Filesystem", "None"),)
    assert found.cdi_devices == ("nvidia.com/gpu=0",)
    assert (found.cdi_dirs, found.forwarding, found.warnings) == (None, None, ())


def test_names_of_security_options() -> None:
    options = ["name=apparmor", "name=seccomp,profile=builtin", "name=rootless", "selinux"]
    found = read_facts("unix:///x", {"SecurityOptions": options}, {})
    assert found.security_names == ("apparmor", "seccomp", "rootless", "selinux")
    assert found.rootless
