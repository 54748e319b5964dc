"""Builds from a real registry: what goes in, what comes out, and that it comes out the same."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from bundler.cache import Cache
from bundler.locking.pins import Renew
from bundler.locking.reuse import read_lock
from bundler.verbs.inspect import accept_claimed
from manifests.bundle.medium import open_medium
from manifests.errors import AppManifestError, UsageError
from manifests.layerpolicy import LayerPolicy
from manifests.release import CHUNK_SIZE, Release
from manifests.seals.seal import open_sealed
from tests.bundler.builds import Cli, Workplace, content_of, memory, served_by
from tests.support.contents import check_contents
from tests.support.images import ImageSpec, IndexSpec, Spec
from tests.support.layers import LayerSpec
from tests.support.publish import PushedImage, push_image
from tests.support.registry import Registry
from tests.support.ssh import make_key

pytestmark = pytest.mark.engine

BASE = LayerSpec.random(1, 2_000_000, compressible=True)
APP = ImageSpec((BASE, LayerSpec({"etc/motd": b"hello"})))
WEB = ImageSpec((BASE, LayerSpec.random(2, 9_000_000)), media="docker")
TOOLS = IndexSpec((ImageSpec((BASE,)), ImageSpec((BASE,)).on("linux/arm64")), attestations=True)


@pytest.fixture(scope="module")
def pushed(registry: Registry) -> dict[str, PushedImage]:
    specs: dict[str, Spec] = {"app": APP, "web": WEB, "tools": TOOLS}
    return {name: push_image(registry, f"build/{name}", "1", spec) for name, spec in specs.items()}


@pytest.fixture
def app(place: Workplace, pushed: dict[str, PushedImage]) -> Workplace:
    """An app of two images by tag, one by digest, and a folder of files."""
    (place.root / "conf").mkdir()
    (place.root / "conf/run.sh").write_text("#!/bin/sh\n")
    (place.root / "conf/run.sh").chmod(0o755)
    (place.root / "conf/big.bin").write_bytes(bytes(range(256)) * (CHUNK_SIZE // 256 + 1))
    place.write_app(
        pushed["app"].reference,
        pushed["web"].reference,
        pushed["tools"].pinned,
        more="files:\n  - conf\n  - from: app.yaml\n    to: manifest/app.yaml\n",
    )
    return place


def opened(path: Path) -> Release:
    """Check a bundle to its last byte, as a host does, and return its release."""
    medium = open_medium(path)
    try:
        sealed = open_sealed(medium, accept_claimed)
        check_contents(sealed, lambda _: None)
        return sealed.release
    finally:
        medium.close()


def blob_gets(registry: Registry, since: int) -> list[str]:
    return [seen.path for seen in registry.requests()[since:] if "/blobs/" in seen.path]


def test_a_directory_holds_every_image_under_its_own_id(
    app: Workplace, pushed: dict[str, PushedImage]
) -> None:
    report = app.build("out")
    assert report.paths == (app.root / "out",)
    release = opened(app.root / "out")
    assert release == report.release
    found = {image.written: image for image in release.images}
    for name, written in (("app", pushed["app"].reference), ("web", pushed["web"].reference)):
        image = found[written]
        assert str(image.image_id) == pushed[name].config_digest
        assert tuple(map(str, image.diff_ids)) == pushed[name].diff_ids
        assert image.policy is LayerPolicy.ZSTD
        assert str(image.source_digest) == pushed[name].digest
    app.tidy()


def test_an_image_by_digest_keeps_the_registrys_bytes(
    app: Workplace, pushed: dict[str, PushedImage]
) -> None:
    image = app.build("out").release.images[2]
    tools = pushed["tools"]
    assert image.policy is LayerPolicy.ORIGINAL
    assert str(image.target) == tools.digest
    assert str(image.manifest.digest) == tools.manifest_digest
    assert tuple(str(layer.digest) for layer in image.layers) == tools.layer_digests
    kept = app.root / "out/blobs/sha256"
    assert (kept / tools.manifest_digest[7:]).read_bytes() == tools.built.manifest.data
    assert (kept / tools.built.layers[0].digest[7:]).read_bytes() == tools.built.layers[0].data


def test_files_come_along_with_their_executable_bit(app: Workplace) -> None:
    release = app.build("out").release
    assert {file.name: file.executable for file in release.files} == {
        "files/conf/big.bin": False,
        "files/conf/run.sh": True,
        "files/manifest/app.yaml": False,
    }
    out = app.root / "out/files"
    assert os.access(out / "conf/run.sh", os.X_OK)
    assert (out / "conf/big.bin").read_bytes() == (app.root / "conf/big.bin").read_bytes()
    assert len(release.chunks.files["files/conf/big.bin"]) == 2


def test_directory_tar_and_parts_hold_the_same(app: Workplace) -> None:
    directory = app.build("out").release
    tar = app.build("out.tar")
    parts = app.build("split.tar", part_size=2**20)
    assert opened(app.root / "out.tar") == opened(parts.paths[0]) == directory
    assert tar.paths == (app.root / "out.tar",)
    assert [path.name for path in parts.paths[:2]] == ["split.tar.001", "split.tar.002"]
    joined = b"".join(path.read_bytes() for path in parts.paths)
    assert joined == (app.root / "out.tar").read_bytes()
    medium = open_medium(app.root / "out.tar")
    assert {name: medium.open(name).read() for name in medium.sizes} == content_of(app.root / "out")
    medium.close()


@pytest.mark.parametrize("out", ["out", "out.tar"])
def test_the_same_lock_builds_the_same_bytes_with_a_cold_cache(app: Workplace, out: str) -> None:
    def content() -> dict[str, bytes]:
        path = app.root / out
        return content_of(path) if path.is_dir() else {out: path.read_bytes()}

    app.build(out)
    first, lock = content(), app.lock.read_bytes()
    app.build(out, cache=Cache(app.root / "other"))
    assert content() == first
    assert app.lock.read_bytes() == lock
    app.build(out, policy=LayerPolicy.ORIGINAL)
    assert content() != first


def test_the_same_date_builds_the_same_bytes_elsewhere(
    app: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    release = app.build("one").release
    assert release.sequence == 20231114221320
    app.lock.unlink()
    app.build("two", cache=Cache(app.root / "other"))
    assert content_of(app.root / "one") == content_of(app.root / "two")


def test_the_lock_is_the_same_wherever_the_command_runs(
    app: Workplace, bundle: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["-k", app.key, "--cache", app.cache.root, "-o", app.root / "out"]
    monkeypatch.chdir(app.root)
    assert bundle("build", "app.yaml", *options).code == 0
    lock = app.lock.read_bytes()
    monkeypatch.chdir("/")
    assert bundle("build", app.app, *options).code == 0
    assert app.lock.read_bytes() == lock
    assert b'"source": "conf/run.sh"' in lock


def test_an_unchanged_rebuild_fetches_no_blob_and_keeps_its_number(
    app: Workplace, registry: Registry
) -> None:
    first = app.build("out")
    since = len(registry.requests())
    again = app.build("out")
    assert again.release == first.release
    assert again.release.issued == first.release.issued
    assert not blob_gets(registry, since)


def test_a_changed_image_makes_a_new_number_and_fetches_only_its_layer(
    place: Workplace, registry: Registry
) -> None:
    pushed = push_image(registry, "build/moving", "1", APP)
    place.write_app(pushed.reference)
    first = place.build("out").release
    moved = push_image(registry, "build/moving", "1", APP.plus(LayerSpec({"new": b"layer"})))
    assert place.build("out").release == first
    since = len(registry.requests())
    second = place.build("out", renew=Renew.ALL).release
    assert second.sequence > first.sequence
    assert second.images[0].layers[:2] == first.images[0].layers
    asked = blob_gets(registry, since)
    assert len(asked) == 2
    assert asked[1].endswith(moved.layer_digests[2])


def test_a_pinned_index_is_kept_and_what_is_left_out_is_weighed(
    app: Workplace, pushed: dict[str, PushedImage]
) -> None:
    report = app.build("out")
    what = [item.what for item in report.pruned.left_out]
    assert what == ["linux/arm64", "attestation", "attestation"]
    built = TOOLS.build()
    arm, proof = built.images[1], built.attestations[0]
    assert report.pruned.left_out[0].size == len(arm.manifest.data) + len(arm.config.data)
    proofs = len(proof.manifest.data) + len(proof.config.data) + len(proof.layers[0].data)
    assert report.pruned.left_out[1].size == proofs
    index = (app.root / "out/blobs/sha256" / pushed["tools"].digest[7:]).read_bytes()
    assert index == built.index.data


def test_shared_layers_are_stored_once_and_told(app: Workplace) -> None:
    report = app.build("out")
    layers = [layer for image in report.release.images for layer in image.layers]
    shared = sum(layer.size for layer in layers) - sum(
        {layer.digest: layer.size for layer in layers}.values()
    )
    assert report.pruned.shared == shared > 0
    kinds = {layer.media_type.rpartition("+")[2] for layer in layers}
    assert kinds == {"zstd", "gzip"}


def test_the_index_names_every_image_for_other_tools(
    app: Workplace, pushed: dict[str, PushedImage]
) -> None:
    app.build("out")
    index = json.loads((app.root / "out/index.json").read_bytes())
    names = [one["annotations"]["io.containerd.image.name"] for one in index["manifests"]]
    assert names == [pushed["app"].reference, pushed["web"].reference, pushed["tools"].pinned]
    archive = json.loads((app.root / "out/manifest.json").read_bytes())
    assert [one["RepoTags"] for one in archive] == [names[:1], names[1:2], None]


def test_without_a_place_the_bundle_is_named_by_product_and_version(
    app: Workplace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(app.root)
    assert app.build(None).paths == (app.root / "viz-1.0.0",)


def test_several_signers_all_count(app: Workplace, tmp_path: Path) -> None:
    second = replace(app, key=make_key(tmp_path, "ecdsa", "second"))
    report = app.build("out", signers=(app.signer(), second.signer()))
    assert len(report.signers) == 2
    assert (app.root / "out/SHA256SUMS.2.sig").exists()


def test_what_is_in_the_way_is_told_before_anything_is_fetched(
    app: Workplace, registry: Registry
) -> None:
    (app.root / "out").mkdir()
    (app.root / "out/thesis.txt").write_text("years")
    since = len(registry.requests())
    with pytest.raises(UsageError) as caught:
        app.build("out")
    assert caught.value.code == "output-exists"
    assert registry.requests()[since:] == []
    assert not app.cache.root.exists()
    assert (app.root / "out/thesis.txt").read_text() == "years"


def test_a_damaged_lock_is_told_before_anything_is_fetched(place: Workplace) -> None:
    place.write_app("registry.test/app:1")
    place.lock.write_text("{}")
    with served_by(memory(app=APP)) as source, pytest.raises(AppManifestError) as caught:
        place.build()
    assert caught.value.code == "lock-damaged"
    assert str(place.lock) in caught.value.hint
    assert not source.opened
    assert place.lock.read_text() == "{}"


def test_a_number_used_for_other_content_is_told(place: Workplace, bundle: Cli) -> None:
    arguments = ["build", place.app, "-k", place.key, "--cache", place.cache.root]
    with served_by(memory(app=APP)):
        place.write_app("registry.test/app:1", more="sequence: 7\n")
        assert "sequence 7" in bundle(*arguments, "-o", place.root / "out").out
        place.write_app("registry.test/app:1", version="1.0.1", more="sequence: 7\n")
        again = bundle(*arguments, "-o", place.root / "out")
        assert "sequence 7 was built before with other content" in again.err
        place.write_app("registry.test/app:1", version="1.0.1", more="sequence: 6\n")
        lower = bundle(*arguments, "-o", place.root / "out")
    assert lower.code == 20
    assert "sequence-lower" in lower.err
    kept = read_lock(place.lock)
    assert kept is not None
    assert kept.sequence == 7
