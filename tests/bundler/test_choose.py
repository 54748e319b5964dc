"""Which source serves an image, and documents that come through the cache."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from bundler.cache import Cache
from bundler.fetch import CachedDocuments
from bundler.resolve import WantedImage
from bundler.sources import Document
from bundler.sources.choose import SourceOptions, Sources
from bundler.sources.docker import DockerSource
from bundler.sources.registry import RegistrySource
from manifests.digest import Digest
from manifests.errors import AppManifestError, MoonliftError, SourceFailed, UsageError
from manifests.layerpolicy import LayerPolicy
from manifests.mediatype import MediaType
from manifests.oci import Descriptor
from manifests.platform import Platform
from manifests.reference import Reference
from tests.bundler.builds import MemorySource, Workplace, memory, served_by
from tests.support.images import Blob, ImageSpec, IndexSpec
from tests.support.layers import LayerSpec
from tests.support.publish import docker_archive, write_layout

APP = ImageSpec((LayerSpec({"etc/motd": b"hello"}),))
NAME = "registry.test/app:1"
AMD64 = Platform("linux", "amd64")


def wanted(origin: str = "auto") -> WantedImage:
    return WantedImage(Reference.parse(NAME), NAME, LayerPolicy.AUTO, (AMD64,), origin)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path / "cache")
    cache.prepare()
    return cache


def failing(code: str) -> Callable[[object, Reference], object]:
    def resolve(_: object, reference: Reference) -> object:
        kind = AppManifestError if code.startswith("image") else SourceFailed
        raise kind(code, f"the registry says {code} of {reference}")

    return resolve


def test_the_registry_is_asked_first_and_opened_once(cache: Cache, tmp_path: Path) -> None:
    with served_by(memory(app=APP)) as source, Sources(SourceOptions(tmp_path), cache) as sources:
        assert sources.open(wanted()).origin == "registry"
        sources.open(wanted())
        assert sources.named("registry") is source


@pytest.mark.parametrize("code", ["image-not-found", "image-denied", "registry-unreachable"])
def test_the_local_engine_is_asked_when_the_registry_has_not_the_image(
    cache: Cache, tmp_path: Path, code: str
) -> None:
    local = replace(memory(app=APP), origin="docker")
    with (
        patch.object(RegistrySource, "resolve", failing(code)),
        patch.object(Sources, "_docker", lambda _: local),
        Sources(SourceOptions(tmp_path), cache) as sources,
    ):
        assert sources.open(wanted()).origin == "docker"
        with pytest.raises(MoonliftError) as caught:
            sources.open(wanted("registry"))
    assert caught.value.code == code


def test_what_the_registry_said_is_told_when_the_engine_has_not_the_image_either(
    cache: Cache, tmp_path: Path
) -> None:
    with (
        patch.object(RegistrySource, "resolve", failing("image-not-found")),
        patch.object(Sources, "_docker", lambda _: MemorySource({})),
        Sources(SourceOptions(tmp_path), cache) as sources,
        pytest.raises(AppManifestError, match="the registry says"),
    ):
        sources.open(wanted())


def test_another_failure_of_the_registry_is_not_hidden_by_the_engine(
    cache: Cache, tmp_path: Path
) -> None:
    with (
        patch.object(RegistrySource, "resolve", failing("registry-tls")),
        patch.object(Sources, "_docker", side_effect=AssertionError),
        Sources(SourceOptions(tmp_path), cache) as sources,
        pytest.raises(SourceFailed, match="registry-tls"),
    ):
        sources.open(wanted())


def test_one_source_may_be_forced_on_every_image(cache: Cache, tmp_path: Path) -> None:
    write_layout(tmp_path / "layout", {NAME: APP})
    with Sources(SourceOptions(tmp_path, forced="oci:layout"), cache) as sources:
        assert sources.open(wanted("registry")).origin == "oci:layout"
    with Sources(SourceOptions(tmp_path, forced="nonsense:x"), cache) as sources:
        with pytest.raises(UsageError) as caught:
            sources.open(wanted())
        assert caught.value.code == "source-unknown"


def test_the_engine_is_reached_when_it_is_asked_for(cache: Cache, tmp_path: Path) -> None:
    with (
        patch("bundler.sources.dockerengine.connect"),
        patch.object(DockerSource, "resolve", failing("image-not-found")),
        Sources(SourceOptions(tmp_path), cache) as sources,
        pytest.raises(AppManifestError),
    ):
        sources.open(wanted("docker"))


def test_layouts_and_archives_are_built_from_beside_the_app(place: Workplace) -> None:
    (place.root / "images").mkdir()
    write_layout(place.root / "images/layout", {NAME: APP})
    (place.root / "images/saved.tar").write_bytes(docker_archive({"registry.test/old:1": APP}))
    place.write_app(
        f"{{image: {NAME}, from: 'oci:images/layout'}}",
        "{image: 'registry.test/old:1', from: 'docker-archive:images/saved.tar'}",
    )
    release = place.build().release
    assert [image.origin for image in release.images] == [
        "oci:images/layout",
        "docker-archive:images/saved.tar",
    ]
    assert release.images[0].layers == release.images[1].layers
    place.tidy()


def test_an_index_that_left_the_cache_is_asked_for_by_digest(cache: Cache) -> None:
    index = IndexSpec((APP,)).build().index
    source = memory(app=IndexSpec((APP,)))
    documents = CachedDocuments(source, cache)
    descriptor = Descriptor(index.media_type, Digest.parse(index.digest), 0)
    reference = Reference.parse(NAME)
    assert documents.known(reference, descriptor) == index.data
    source.images = {}
    assert documents.known(reference, descriptor) == index.data


def test_a_source_that_answers_with_another_index_is_refused(cache: Cache) -> None:
    class Liar(MemorySource):
        def resolve(self, reference: Reference) -> Document:
            return super().resolve(replace(reference, tag="1", digest=None))

    source = Liar(memory(app=APP).images)
    descriptor = Descriptor(MediaType.OCI_INDEX, Digest.of(b"another"), 0)
    with pytest.raises(SourceFailed) as caught:
        CachedDocuments(source, cache).known(Reference.parse(NAME), descriptor)
    assert caught.value.code == "digest-mismatch"


def test_an_index_within_an_index_that_is_left_out_is_weighed_by_its_entry(
    place: Workplace,
) -> None:
    index = IndexSpec((APP,)).build()
    document = json.loads(index.index.data)
    nested = {
        "mediaType": str(MediaType.OCI_INDEX),
        "digest": str(Digest.of(b"nested")),
        "size": 1234,
        "platform": {"os": "linux", "architecture": "s390x"},
    }
    document["manifests"].append(nested)
    top = Blob(json.dumps(document).encode(), index.index.media_type)
    place.write_app(NAME)
    with served_by(MemorySource({NAME: replace(index, index=top)})):
        report = place.build()
    assert [(item.what, item.size) for item in report.pruned.left_out] == [("linux/s390x", 1234)]
