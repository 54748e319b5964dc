"""Images of real local engines: Docker 20.10, and 26 with either image store."""

from __future__ import annotations

import gc
import hashlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import pytest

from bundler.sources import ImageSource
from bundler.sources.archive import open_local
from bundler.sources.docker import DockerSource
from bundler.sources.dockerengine import LocalEngine, connect
from manifests.appmanifest.fields import OriginKind
from manifests.digest import Digest
from manifests.errors import AppManifestError, SourceFailed
from manifests.mediatype import Compression, MediaType
from manifests.oci import Descriptor, ImageConfig, Index, Manifest
from manifests.platform import Platform, choose
from manifests.reference import Reference
from tests.support.engine import Engine
from tests.support.images import ImageSpec, IndexSpec
from tests.support.layers import LayerSpec, busybox_layer
from tests.support.publish import docker_archive, push_image, write_layout
from tests.support.registry import Registry

pytestmark = pytest.mark.engine

BASE = ImageSpec((LayerSpec.random(1, 50_000), LayerSpec({"etc/motd": b"hello\n"})), cmd=("cat",))
APP = BASE.plus(LayerSpec.random(3, 70_000, compressible=True))
TAG = "acme/app:1.0"


def read_layer(source: ImageSource, reference: Reference, layer: Descriptor) -> bytes:
    with source.open_blob(reference, layer) as stream:
        data = b"".join(iter(lambda: stream.read(10_000), b""))
    assert len(data) == layer.size
    assert Digest.of(data) == layer.digest
    return data


@dataclass
class Spy:
    """A source over a real engine that counts what it asks."""

    source: DockerSource
    saves: list[str] = field(default_factory=list)


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def open_source(engine: Engine, spool: Path, records: Path | None = None) -> Spy:
    client = docker.DockerClient(base_url=engine.url, timeout=600)
    spy = Spy(DockerSource(client, spool, records))
    api: Any = client.api
    original = api.get_image

    def counted(name: str) -> Iterator[bytes]:
        spy.saves.append(name)
        found: Iterator[bytes] = original(name)
        return found

    api.get_image = counted
    return spy


@pytest.fixture(params=["docker_engine", "new_docker_engine"])
def graph_engine(request: pytest.FixtureRequest) -> Engine:
    engine: Engine = request.getfixturevalue(request.param)
    return engine


def test_image_of_the_graph_driver_store(graph_engine: Engine, spool: Path) -> None:
    graph_engine.load(docker_archive({TAG: APP}))
    reference, built = Reference.parse(TAG), APP.build()
    spy = open_source(graph_engine, spool)
    with spy.source as source:
        assert source.origin == "docker"
        document = source.resolve(reference)
        manifest = Manifest.parse(document.raw, document.media_type)
        assert str(manifest.config.digest) == built.config.digest
        config = source.document(reference, manifest.config)
        assert config.raw == built.config.data
        assert ImageConfig.parse(config.raw).platform == Platform("linux", "amd64")
        assert [str(layer.digest) for layer in manifest.layers] == list(built.diff_ids)
        assert {layer.compression for layer in manifest.layers} == {Compression.NONE}
        tars = [read_layer(source, reference, layer) for layer in manifest.layers]
        assert tars == [layer.tar() for layer in APP.layers]
        assert source.document(reference, described(document.raw)).raw == document.raw
    assert len(spy.saves) == 1
    assert not list(spool.iterdir())


def described(raw: bytes) -> Descriptor:
    return Descriptor(MediaType.OCI_MANIFEST, Digest.of(raw), len(raw))


def test_layer_from_an_offset_and_an_unknown_one(docker_engine: Engine, spool: Path) -> None:
    docker_engine.load(docker_archive({TAG: APP}))
    reference = Reference.parse(TAG)
    with open_source(docker_engine, spool).source as source:
        document = source.resolve(reference)
        layer = Manifest.parse(document.raw).layers[0]
        with source.open_blob(reference, layer, 1000) as stream:
            rest = b"".join(iter(lambda: stream.read(4096), b""))
        assert rest == APP.layers[0].tar()[1000:]
        stranger = Descriptor(MediaType.OCI_LAYER, Digest.of(b"x"), 1)
        with pytest.raises(SourceFailed, match="expected layer"):
            source.open_blob(reference, stranger)
        with pytest.raises(SourceFailed, match=r"acme/app:1\.0"):
            source.document(reference, stranger)


def test_archive_and_engine_give_the_same_manifest(
    graph_engine: Engine, spool: Path, tmp_path: Path
) -> None:
    graph_engine.load(docker_archive({TAG: APP}))
    path = tmp_path / "app.tar"
    graph_engine.docker("save", TAG, "-o", str(path))
    reference = Reference.parse(TAG)
    with (
        open_source(graph_engine, spool).source as engine,
        open_local(OriginKind.DOCKER_ARCHIVE, path, spool) as archive,
    ):
        document = engine.resolve(reference)
        assert archive.resolve(reference) == document
        for layer in Manifest.parse(document.raw).layers:
            assert read_layer(archive, reference, layer) == read_layer(engine, reference, layer)


