"""Archives of `docker save`, skopeo, crane and podman; and what is not believed of them."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bundler.sources import ImageSource
from bundler.sources.archive import open_local
from manifests.appmanifest.fields import OriginKind
from manifests.digest import Digest
from manifests.errors import AppManifestError, ExitCode, MoonliftError, SourceFailed
from manifests.mediatype import MediaType
from manifests.oci import MANIFEST_LIMIT, MAX_LAYERS, Descriptor, ImageConfig, Manifest
from manifests.reference import Reference
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.podman import Podman
from tests.support.publish import docker_archive, write_layout

APP = ImageSpec((LayerSpec.random(1, 5000), LayerSpec({"etc/motd": b"hello\n"})))
OTHER = APP.on("linux/arm64")
REFERENCE = Reference.parse("acme/app:1")
DOCKER, OCI = OriginKind.DOCKER_ARCHIVE, OriginKind.OCI_ARCHIVE
TARS = [layer.tar() for layer in APP.layers]
CONFIG = APP.build().config.data
CONFIG_NAME = f"{hashlib.sha256(CONFIG).hexdigest()}.json"


@dataclass
class Archive:
    """Files of an archive in the making; `manifest` is its list of images."""

    manifest: Any
    files: Mapping[str, bytes]
    links: Mapping[str, str]

    def tar(self) -> bytes:
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w") as archive:
            for name, data in self.files.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
            for name, target in self.links.items():
                info = tarfile.TarInfo(name)
                info.type, info.linkname = tarfile.SYMTYPE, target
                archive.addfile(info)
            raw = self.manifest if isinstance(self.manifest, bytes) else self._encoded()
            info = tarfile.TarInfo("manifest.json")
            info.size = len(raw)
            archive.addfile(info, io.BytesIO(raw))
        return out.getvalue()

    def _encoded(self) -> bytes:
        return json.dumps(self.manifest).encode()


def archive(
    layers: Sequence[tuple[str, bytes]] = (("1.tar", TARS[0]), ("2.tar", TARS[1])),
    *,
    config: tuple[str, bytes] = (CONFIG_NAME, CONFIG),
    names: Sequence[str] | None = ("acme/app:1",),
    links: Mapping[str, str] | None = None,
) -> Archive:
    entry = {
        "Config": config[0],
        "RepoTags": None if names is None else list(names),
        "Layers": [name for name, _ in layers],
    }
    files = {config[0]: config[1]} | {name: data for name, data in layers if data}
    return Archive([entry], files, links or {})


def read_image(source: ImageSource, reference: Reference = REFERENCE) -> list[bytes]:
    """Return the layers' stored bytes, everything checked on the way."""
    document = source.resolve(reference)
    manifest = Manifest.parse(document.raw, document.media_type)
    config = source.document(reference, manifest.config)
    assert Digest.of(config.raw) == manifest.config.digest
    assert len(ImageConfig.parse(config.raw).diff_ids) == len(manifest.layers)
    stored = []
    for layer in manifest.layers:
        with source.open_blob(reference, layer) as stream:
            stored.append(b"".join(iter(lambda: stream.read(1000), b"")))
        assert Digest.of(stored[-1]) == layer.digest
        assert len(stored[-1]) == layer.size
    return stored


def layers_of(folder: Path, data: bytes, reference: str = "acme/app:1") -> list[bytes]:
    (folder / "a.tar").write_bytes(data)
    with open_local(DOCKER, folder / "a.tar", folder) as source:
        return read_image(source, Reference.parse(reference))


def refusal(action: Callable[[], object]) -> MoonliftError:
    with pytest.raises(MoonliftError) as caught:
        action()
    assert caught.value.exit_code in (ExitCode.APP_MANIFEST, ExitCode.SOURCE_FAILED)
    return caught.value


