"""Bundles without us: ssh-keygen, sha256sum, tar, skopeo, umoci and real engines take them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from manifests.layerpolicy import LayerPolicy
from tests.bundler.builds import Workplace, memory, served_by
from tests.support.engine import Engine
from tests.support.images import ImageSpec, IndexSpec
from tests.support.layers import LayerSpec, busybox_layer
from tests.support.publish import PushedImage, push_image
from tests.support.registry import Registry
from tests.support.ssh import IDENTITY, allowed_line, public_key

pytestmark = pytest.mark.engine

MOTD = LayerSpec({"etc/motd": b"hello from the bundle\n"})
APP = ImageSpec((busybox_layer(), MOTD), cmd=("cat", "/etc/motd"))
POLICIES = [LayerPolicy.ZSTD, LayerPolicy.ORIGINAL]


@pytest.fixture(scope="module")
def pushed(registry: Registry) -> dict[str, PushedImage]:
    index = IndexSpec((APP, APP.on("linux/arm64")), attestations=True)
    return {
        "app": push_image(registry, "tools/app", "1", APP),
        "index": push_image(registry, "tools/index", "1", index),
    }


@pytest.fixture(params=POLICIES, ids=str)
def built(
    request: pytest.FixtureRequest, place: Workplace, pushed: dict[str, PushedImage]
) -> Workplace:
    (place.root / "notes.txt").write_text("a file")
    images = [one.reference for one in pushed.values()]
    place.write_app(*images, more="files: [notes.txt]\n")
    place.build("out", policy=request.param)
    return place


def ran(*command: object, **settings: object) -> str:
    argv = [str(part) for part in command]
    done = subprocess.run(argv, check=False, capture_output=True, **settings)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return str(done.stdout.decode())


def check_by_hand(folder: Path, key: Path) -> None:
    """Check a bundle as the README says."""
    allowed = folder.with_name("allowed_signers")
    allowed.write_text(allowed_line(public_key(key)) + "\n")
    verify = ["ssh-keygen", "-Y", "verify", "-f", allowed, "-I", IDENTITY, "-n", "moonlift-bundle"]
    with (folder / "SHA256SUMS").open("rb") as sums:
        ran(*verify, "-s", folder / "SHA256SUMS.1.sig", stdin=sums)
    said = ran("sha256sum", "--strict", "-c", "SHA256SUMS", cwd=folder)
    listed = {line.partition(":")[0] for line in said.splitlines()}
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert present - listed == {"SHA256SUMS", "SHA256SUMS.1.sig"}


def test_ssh_keygen_and_sha256sum_accept_it(built: Workplace) -> None:
    check_by_hand(built.root / "out", built.key)


@pytest.mark.parametrize("part_size", [None, 2**20])
def test_tar_unpacks_the_one_file_form_to_the_same(built: Workplace, part_size: int | None) -> None:
    (built.root / "unpacked").mkdir()
    paths = built.build("x.tar", part_size=part_size).paths
    with subprocess.Popen(["cat", *paths], stdout=subprocess.PIPE) as whole:
        ran("tar", "-x", "-C", built.root / "unpacked", stdin=whole.stdout)
    check_by_hand(built.root / "unpacked", built.key)


def test_a_file_with_a_long_name_is_carried_in_every_form(place: Workplace) -> None:
    deep = "/".join(["d" * 40] * 4)
    (place.root / deep).mkdir(parents=True)
    (place.root / deep / "file.txt").write_text("deep")
    place.write_app("registry.test/app:1", more=f"files: [{'d' * 40}]\n")
    with served_by(memory(app=APP)):
        place.build("out")
        place.build("x.tar")
    (place.root / "unpacked").mkdir()
    ran("tar", "-x", "-C", place.root / "unpacked", "-f", place.root / "x.tar")
    check_by_hand(place.root / "out", place.key)
    check_by_hand(place.root / "unpacked", place.key)


def test_skopeo_inspects_and_copies_every_image(
    built: Workplace, pushed: dict[str, PushedImage]
) -> None:
    for name, image in pushed.items():
        source = f"oci:{built.root / 'out'}:{image.reference}"
        platform = ["--override-os", "linux", "--override-arch", "amd64"]
        inspected = json.loads(ran("skopeo", *platform, "inspect", source))
        assert inspected["Architecture"] == "amd64"
        target = built.root / f"copied-{name}"
        ran("skopeo", *platform, "copy", source, f"oci:{target}:x")
        config = json.loads(ran("skopeo", "inspect", "--config", f"oci:{target}:x"))
        assert config["rootfs"]["diff_ids"] == list(image.diff_ids)
        manifest = json.loads(ran("skopeo", "inspect", "--raw", f"oci:{target}:x"))
        assert manifest["config"]["digest"] == image.config_digest


def test_umoci_unpacks_it(place: Workplace, pushed: dict[str, PushedImage]) -> None:
    place.write_app(f"{{image: {pushed['app'].reference}, layers: original}}")
    place.build("out")
    layout = place.root / "layout"
    shutil.copytree(place.root / "out", layout)
    index = json.loads((layout / "index.json").read_bytes())
    index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"] = "1"
    (layout / "index.json").write_text(json.dumps(index))
    ran("umoci", "unpack", "--rootless", "--image", f"{layout}:1", place.root / "unpacked")
    motd = place.root / "unpacked/rootfs/etc/motd"
    assert motd.read_bytes() == MOTD.files["etc/motd"]


def test_docker_loads_the_directory_through_tar(
    built: Workplace, new_docker_engine: Engine, pushed: dict[str, PushedImage]
) -> None:
    names = ["oci-layout", "index.json", "manifest.json", "blobs"]
    with subprocess.Popen(
        ["tar", "-C", built.root / "out", "-c", *names], stdout=subprocess.PIPE
    ) as tar:
        assert tar.stdout is not None
        new_docker_engine.load(tar.stdout.read())
    loaded(new_docker_engine, pushed)


def test_docker_loads_the_tar_as_it_is(
    built: Workplace, new_docker_engine: Engine, pushed: dict[str, PushedImage]
) -> None:
    built.build("x.tar")
    new_docker_engine.docker("load", "-i", str(built.root / "x.tar"))
    loaded(new_docker_engine, pushed)


def loaded(engine: Engine, pushed: dict[str, PushedImage]) -> None:
    for image in pushed.values():
        found = engine.inspect(image.reference)
        assert found["Id"] == image.config_digest
        assert found["RootFS"]["Layers"] == list(image.diff_ids)


def test_docker_with_containerds_store_loads_it_under_its_digests(
    place: Workplace, containerd_store_engine: Engine, pushed: dict[str, PushedImage]
) -> None:
    place.write_app(f"{{image: {pushed['app'].reference}, layers: original}}")
    place.build("x.tar")
    containerd_store_engine.docker("load", "-i", str(place.root / "x.tar"))
    found = containerd_store_engine.inspect(pushed["app"].reference)
    assert found["Id"] == pushed["app"].digest
    assert found["RepoDigests"] == [pushed["app"].pinned]
    said = containerd_store_engine.docker("run", "--rm", "--network=none", pushed["app"].reference)
    assert said == "hello from the bundle\n"
