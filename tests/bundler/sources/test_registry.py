"""The registry client against a real registry."""

from __future__ import annotations

import base64
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bundler.sources import ImageSource
from bundler.sources.registry import RegistryOptions, RegistrySource
from manifests.digest import Digest
from manifests.errors import AppManifestError, SourceFailed
from manifests.oci import Descriptor, ImageConfig, Index, Manifest
from manifests.reference import Reference
from tests.bundler.sources.certificates import Certificates
from tests.bundler.sources.fakes import FakeClock
from tests.support.images import Blob, ImageSpec, IndexSpec
from tests.support.layers import LayerSpec
from tests.support.publish import PushedImage, push_image
from tests.support.registry import Registry, run_registry

pytestmark = pytest.mark.engine

IMAGE = ImageSpec((LayerSpec.random(1, 3_000_000), LayerSpec({"etc/motd": b"hello"})))
INDEX = IndexSpec((IMAGE, IMAGE.on("linux/arm64")), attestations=True)


@pytest.fixture
def source() -> RegistrySource:
    return RegistrySource(RegistryOptions(environment={}), FakeClock())


@pytest.fixture(scope="module")
def pushed(registry: Registry) -> PushedImage:
    return push_image(registry, "registry-client/app", "1.0", IMAGE)


def layer_of(blob: Blob) -> Descriptor:
    return Descriptor(blob.media_type, Digest.parse(blob.digest), len(blob.data))


def read_all(source: ImageSource, reference: Reference, layer: Descriptor, offset: int) -> bytes:
    with source.open_blob(reference, layer, offset) as blob:
        return b"".join(iter(lambda: blob.read(100_000), b""))


def test_tag_and_digest_lead_to_the_same_bytes(source: RegistrySource, pushed: PushedImage) -> None:
    by_tag = source.resolve(Reference.parse(pushed.reference))
    by_digest = source.resolve(Reference.parse(pushed.pinned))
    both = source.resolve(Reference.parse(f"{pushed.reference}@{pushed.digest}"))
    assert by_tag == by_digest == both
    assert by_tag.raw == pushed.built.manifest.data
    assert by_tag.media_type == pushed.built.manifest.media_type
    assert str(by_tag.digest) == pushed.digest


@pytest.mark.parametrize("media", ["oci", "docker"])
def test_whole_image_through_an_index(source: ImageSource, registry: Registry, media: str) -> None:
    images = tuple(
        ImageSpec(
            spec.layers, platform=spec.platform, media="docker" if media == "docker" else "oci"
        )
        for spec in INDEX.images
    )
    spec = IndexSpec(images, attestations=True, media="docker" if media == "docker" else "oci")
    pushed = push_image(registry, f"registry-client/{media}", "index", spec)
    reference = Reference.parse(pushed.reference)
    top = source.resolve(reference)
    index = Index.parse(top.raw, top.media_type)
    assert len(index.manifests) == 4
    first = source.document(reference, index.manifests[0])
    manifest = Manifest.parse(first.raw, first.media_type)
    config = source.document(reference, manifest.config)
    assert [str(d) for d in ImageConfig.parse(config.raw).diff_ids] == list(pushed.diff_ids)
    for layer in manifest.layers:
        data = read_all(source, reference, layer, 0)
        assert Digest.of(data) == layer.digest


@pytest.mark.parametrize("offset", [0, 1, 1_234_567])
def test_layer_from_an_offset(source: RegistrySource, pushed: PushedImage, offset: int) -> None:
    layer = pushed.built.layers[0]
    data = read_all(source, Reference.parse(pushed.reference), layer_of(layer), offset)
    assert data == layer.data[offset:]


def test_layer_from_its_end_asks_nothing(
    source: RegistrySource, pushed: PushedImage, registry: Registry
) -> None:
    layer = layer_of(pushed.built.layers[0])
    before = len(registry.requests())
    assert read_all(source, Reference.parse(pushed.reference), layer, layer.size) == b""
    assert len(registry.requests()) == before


def test_head_tells_the_digest_without_a_body(
    source: RegistrySource, pushed: PushedImage, registry: Registry
) -> None:
    assert str(source.head(Reference.parse(pushed.reference))) == pushed.digest
    assert registry.requests()[-1].method == "HEAD"