def test_manifest_is_made_of_config_and_diff_ids(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(docker_archive({"acme/app:1": APP}))
    with open_local(DOCKER, tmp_path / "a.tar", tmp_path) as source:
        assert source.origin == f"docker-archive:{tmp_path}/a.tar"
        document = source.resolve(REFERENCE)
        assert read_image(source) == TARS
        manifest = Manifest.parse(document.raw, document.media_type)
        assert manifest.media_type == MediaType.OCI_MANIFEST
        assert str(manifest.config.digest) == APP.build().config.digest
        assert [str(layer.digest) for layer in manifest.layers] == list(APP.build().diff_ids)
        assert {layer.media_type for layer in manifest.layers} == {MediaType.OCI_LAYER}
        own = Descriptor(MediaType.OCI_MANIFEST, document.digest, len(document.raw))
        assert source.document(REFERENCE, own) == document
        with source.open_blob(REFERENCE, manifest.layers[0], 512) as stream:
            assert stream.read(2**20) == TARS[0][512:]


def test_made_manifest_never_changes(tmp_path: Path) -> None:
    """Its digest stands in locks: another form of the same manifest would change them all."""
    spec = ImageSpec((LayerSpec({}),), created="2020-02-02T00:00:00Z")
    (tmp_path / "a.tar").write_bytes(docker_archive({"acme/app:1": spec}))
    with open_local(DOCKER, tmp_path / "a.tar", tmp_path) as source:
        digest = str(source.resolve(REFERENCE).digest)
    assert digest == "sha256:5e2810ec799ed5b0144642c840116e459409c05660e36affb39fcc70ff0e706c"


@pytest.mark.parametrize(
    "made",
    [
        archive([("1.tar", TARS[0]), ("2.tar", TARS[1])]),
        archive(
            [("aa/layer.tar", TARS[0]), ("bb/layer.tar", b"")],
            links={"bb/layer.tar": "../cc/layer.tar"},
        ),
        archive([(f"blobs/sha256/{hashlib.sha256(t).hexdigest()}", t) for t in TARS],
                config=(f"blobs/sha256/{CONFIG_NAME[:-5]}", CONFIG)),
        archive(config=(f"sha256:{CONFIG_NAME[:-5]}", CONFIG)),
        archive(config=("config.json", CONFIG)),
    ],
    ids=["plain", "20.10", "25", "crane", "unnamed config"],
)  # fmt: skip
def test_every_form(tmp_path: Path, made: Archive) -> None:
    if made.links:
        made.files = {**made.files, "cc/layer.tar": TARS[1]}
    assert layers_of(tmp_path, made.tar()) == TARS


@pytest.mark.parametrize(
    ("pack", "media_type"),
    [
        (gzip.compress, MediaType.OCI_LAYER_GZIP),
        (zstandard.compress, MediaType.OCI_LAYER_ZSTD),
    ],
)
def test_compressed_layers_keep_their_bytes(
    tmp_path: Path, pack: Callable[[bytes], bytes], media_type: str
) -> None:
    packed = pack(TARS[0])
    data = archive([("1.tar.gz", packed), ("2.tar", TARS[1])]).tar()
    assert layers_of(tmp_path, data) == [packed, TARS[1]]
    with open_local(DOCKER, tmp_path / "a.tar", tmp_path) as source:
        manifest = Manifest.parse(source.resolve(REFERENCE).raw)
    assert [layer.media_type for layer in manifest.layers] == [media_type, MediaType.OCI_LAYER]


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_compressed_archive(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    assert layers_of(tmp_path, pack(archive().tar())) == TARS
    write_layout(tmp_path / "layout", {"acme/app:1": APP})
    subprocess.run(["tar", "-C", tmp_path / "layout", "-cf", tmp_path / "o.tar", "."], check=True)
    (tmp_path / "o.tar.packed").write_bytes(pack((tmp_path / "o.tar").read_bytes()))
    for name in ("o.tar", "o.tar.packed"):
        with open_local(OCI, tmp_path / name, tmp_path) as source:
            assert source.resolve(REFERENCE).raw == APP.build().manifest.data
            assert read_image(source) == [blob.data for blob in APP.build().layers]


def test_one_layer_twice(tmp_path: Path) -> None:
    twice = ImageSpec((APP.layers[0], APP.layers[0]))
    assert layers_of(tmp_path, docker_archive({"acme/app:1": twice})) == [TARS[0]] * 2


def test_several_images(tmp_path: Path) -> None:
    data = docker_archive({"acme/app:1": APP, "acme/other:2": ImageSpec((APP.layers[1],))})
    assert layers_of(tmp_path, data, "docker.io/acme/other:2") == [TARS[1]]
    error = refusal(lambda: layers_of(tmp_path, data, "acme/app:2"))
    assert error.code == "image-not-found"
    assert error.hint == "it holds acme/app:1, acme/other:2"


def test_two_images_of_one_name(tmp_path: Path) -> None:
    first = archive()
    config = OTHER.build().config
    second = {**first.manifest[0], "Config": "other.json"}
    files = {**first.files, "other.json": config.data}
    both = Archive([*first.manifest, second], files, {})
    assert refusal(lambda: layers_of(tmp_path, both.tar())).code == "image-ambiguous"
    same = Archive(first.manifest * 2, first.files, {})
    assert layers_of(tmp_path, same.tar()) == TARS


def test_lone_image_without_name(tmp_path: Path) -> None:
    assert layers_of(tmp_path, archive(names=None).tar(), "any/thing:3") == TARS
    assert layers_of(tmp_path, archive(names=[]).tar(), "any/thing:3") == TARS


def test_digest_is_unknown_here(tmp_path: Path) -> None:
    reference = f"acme/app@{APP.build().manifest.digest}"
    error = refusal(lambda: layers_of(tmp_path, archive().tar(), reference))
    assert isinstance(error, AppManifestError)
    assert "no registry digests" in str(error)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (archive(config=("0" * 64 + ".json", CONFIG)), "expected sha256:000"),
        (archive(config=(f"blobs/sha256/{'0' * 64}", CONFIG)), "expected sha256:000"),
        (archive(config=("c.json", b"{}")), "image config: expected rootfs"),
        (archive(config=("c.json", b"[]")), "expected an object"),
        (archive(config=("c.json", b"")), "not strict JSON"),
        (archive(layers=[("1.tar", TARS[0])]), "expected 2 layers, found 1"),
        (archive(layers=[("1.tar", TARS[0]), ("2.tar", b"")]), "expected 2.tar, found none"),
        (archive(layers=[("1.tar", TARS[0]), ("2.tar", b"BZh91")]), "found bzip2"),
        (Archive([{"Config": "none", "Layers": []}], {}, {}), "expected none, found none"),
        (Archive([], {}, {}), "expected a list of 1 to 2000 images"),
        (Archive({}, {}, {}), "expected a list of 1 to 2000 images"),
        (Archive([1], {}, {}), "expected Config, Layers and RepoTags"),
        (Archive([{}], {}, {}), "expected Config, Layers and RepoTags"),
        (Archive([{"Config": 1, "Layers": []}], {}, {}), "expected Config, Layers"),
        (Archive([{"Config": "a", "Layers": "b"}], {}, {}), "expected Config, Layers"),
        (Archive([{"Config": "a", "Layers": [1]}], {}, {}), "expected Config, Layers"),
        (Archive([{"Config": "a", "Layers": [], "RepoTags": "x"}], {}, {}), "expected Config"),
        (Archive([{"Config": "a", "Layers": ["b"] * (MAX_LAYERS + 1)}], {}, {}), "expected Config"),
        (Archive(b"", {}, {}), "not strict JSON"),
        (Archive(b'[{"RepoTags":[],"repotags":[]}]', {}, {}), "differ only in case"),
        (Archive(b" " * (MANIFEST_LIMIT + 1), {}, {}), "at most 4194304 bytes"),
    ],
)  # fmt: skip
def test_what_is_not_believed(tmp_path: Path, made: Archive, expected: str) -> None:
    error = refusal(lambda: layers_of(tmp_path, made.tar()))
    assert isinstance(error, SourceFailed)
    assert expected in str(error)


