"""The installer in one file: frozen, and run where there is no Python, no shell and no library.

Run by `make installer-test`; freezing is too long for every run of the suite.
"""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.bundles import Bundle, make_bundle, new_key
from tests.support.engine import Engine
from tests.support.frozen import BareHost, frozen_installer
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec, busybox_layer

pytestmark = pytest.mark.engine

NAME = "docker.io/acme/hello:1"
HELLO = ImageSpec((busybox_layer(), LayerSpec({"etc/motd": b"hello\n"})), cmd=("cat", "/etc/motd"))


@pytest.fixture(scope="module")
def program() -> Path:
    return frozen_installer()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    root = tmp_path_factory.mktemp("bundle")
    return make_bundle(root / "viz-1", {NAME: HELLO}, new_key(root / "key"))


@pytest.fixture
def host(program: Path, bundle: Bundle, docker_engine: Engine, tmp_path: Path) -> BareHost:
    """A host on which the bundle's signer is trusted."""
    media = {bundle.path.parent: "/media", docker_engine.socket.parent: "/run/engine"}
    host = BareHost.make(tmp_path / "host", program, media)
    key = next(bundle.path.parent.glob("*.pub")).name
    words = ("trust", "add", f"/media/{key}", "--id", "release@acme", "--trust-on-first-use")
    done = host.run(*words)
    assert done.returncode == 0, done.stderr
    return host


def test_it_says_what_it_needs_of_a_host(host: BareHost) -> None:
    done = host.run("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert "glibc 2." in done.stdout
    assert not list((host.root / "tmp").iterdir())


def test_it_verifies_plans_and_installs(
    host: BareHost, docker_engine: Engine, bundle: Bundle
) -> None:
    engine = f"docker:unix:///run/engine/{docker_engine.socket.name}"
    done = host.run("verify", "/media/viz-1")
    assert done.returncode == 0, done.stderr
    done = host.run("install", "/media/viz-1", "--dry-run", "--engine", engine)
    assert (done.returncode, "1 to load" in done.stdout) == (0, True), done.stderr
    assert not docker_engine.images()
    done = host.run("install", "/media/viz-1", "--yes", "--engine", engine)
    assert done.returncode == 0, done.stderr
    assert docker_engine.docker("run", "--rm", "--network=none", NAME).strip() == "hello"
    assert docker_engine.inspect(NAME)["Id"] == str(bundle.release.images[0].image_id)


def test_a_changed_byte_is_refused(bundle: Bundle, host: BareHost) -> None:
    copy = host.root / "copy"
    shutil.copytree(bundle.path, copy)
    blob = max((copy / "blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    data = blob.read_bytes()
    blob.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert host.run("verify", "/copy").returncode == 10


def test_the_self_test_computes_in_children_of_the_file_itself(host: BareHost) -> None:
    done = host.run("selftest", "--device", "numpy", "--json", "--deadline", "120")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert [one["device"]["backend"] for one in report["devices"]] == ["numpy"]
    assert report["verdict"] == "pass"
    assert not list((host.root / "tmp").iterdir())


def test_a_library_is_tried_and_the_management_library_asked_in_a_child(host: BareHost) -> None:
    """Both probes are started as files of Python."""
    done = host.run("check", "--json", "--engine", "layout:/layout")
    findings = json.loads(done.stdout)
    assert "Traceback" not in done.stderr
    assert findings


def test_opencl_of_this_machine_is_found(program: Path) -> None:
    argv = [str(program), "selftest", "--device", "opencl", "--json"]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    report = json.loads(done.stdout)
    assert {one["device"]["backend"] for one in report["devices"]} == {"opencl"}, report
    assert done.returncode == 0


def test_the_screens_open_on_a_terminal(host: BareHost) -> None:
    ours, theirs = pty.openpty()
    with subprocess.Popen(host.argv(), stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        seen = b""
        while b"Install" not in seen:
            seen += os.read(ours, 65536)
        process.kill()
    os.close(ours)


def test_ctrl_c_is_one_request_to_stop(host: BareHost, bundle: Bundle) -> None:
    """A terminal tells the loader and the program; the installer ends in order all the same."""
    argv = host.argv("install", "-", "--yes", "--engine", "layout:/layout")
    process = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    assert process.stdin is not None
    process.stdin.write(bundle.tar()[:-200_000])  # more than a pipe holds: it is being read
    process.stdin.flush()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(bundle.tar()[-200_000:], timeout=60)
    assert process.returncode == 130, said
    assert b"Traceback" not in said
    assert said.count(b"stopping") == 1
    assert not list((host.root / "tmp").iterdir())