def test_layers_shared_within_an_image_and_between_images(
    docker_engine: Engine, spool: Path
) -> None:
    """Docker 20.10 writes links in the place of equal layers."""
    empty = LayerSpec({})
    twins = ImageSpec((BASE.layers[0], empty, BASE.layers[1], empty))
    docker_engine.load(docker_archive({TAG: twins, "acme/other:1": APP}))
    with open_source(docker_engine, spool).source as source:
        for name, spec in ((TAG, twins), ("acme/other:1", APP)):
            reference = Reference.parse(name)
            manifest = Manifest.parse(source.resolve(reference).raw)
            tars = [read_layer(source, reference, layer) for layer in manifest.layers]
            assert tars == [layer.tar() for layer in spec.layers]


def test_unchanged_image_is_not_saved_again(
    graph_engine: Engine, spool: Path, tmp_path: Path
) -> None:
    graph_engine.load(docker_archive({TAG: APP}))
    reference, records = Reference.parse(TAG), tmp_path / "records"
    first, again = (open_source(graph_engine, spool, records) for _ in range(2))
    with first.source as source:
        document = source.resolve(reference)
    with again.source as source:
        assert source.resolve(reference) == document
        manifest = Manifest.parse(document.raw)
        assert Digest.of(source.document(reference, manifest.config).raw) == manifest.config.digest
        assert not again.saves
        read_layer(source, reference, manifest.layers[0])
    assert (len(first.saves), len(again.saves)) == (1, 1)


@pytest.mark.parametrize("damage", ["flip", "empty", "swap", "text"])
def test_damaged_records_are_not_believed(
    docker_engine: Engine, spool: Path, tmp_path: Path, damage: str
) -> None:
    docker_engine.load(docker_archive({TAG: APP, "acme/other:1": BASE}))
    reference, records = Reference.parse(TAG), tmp_path / "records"
    with open_source(docker_engine, spool, records).source as source:
        document = source.resolve(reference)
        other = source.resolve(Reference.parse("acme/other:1"))
    manifest = records / f"{Manifest.parse(document.raw).config.digest.hex}.manifest"
    match damage:
        case "flip":
            config = manifest.with_suffix("")
            config.write_bytes(config.read_bytes()[:-1] + b"?")
        case "empty":
            manifest.write_bytes(b"")
        case "swap":
            manifest.write_bytes(other.raw)
        case _:
            manifest.write_bytes(b"{}")
    spy = open_source(docker_engine, spool, records)
    with spy.source as source:
        assert source.resolve(reference) == document
    assert len(spy.saves) == 1


def test_moved_tag_is_resolved_anew_but_not_within_a_build(
    docker_engine: Engine, spool: Path, tmp_path: Path
) -> None:
    docker_engine.load(docker_archive({TAG: APP}))
    reference, records = Reference.parse(TAG), tmp_path / "records"
    with open_source(docker_engine, spool, records).source as source:
        before = source.resolve(reference)
        docker_engine.load(docker_archive({TAG: BASE}))
        assert source.resolve(reference) == before
    with open_source(docker_engine, spool, records).source as source:
        assert source.resolve(reference) != before


def test_image_that_is_not_there(docker_engine: Engine, spool: Path) -> None:
    with open_source(docker_engine, spool).source as source:
        reference = Reference.parse("acme/none:1")
        assert not source.exists(reference)
        with pytest.raises(AppManifestError) as caught:
            source.resolve(reference)
        assert caught.value.code == "image-not-found"
        assert "docker pull acme/none:1" in caught.value.hint


def test_exists_saves_nothing(docker_engine: Engine, spool: Path) -> None:
    docker_engine.load(docker_archive({TAG: APP}))
    spy = open_source(docker_engine, spool)
    with spy.source as source:
        assert source.exists(Reference.parse(TAG))
        assert source.exists(Reference.parse("docker.io/acme/app:1.0"))
    assert not spy.saves


def test_digest_reference_by_what_was_pulled(
    connected_engine: Engine, registry: Registry, spool: Path
) -> None:
    pushed = push_image(registry, "docker-source/pulled", "1", APP)
    connected_engine.docker("pull", "--quiet", pushed.pinned)
    with open_source(connected_engine, spool).source as source:
        reference = Reference.parse(pushed.pinned)
        manifest = Manifest.parse(source.resolve(reference).raw)
        assert str(manifest.config.digest) == pushed.config_digest
        other = pushed.pinned[:-64] + "0" * 64
        assert not source.exists(Reference.parse(other))


def test_config_that_is_not_the_image_id(docker_engine: Engine, spool: Path) -> None:
    """Docker 20.10 loads a config under whatever name; what it then says is checked."""
    docker_engine.load(docker_archive({TAG: APP, "acme/other:1": BASE}))
    spy = open_source(docker_engine, spool)
    api: Any = spy.source._engine._api
    wrong = docker_engine.inspect("acme/other:1")["Id"]
    original = api.get_image
    api.get_image = lambda _: original(wrong)
    with spy.source as source, pytest.raises(SourceFailed) as caught:
        source.resolve(Reference.parse(TAG))
    assert caught.value.code == "digest-mismatch"
    assert caught.value.context["expected"] == docker_engine.inspect(TAG)["Id"]