def test_no_docker_archive_and_no_layout(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(docker_archive({"acme/app:1": APP}))
    error = refusal(lambda: open_local(OCI, tmp_path / "a.tar", tmp_path))
    assert "expected an image layout, found no oci-layout" in str(error)
    write_layout(tmp_path / "layout", {"acme/app:1": APP})
    subprocess.run(["tar", "-C", tmp_path / "layout", "-cf", tmp_path / "o.tar", "."], check=True)
    error = refusal(lambda: open_local(DOCKER, tmp_path / "o.tar", tmp_path))
    assert "expected what `docker save` writes, found no manifest.json" in str(error)


def test_layer_that_the_image_has_not(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(archive().tar())
    stranger = Descriptor(MediaType.OCI_LAYER, Digest.of(b"x"), 1)
    with open_local(DOCKER, tmp_path / "a.tar", tmp_path) as source:
        assert refusal(lambda: source.open_blob(REFERENCE, stranger)).code == "source-incomplete"
        assert refusal(lambda: source.document(REFERENCE, stranger)).code == "source-incomplete"
        layer = Manifest.parse(source.resolve(REFERENCE).raw).layers[0]
        wrong = Descriptor(layer.media_type, layer.digest, layer.size + 1)
        assert refusal(lambda: source.open_blob(REFERENCE, wrong)).code == "size-mismatch"


def test_only_places_on_this_machine(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not a place on this machine"):
        open_local(OriginKind.REGISTRY, tmp_path, tmp_path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["1.tar", "c.json", "acme/app:1"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Config", "Layers", "RepoTags"]), inner)
    ),
)


@pytest.mark.property
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(JSON)
def test_any_manifest_is_taken_or_refused(tmp_path: Path, value: object) -> None:
    files = {"1.tar": TARS[0], "c.json": ImageSpec((APP.layers[0],)).build().config.data}
    try:
        layers_of(tmp_path, Archive(value, files, {}).tar())
    except (AppManifestError, SourceFailed):
        return


# ---- other makers


@pytest.mark.engine
@pytest.mark.parametrize("kind", [OCI, DOCKER])
def test_archive_by_skopeo(tmp_path: Path, kind: OriginKind) -> None:
    write_layout(tmp_path / "source", {"app": APP})
    path = tmp_path / "made.tar"
    argv = ["skopeo", "copy", "-q", f"oci:{tmp_path}/source:app", f"{kind}:{path}:acme/app:1"]
    subprocess.run(argv, check=True)
    with open_local(kind, path, tmp_path) as source:
        stored = read_image(source)
        config = Manifest.parse(source.resolve(REFERENCE).raw).config
    assert str(config.digest) == APP.build().config.digest
    blobs = [blob.data for blob in APP.build().layers]
    assert stored == (blobs if kind is OCI else TARS)


@pytest.mark.engine
def test_archive_by_podman(tmp_path: Path, podman: Podman) -> None:
    podman.podman("load", stdin=docker_archive({"localhost/acme/app:1": APP}))
    path = tmp_path / "made.tar"
    podman.podman("save", "--format", "docker-archive", "-o", str(path), "localhost/acme/app:1")
    with open_local(DOCKER, path, tmp_path) as source:
        assert read_image(source, Reference.parse("localhost/acme/app:1")) == TARS
