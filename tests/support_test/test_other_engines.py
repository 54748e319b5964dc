"""Podman and bare containerd run what they are given, each in a store of its own."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.containerd import Containerd
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec, busybox_layer
from tests.support.podman import Podman
from tests.support.publish import docker_archive, push_image, write_layout
from tests.support.registry import Registry

pytestmark = [pytest.mark.engine, pytest.mark.long]

APP = ImageSpec((busybox_layer(), LayerSpec({"etc/motd": b"hello\n"})), cmd=("cat", "/etc/motd"))
NAME = "docker.io/acme/app:1"


def test_podman_runs_what_it_loads(podman: Podman) -> None:
    assert podman.images() == set()
    podman.podman("load", stdin=docker_archive({NAME: APP}))
    assert podman.images() == {NAME}
    assert podman.podman("run", "--rm", NAME) == "hello\n"


def test_podman_keeps_the_manifest_digest(podman: Podman, tmp_path: Path) -> None:
    write_layout(tmp_path, {"app": APP})
    subprocess.run(
        ["skopeo", "copy", "-q", f"oci:{tmp_path}:app", f"containers-storage:{NAME}"],
        check=True,
        env=podman.env,
    )
    assert podman.inspect(NAME)["Digest"] == APP.build().manifest.digest


def test_podman_pulls_from_the_registry(podman: Podman, registry: Registry) -> None:
    pushed = push_image(registry, "support/podman", "1", APP)
    podman.podman("pull", "--quiet", pushed.reference)
    assert podman.podman("run", "--rm", pushed.pinned) == "hello\n"


def test_containerd_runs_what_it_imports(containerd: Containerd, tmp_path: Path) -> None:
    write_layout(tmp_path, {NAME: APP})
    packed = subprocess.run(
        ["tar", "-C", str(tmp_path), "-c", "oci-layout", "index.json", "blobs"],
        check=True,
        capture_output=True,
    )
    containerd.ctr("images", "import", "--digests", "-", stdin=packed.stdout)
    assert NAME in containerd.images()
    assert containerd.ctr("run", "--rm", NAME, "one", "cat", "/etc/motd") == "hello\n"
    containerd.clear()
    assert containerd.images() == set()
