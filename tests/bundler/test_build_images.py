"""Kinds of images and layers: what is carried, what is chosen, what is refused."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest
import zstandard

from bundler.locking.pins import Renew
from manifests.digest import Digest
from manifests.errors import AppManifestError, MoonliftError, SourceFailed
from manifests.layerpolicy import LayerPolicy
from manifests.mediatype import MediaType
from manifests.oci import Index, Manifest
from manifests.release import Release
from tests.bundler.builds import MemorySource, Workplace, memory, served_by
from tests.support.images import (
    CONFIG,
    LAYER,
    MANIFEST,
    Blob,
    BuiltImage,
    BuiltIndex,
    ImageSpec,
    IndexSpec,
    MediaTypes,
)
from tests.support.layers import Compression, LayerSpec

LAYERS = (LayerSpec({"etc/motd": b"hello"}), LayerSpec.random(1, 300_000, compressible=True))
APP = ImageSpec(LAYERS)


def release_of(place: Workplace, source: MemorySource, **changes: Any) -> Release:
    with served_by(source):
        return place.build("out", renew=Renew.ALL, **changes).release


def refusal(place: Workplace, source: MemorySource) -> MoonliftError:
    with served_by(source), pytest.raises(MoonliftError) as caught:
        place.build("out", renew=Renew.ALL)
    assert not (place.root / "out").exists()
    place.tidy()
    return caught.value


def blob(place: Workplace, digest: object) -> bytes:
    return (place.root / "out/blobs/sha256" / str(digest)[7:]).read_bytes()


def edited(image: BuiltImage, change: Callable[[dict[str, Any]], object]) -> BuiltImage:
    """Return the image with its manifest changed by `change`."""
    document = json.loads(image.manifest.data)
    change(document)
    return replace(
        image, manifest=replace(image.manifest, data=json.dumps(document).encode(), platform="")
    )


def storing(image: BuiltImage, *stored: bytes, media_type: str | None = None) -> BuiltImage:
    """Return the image with other bytes for its layers; its config stays."""
    layers = tuple(
        Blob(data, media_type or old.media_type)
        for data, old in zip(stored, image.layers, strict=True)
    )
    return replace(
        edited(image, lambda m: m.update(layers=[layer.descriptor() for layer in layers])),
        layers=layers,
    )


def only(image: BuiltImage | BuiltIndex) -> MemorySource:
    return MemorySource({"registry.test/app:1": image})


@pytest.fixture
def app(place: Workplace) -> Workplace:
    place.write_app("registry.test/app:1")
    return place


@pytest.mark.parametrize("media", ["oci", "docker"])
@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_every_compression_keeps_image_id_and_diff_ids(
    app: Workplace, media: MediaTypes, compression: Compression
) -> None:
    layers = tuple(layer.stored_as(compression) for layer in LAYERS)
    source = memory(app=ImageSpec(layers, media=media))
    built = source.images["registry.test/app:1"]
    assert isinstance(built, BuiltImage)
    image = release_of(app, source).images[0]
    assert str(image.image_id) == built.config.digest
    assert tuple(map(str, image.diff_ids)) == built.diff_ids
    assert {layer.media_type for layer in image.layers} == {MediaType.OCI_LAYER_ZSTD}
    manifest = Manifest.parse(blob(app, image.manifest.digest), MediaType.OCI_MANIFEST)
    assert manifest.config.media_type == MediaType.OCI_CONFIG
    for layer, spec in zip(image.layers, LAYERS, strict=True):
        unpacked = zstandard.ZstdDecompressor().decompressobj().decompress(blob(app, layer.digest))
        assert unpacked == spec.tar()
        assert layer.uncompressed == len(unpacked)
    kept = release_of(app, source, policy=LayerPolicy.ORIGINAL).images[0]
    assert str(kept.target) == built.manifest.digest
    assert [str(layer.digest) for layer in kept.layers] == [one.digest for one in built.layers]
    assert {layer.media_type for layer in kept.layers} == {LAYER[media, compression]}


def test_several_gzip_members_and_zstd_frames_are_one_layer(app: Workplace) -> None:
    image = APP.build()
    tars = [layer.tar() for layer in LAYERS]
    pieces = [[tar[:700], tar[700:]] for tar in tars]
    gzip = storing(image, *(b"".join(zlib.compress(p, wbits=31) for p in two) for two in pieces))
    frames = [b"".join(map(zstandard.ZstdCompressor().compress, two)) for two in pieces]
    zstd = storing(image, *frames, media_type=LAYER["oci", "zstd"])
    for stored in (gzip, zstd):
        found = release_of(app, only(stored)).images[0]
        assert tuple(map(str, found.diff_ids)) == image.diff_ids


def test_an_image_without_layers_and_one_with_an_empty_layer(app: Workplace) -> None:
    assert release_of(app, memory(app=ImageSpec(()))).images[0].layers == ()
    empty = ImageSpec((LayerSpec(), LayerSpec(compression="none")))
    layers = release_of(app, memory(app=empty)).images[0].layers
    assert layers[0] == layers[1]


def test_a_layer_of_no_bytes_at_all(app: Workplace) -> None:
    image = ImageSpec((LayerSpec(compression="none"),)).build()
    nothing = Digest.of(b"")
    config = json.loads(image.config.data)
    config["rootfs"]["diff_ids"] = [str(nothing)]
    changed = replace(image.config, data=json.dumps(config).encode())
    stored = storing(
        replace(edited(image, lambda m: m.update(config=changed.descriptor())), config=changed),
        b"",
    )
    for policy in (LayerPolicy.ZSTD, LayerPolicy.ORIGINAL):
        layer = release_of(app, only(stored), policy=policy).images[0].layers[0]
        assert (layer.diff_id, layer.uncompressed) == (nothing, 0)


def test_a_layer_that_an_image_has_twice_is_carried_once(app: Workplace) -> None:
    twice = ImageSpec((*LAYERS, LAYERS[0]))
    for policy in (LayerPolicy.ZSTD, LayerPolicy.ORIGINAL):
        source = memory(app=twice)
        image = release_of(app, source, policy=policy).images[0]
        assert [layer.digest for layer in image.layers][::2] == [image.layers[0].digest] * 2
        assert len(source.opened) == 2


def test_layers_that_differ_in_compression_only_become_one(place: Workplace) -> None:
    place.write_app("registry.test/one:1", "registry.test/two:1")
    other = ImageSpec(tuple(layer.stored_as("gzip", 1) for layer in LAYERS), cmd=("true",))
    one, two = release_of(place, memory(one=APP, two=other)).images
    assert one.layers == two.layers
    assert one.image_id != two.image_id


def test_one_layer_under_two_policies_is_fetched_once(place: Workplace) -> None:
    place.write_app(
        "registry.test/one:1", "{image: registry.test/two:1, layers: original}", "registry.test/x:1"
    )
    source = memory(one=APP, two=ImageSpec(LAYERS, cmd=("true",)), x=APP.on("linux/amd64"))
    one, two, _ = release_of(place, source).images
    assert {layer.media_type for layer in one.layers} == {MediaType.OCI_LAYER_ZSTD}
    assert {layer.media_type for layer in two.layers} == {MediaType.OCI_LAYER_GZIP}
    assert len(source.opened) == 2


@pytest.mark.parametrize("policy", [LayerPolicy.ZSTD, LayerPolicy.ORIGINAL])
def test_one_layer_under_two_media_types_keeps_both(place: Workplace, policy: LayerPolicy) -> None:
    place.write_app("registry.test/one:1", "registry.test/two:1")
    source = memory(one=APP, two=ImageSpec(LAYERS, media="docker"))
    one, two = release_of(place, source, policy=policy).images
    same = {layer.media_type for layer in (*one.layers, *two.layers)}
    expected = {MediaType.OCI_LAYER_GZIP, MediaType.DOCKER_LAYER_GZIP}
    assert same == (expected if policy is LayerPolicy.ORIGINAL else {MediaType.OCI_LAYER_ZSTD})
    again = release_of(place, source, policy=policy).images
    assert again == (one, two)


def test_two_names_of_one_manifest_are_both_carried(place: Workplace) -> None:
    place.write_app("registry.test/one:1", "registry.test/two:1")
    source = memory(one=APP, two=APP)
    one, two = release_of(place, source).images
    assert (one.name, two.name) == ("registry.test/one:1", "registry.test/two:1")
    assert replace_name(one, two) == two
    index = Index.parse((place.root / "out/index.json").read_bytes())
    assert len(index.manifests) == 2


def replace_name(one: Any, two: Any) -> Any:
    return one.model_copy(update={"name": two.name, "written": two.written})


def test_a_digest_and_a_tag_of_one_image_are_two_images(place: Workplace) -> None:
    source = memory(app=APP)
    pinned = f"registry.test/app@{APP.build().manifest.digest}"
    place.write_app("registry.test/app:1", pinned)
    tagged, original = release_of(place, source).images
    assert tagged.policy is LayerPolicy.ZSTD
    assert original.policy is LayerPolicy.ORIGINAL
    assert original.name == pinned


PLATFORMS = ("linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64")
MANY = IndexSpec(tuple(ImageSpec(LAYERS).on(platform) for platform in PLATFORMS))


@pytest.mark.parametrize("media", ["oci", "docker"])
def test_several_platforms_get_an_index_of_their_own(place: Workplace, media: MediaTypes) -> None:
    place.write_app("{image: registry.test/app:1, platforms: [linux/arm/v7, linux/amd64]}")
    arm, amd = release_of(place, memory(app=replace(MANY, media=media))).images
    assert (str(arm.platform), str(amd.platform)) == ("linux/arm", "linux/amd64")
    assert arm.target == amd.target
    assert arm.index is not None
    index = Index.parse(blob(place, arm.target), MediaType.OCI_INDEX)
    assert [one.platform for one in index.manifests] == [arm.platform, amd.platform]
    assert [one.digest for one in index.manifests] == [arm.manifest.digest, amd.manifest.digest]
    archive = json.loads((place.root / "out/manifest.json").read_bytes())
    assert [one["RepoTags"] for one in archive] == [["registry.test/app:1"], None]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [("linux/arm/v7", "v7"), ("linux/arm/v8", "v7"), ("linux/arm/v6", "v6"), ("linux/arm", "v7")],
)
def test_the_best_variant_that_runs_is_taken(place: Workplace, wanted: str, found: str) -> None:
    place.write_app(f"{{image: registry.test/app:1, platforms: [{wanted}]}}")
    image = release_of(place, memory(app=MANY)).images[0]
    assert str(image.platform) == ("linux/arm" if found == "v7" else f"linux/arm/{found}")


def test_platforms_that_one_image_serves_carry_it_once(place: Workplace) -> None:
    place.write_app("{image: registry.test/app:1, platforms: [linux/arm/v7, linux/arm/v6]}")
    index = IndexSpec((ImageSpec(LAYERS).on("linux/arm/v6"),))
    images = release_of(place, memory(app=index)).images
    assert [str(image.platform) for image in images] == ["linux/arm/v6"]


def test_what_is_missing_is_told_of_all_images_together(place: Workplace) -> None:
    place.write_app(
        "registry.test/app:1",
        "{image: registry.test/one:1, platforms: [linux/s390x]}",
        "{image: registry.test/two:1, platforms: [linux/riscv64]}",
        "registry.test/gone:1",
    )
    error = refusal(place, memory(app=APP, one=MANY, two=APP))
    assert isinstance(error, AppManifestError)
    assert "3 problems" in str(error)
    assert "expected an image for linux/s390x, found linux/amd64, linux/arm/v6" in str(error)
    assert "registry.test/two:1: expected an image for linux/riscv64, found linux/amd64" in str(
        error
    )
    assert "registry.test/gone" in str(error)
    assert not place.lock.exists()


def artifact(media_type: str) -> BuiltImage:
    image = APP.build()
    return edited(image, lambda m: m["config"].update(mediaType=media_type))


def test_artifacts_and_nested_indexes_are_refused(app: Workplace) -> None:
    chart = refusal(app, only(artifact("application/vnd.cncf.helm.config.v1+json")))
    assert (chart.code, chart.exit_code) == ("not-an-image", 20)
    entry = {**APP.build().manifest.descriptor(), "mediaType": str(MediaType.OCI_INDEX)}
    index = MANY.build()
    document = json.dumps({**json.loads(index.index.data), "manifests": [entry]}).encode()
    nested = replace(index, index=replace(index.index, data=document))
    assert refusal(app, only(nested)).code == "not-an-image"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"urls": ["https://elsewhere.test/layer"]}, "layer-foreign"),
        ({"mediaType": str(MediaType.DOCKER_FOREIGN_LAYER)}, "layer-foreign"),
        ({"mediaType": f"{LAYER['oci', 'gzip']}+encrypted"}, "layer-type"),
        ({"mediaType": "application/octet-stream"}, "layer-type"),
    ],
)
def test_layers_that_cant_be_carried_are_refused(
    app: Workplace, change: Mapping[str, Any], code: str
) -> None:
    image = edited(APP.build(), lambda m: m["layers"][0].update(change))
    source = only(image)
    error = refusal(app, source)
    assert (error.code, error.exit_code) == (code, 21)
    assert "registry.test/app:1" in str(error)
    assert not source.opened


def test_a_layer_that_is_not_what_the_config_says_is_refused(app: Workplace) -> None:
    other = LayerSpec({"etc/motd": b"other"})
    stored = storing(APP.build(), *(one.compressed(one.tar()) for one in (other, LAYERS[1])))
    error = refusal(app, only(stored))
    assert (error.code, error.exit_code) == ("diff-id-mismatch", 21)
    assert str(Digest.of(LAYERS[0].tar())) in str(error)
    assert str(Digest.of(other.tar())) in str(error)
    assert "registry.test/app:1" in str(error)


def test_an_honest_image_does_not_vouch_for_one_that_lies(place: Workplace) -> None:
    """Both have the same layer; only one config tells its true diff ID."""
    place.write_app("registry.test/honest:1", "registry.test/liar:1")
    honest, liar = APP.build(), ImageSpec((LAYERS[0], LayerSpec({"x": b"x"}))).build()
    lying = replace(
        edited(liar, lambda m: m.update(layers=json.loads(honest.manifest.data)["layers"])),
        layers=honest.layers,
    )
    images = {"registry.test/honest:1": honest, "registry.test/liar:1": lying}
    for _ in range(2):
        assert refusal(place, MemorySource(images)).code == "diff-id-mismatch"


def test_manifest_and_config_must_count_the_same_layers(app: Workplace) -> None:
    image = edited(APP.build(), lambda m: m["layers"].pop())
    error = refusal(app, only(image))
    assert (error.code, error.exit_code) == ("image-inconsistent", 21)


def test_a_manifest_that_misstates_a_size_is_refused_with_and_without_cache(
    app: Workplace,
) -> None:
    index = MANY.build()
    document = json.loads(index.index.data)
    document["manifests"][0]["size"] += 1
    lying = replace(index, index=replace(index.index, data=json.dumps(document).encode()))
    place = replace(app, defaults={"policy": LayerPolicy.ORIGINAL})
    release_of(place, only(index))
    (place.root / "out").rename(place.root / "first")
    error = refusal(place, only(lying))
    assert (error.code, error.exit_code) == ("size-mismatch", 21)


@pytest.mark.parametrize("raw", [b"{", b"[]", b'{"schemaVersion":2,"schemaVersion":2}', b"{}"])
def test_a_malformed_manifest_is_the_sources_fault(app: Workplace, raw: bytes) -> None:
    image = replace(APP.build(), manifest=Blob(raw, MANIFEST["oci"]))
    error = refusal(app, only(image))
    assert isinstance(error, SourceFailed)
    assert "registry.test/app:1" in str(error)


def test_a_malformed_config_is_the_sources_fault(app: Workplace) -> None:
    config = Blob(b'{"rootfs":{}}', CONFIG["oci"])
    image = edited(APP.build(), lambda m: m.update(config=config.descriptor()))
    error = refusal(app, only(replace(image, config=config)))
    assert isinstance(error, SourceFailed)
    assert error.code == "document-malformed"


def test_a_manifest_that_misstates_a_layers_size_is_refused_even_when_it_is_cached(
    app: Workplace,
) -> None:
    place = replace(app, defaults={"policy": LayerPolicy.ORIGINAL})
    release_of(place, only(APP.build()))
    (place.root / "out").rename(place.root / "first")
    lying = edited(APP.build(), lambda m: m["layers"][0].update(size=m["layers"][0]["size"] + 1))
    error = refusal(place, only(lying))
    assert (error.code, error.exit_code) == ("size-mismatch", 21)