def test_save_that_breaks_off(docker_engine: Engine, spool: Path) -> None:
    docker_engine.load(docker_archive({TAG: APP}))
    spy = open_source(docker_engine, spool)
    api: Any = spy.source._engine._api
    original = api.get_image

    def cut(name: str) -> Iterator[bytes]:
        data = b"".join(original(name))
        yield data[: len(data) // 2]

    api.get_image = cut
    with spy.source as source, pytest.raises(SourceFailed) as caught:
        source.resolve(Reference.parse(TAG))
    assert caught.value.code == "source-truncated"


def test_image_removed_before_it_is_read(docker_engine: Engine, spool: Path) -> None:
    docker_engine.load(docker_archive({TAG: APP}))
    reference = Reference.parse(TAG)
    with open_source(docker_engine, spool).source as source:
        assert source.exists(reference)
        docker_engine.docker("rmi", TAG)
        with pytest.raises(SourceFailed, match=r"the local engine (has no image|refused)"):
            source.resolve(reference)


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The docker package forgets a socket that it can't connect; collect it here."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(SourceFailed) as caught:
        connect()
    assert caught.value.code == "engine-unreachable"
    assert "from: registry" in caught.value.hint
    del caught
    gc.collect()


def test_engine_found_by_its_variable(
    docker_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", docker_engine.url)
    engine = LocalEngine(connect())
    assert not engine.containerd_store
    engine.close()


# ---- containerd's store keeps the originals


def oci_tar(spec: ImageSpec | IndexSpec, name: str, folder: Path) -> bytes:
    write_layout(folder, {name: spec})
    done = subprocess.run(
        ["tar", "-C", str(folder), "-c", "oci-layout", "index.json", "blobs"],
        check=True,
        capture_output=True,
    )
    return done.stdout


def test_containerd_store_gives_the_original_bytes(
    containerd_store_engine: Engine, spool: Path, tmp_path: Path
) -> None:
    engine = containerd_store_engine
    engine.load(oci_tar(APP, f"docker.io/{TAG}", tmp_path / "layout"))
    reference, built = Reference.parse(TAG), APP.build()
    spy = open_source(engine, spool, tmp_path / "records")
    with spy.source as source:
        document = source.resolve(reference)
        assert document.raw == built.manifest.data
        manifest = Manifest.parse(document.raw, document.media_type)
        assert source.document(reference, manifest.config).raw == built.config.data
        layers = [read_layer(source, reference, layer) for layer in manifest.layers]
        assert layers == [blob.data for blob in built.layers]
        pinned = Reference.parse(f"acme/app@{built.manifest.digest}")
        assert source.resolve(pinned) == document
    assert len(spy.saves) == 1
    again = open_source(engine, spool, tmp_path / "records")
    with again.source as source:
        assert source.resolve(reference) == document
        source.document(reference, manifest.config)
    assert not again.saves


def test_containerd_store_with_an_index(
    containerd_store_engine: Engine, spool: Path, tmp_path: Path
) -> None:
    host = ImageSpec((busybox_layer(),), cmd=("true",))
    spec = IndexSpec((host, host.on("linux/arm64")), attestations=True)
    containerd_store_engine.load(oci_tar(spec, f"docker.io/{TAG}", tmp_path / "layout"))
    reference = Reference.parse(TAG)
    with open_source(containerd_store_engine, spool).source as source:
        document = source.resolve(reference)
        assert hashlib.sha256(document.raw).hexdigest() == spec.build().index.digest[7:]
        index = Index.parse(document.raw, document.media_type)
        offers = [(entry.platform, entry) for entry in index.manifests if entry.platform]
        entry = choose(Platform("linux", "arm64"), offers)
        assert entry is not None
        inner = source.document(reference, entry)
        manifest = Manifest.parse(inner.raw, inner.media_type)
        read_layer(source, reference, manifest.layers[0])


def test_containerd_store_with_an_image_built_there(
    containerd_store_engine: Engine, spool: Path, tmp_path: Path
) -> None:
    engine = containerd_store_engine
    engine.load(oci_tar(ImageSpec((busybox_layer(),)), "docker.io/acme/base:1", tmp_path / "base"))
    container = engine.docker("create", "acme/base:1", "true").strip()
    engine.docker("commit", container, TAG)
    reference = Reference.parse(TAG)
    with open_source(engine, spool).source as source:
        document = source.resolve(reference)
        manifest = Manifest.parse(document.raw, document.media_type)
        config = source.document(reference, manifest.config)
        assert len(json.loads(config.raw)["rootfs"]["diff_ids"]) == len(manifest.layers)
        for layer in manifest.layers:
            read_layer(source, reference, layer)