def test_missing_tag_repository_and_blob(
    source: RegistrySource, pushed: PushedImage, registry: Registry
) -> None:
    for text in ("registry-client/app:9", "registry-client/nothing:1"):
        with pytest.raises(AppManifestError) as missing:
            source.resolve(Reference.parse(f"{registry.address}/{text}"))
        assert missing.value.code == "image-not-found"
        assert "spelling" in missing.value.hint
    with pytest.raises(AppManifestError, match="no image"):
        source.head(Reference.parse(f"{registry.address}/registry-client/app:9"))
    lost = Descriptor("application/octet-stream", Digest.of(b"lost"), 4)
    with pytest.raises(SourceFailed, match="has no sha256") as failed:
        source.open_blob(Reference.parse(pushed.reference), lost)
    assert failed.value.code == "registry-error"
    assert failed.value.context["status"] == 404


def test_many_threads_share_few_connections(source: RegistrySource, pushed: PushedImage) -> None:
    layer = layer_of(pushed.built.layers[0])
    reference = Reference.parse(pushed.reference)

    def fetch(_: int) -> str:
        source.resolve(reference)
        return hashlib.sha256(read_all(source, reference, layer, 0)).hexdigest()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(fetch, range(24))) == {layer.digest.hex}


def test_damaged_blob_ends_with_an_error(source: RegistrySource, registry: Registry) -> None:
    pushed = push_image(registry, "registry-client/damaged", "1", IMAGE)
    layer = layer_of(pushed.built.layers[1])
    path = registry.blob_path(str(layer.digest))
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[:-5])
        with pytest.raises(SourceFailed) as failed:
            read_all(source, Reference.parse(pushed.reference), layer, 0)
    finally:
        path.write_bytes(whole)
    assert failed.value.code == "size-mismatch"


def test_password_from_docker_login(tmp_path: Path) -> None:
    password = "correct horse"
    with run_registry(tmp_path / "registry", credentials=("ann", password)) as registry:
        pushed = push_image(registry, "private/app", "1", IMAGE)
        reference = Reference.parse(pushed.reference)
        packed = base64.b64encode(f"ann:{password}".encode()).decode()
        config = {"auths": {registry.address: {"auth": packed}}}
        (tmp_path / "config.json").write_text(json.dumps(config))
        options = RegistryOptions(docker_config=tmp_path, environment={})
        source = RegistrySource(options, FakeClock())
        assert str(source.resolve(reference).digest) == pushed.digest
        layer = layer_of(pushed.built.layers[0])
        assert len(read_all(source, reference, layer, 0)) == layer.size
        refused = [r.status for r in registry.requests() if "/manifests/1" in r.path][-2:]
        assert refused == [401, 200]


def test_stranger_is_denied_with_a_hint(tmp_path: Path) -> None:
    with run_registry(tmp_path, credentials=("ann", "secret")) as registry:
        source = RegistrySource(RegistryOptions(environment={}), FakeClock())
        with pytest.raises(AppManifestError) as denied:
            source.resolve(Reference.parse(f"{registry.address}/private/app:1"))
    assert denied.value.code == "image-denied"
    assert f"docker login {registry.address}" in denied.value.hint


def test_own_authority(tmp_path: Path, certificates: Certificates) -> None:
    pair = (certificates.chain, certificates.key)
    with run_registry(tmp_path, certificate=pair) as registry:
        reference = Reference.parse(f"{registry.address}/app:1")
        stranger = RegistrySource(RegistryOptions(environment={}), FakeClock())
        with pytest.raises(SourceFailed) as untrusted:
            stranger.resolve(reference)
        assert untrusted.value.code == "registry-tls"
        assert "--ca-file" in untrusted.value.hint
        options = RegistryOptions(ca_files=(certificates.authority,), environment={})
        with pytest.raises(AppManifestError, match="has no image"):
            RegistrySource(options, FakeClock()).resolve(reference)


def test_plain_http_is_not_guessed_beyond_loopback(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bundler.sources.registry.url.is_loopback", lambda _: False)
    source = RegistrySource(RegistryOptions(environment={}), FakeClock())
    with pytest.raises(SourceFailed) as refused:
        source.resolve(Reference.parse(f"{registry.address}/app:1"))
    assert refused.value.code == "registry-plain-http-refused"
    assert "--plain-http 127.0.0.1" in refused.value.hint
    allowed = RegistryOptions(plain_http=frozenset({"127.0.0.1"}), environment={})
    with pytest.raises(AppManifestError, match="has no image"):
        RegistrySource(allowed, FakeClock()).resolve(Reference.parse(f"{registry.address}/app:1"))
