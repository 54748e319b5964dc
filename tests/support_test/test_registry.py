"""The registry is a real one, and serves what was put there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.images import ImageSpec, IndexSpec, MediaTypes
from tests.support.layers import LayerSpec
from tests.support.process import DaemonError, run_daemon
from tests.support.publish import push_image
from tests.support.registry import Registry, RegistryError, run_registry

pytestmark = pytest.mark.engine

APP = ImageSpec((LayerSpec.random(1, 5000), LayerSpec.random(2, 5000, compressible=True)))


@pytest.mark.parametrize("media", ["oci", "docker"])
def test_skopeo_copies_what_was_pushed(
    registry: Registry, tmp_path: Path, media: MediaTypes
) -> None:
    spec = ImageSpec(APP.layers, media=media)
    pushed = push_image(registry, f"support/{media}", "1.0", spec)
    source = ["--src-tls-verify=false", f"docker://{pushed.reference}"]
    subprocess.run(["skopeo", "copy", "-q", *source, f"dir:{tmp_path}"], check=True)
    assert (tmp_path / "manifest.json").read_bytes() == pushed.built.manifest.data
    for blob in pushed.built.blobs[:-1]:
        assert (tmp_path / blob.digest[7:]).read_bytes() == blob.data


def test_index_is_served_as_pushed(registry: Registry) -> None:
    spec = IndexSpec((APP, APP.on("linux/arm64")), attestations=True)
    pushed = push_image(registry, "support/index", "1.0", spec)
    media_type, data = registry.get_manifest("support/index", "1.0")
    assert data == spec.build().index.data
    assert media_type == spec.build().index.media_type
    assert registry.get_manifest("support/index", pushed.digest)[1] == data
    assert registry.get_manifest("support/index", pushed.manifest_digest)[1] == (
        pushed.built.manifest.data
    )


def test_requests_are_recorded(registry: Registry) -> None:
    push_image(registry, "support/seen", "1.0", APP)
    seen = [r for r in registry.requests() if "/support/seen/manifests/1.0" in r.path]
    assert [(r.method, r.status) for r in seen] == [("PUT", 201)]


def test_blob_file_can_be_damaged(registry: Registry) -> None:
    pushed = push_image(registry, "support/damage", "1.0", ImageSpec((LayerSpec.random(9, 99),)))
    digest = pushed.layer_digests[0]
    registry.blob_path(digest).write_bytes(b"other")
    _, body = registry.ask("GET", f"/v2/support/damage/blobs/{digest}", expect=200)
    assert body != pushed.built.layers[0].data


def test_deleted_manifest_is_gone(registry: Registry) -> None:
    pushed = push_image(registry, "support/delete", "1.0", APP)
    registry.delete_manifest("support/delete", pushed.digest)
    with pytest.raises(RegistryError, match="404"):
        registry.get_manifest("support/delete", "1.0")


def test_credentials_are_asked_for(tmp_path: Path) -> None:
    with run_registry(tmp_path, credentials=("ada", "secret")) as private:
        push_image(private, "app", "1", APP)
        stranger = Registry(private.address, private.storage, private.log)
        with pytest.raises(RegistryError, match="401"):
            stranger.get_manifest("app", "1")


def test_storage_outlives_the_registry(tmp_path: Path) -> None:
    with run_registry(tmp_path) as first:
        push_image(first, "app", "1", APP)
    with run_registry(tmp_path) as second:
        assert second.get_manifest("app", "1")[1] == APP.build().manifest.data


def test_daemon_that_ends_says_why(tmp_path: Path) -> None:
    argv = ["sh", "-c", "echo no such luck; exit 3"]
    with (
        pytest.raises(DaemonError, match=r"ended with 3(.|\n)*no such luck"),
        run_daemon(argv, log=tmp_path / "log", ready=lambda: False),
    ):
        pass
