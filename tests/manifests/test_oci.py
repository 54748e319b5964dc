"""OCI documents: views of raw bytes; what could be two things is neither."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.digest import Digest
from manifests.errors import ExitCode, MoonliftError
from manifests.mediatype import Compression, MediaType
from manifests.oci import (
    CONFIG_LIMIT,
    MANIFEST_LIMIT,
    MAX_DESCRIPTORS,
    MAX_LAYERS,
    MAX_SIZE,
    Descriptor,
    ImageConfig,
    Index,
    Manifest,
    chain_ids,
)
from manifests.ocifields import MalformedDocument
from manifests.platform import Platform
from manifests.strictjson import MalformedJson
from tests.support.images import ImageSpec, IndexSpec
from tests.support.layers import LayerSpec

DIGEST = "sha256:" + "0123456789abcdef" * 4
SPEC = ImageSpec((LayerSpec({"a": b"1"}), LayerSpec({"b": b"2"}).stored_as("zstd")))


def descriptor(**changes: Any) -> dict[str, Any]:
    whole = {"mediaType": MediaType.OCI_LAYER_GZIP, "digest": DIGEST, "size": 7}
    return {key: value for key, value in (whole | changes).items() if value is not ...}


def manifest(**changes: Any) -> bytes:
    config = descriptor(mediaType=MediaType.OCI_CONFIG)
    whole = {"schemaVersion": 2, "config": config, "layers": [descriptor()]} | changes
    return json.dumps({k: v for k, v in whole.items() if v is not ...}).encode()


def index(**changes: Any) -> bytes:
    whole = {"schemaVersion": 2, "manifests": [descriptor(mediaType=MediaType.OCI_MANIFEST)]}
    return json.dumps({k: v for k, v in (whole | changes).items() if v is not ...}).encode()


def config(**changes: Any) -> bytes:
    whole = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [DIGEST]},
    } | changes
    return json.dumps({k: v for k, v in whole.items() if v is not ...}).encode()


# ---- what is good


@pytest.mark.parametrize("media", ["oci", "docker"])
def test_image_of_either_family(media: Any) -> None:
    built = ImageSpec((LayerSpec({"a": b"1"}),), media=media).build()
    view = Manifest.parse(built.manifest.data, built.manifest.media_type)
    assert view.raw == built.manifest.data
    assert str(view.digest) == built.manifest.digest
    assert view.media_type == built.manifest.media_type
    assert view.is_image
    assert [str(layer.digest) for layer in view.layers] == [b.digest for b in built.layers]
    assert view.layers[0].compression is Compression.GZIP
    parsed = ImageConfig.parse(built.config.data)
    assert parsed.platform == Platform("linux", "amd64")
    assert [str(one) for one in parsed.diff_ids] == list(built.diff_ids)


@pytest.mark.parametrize("media", ["oci", "docker"])
def test_index_of_either_family(media: Any) -> None:
    spec = IndexSpec((SPEC, SPEC.on("linux/arm64/v8")), attestations=True, media=media)
    built = spec.build()
    view = Index.parse(built.index.data, built.index.media_type)
    platforms = [str(entry.platform) for entry in view.manifests]
    assert platforms == ["linux/amd64", "linux/arm64", "unknown/unknown", "unknown/unknown"]
    assert [entry.is_attestation for entry in view.manifests] == [False, False, True, True]


def test_media_type_of_who_does_not_say() -> None:
    assert Manifest.parse(manifest()).media_type == MediaType.OCI_MANIFEST
    assert Index.parse(index()).media_type == MediaType.OCI_INDEX
    told = MediaType.DOCKER_MANIFEST
    assert Manifest.parse(manifest(), told).media_type == told
    assert Manifest.parse(manifest(mediaType=told)).media_type == told


def test_unknown_members_are_ignored() -> None:
    Manifest.parse(manifest(extra={"a": 1}, subject=descriptor(), artifactType="x"))
    Index.parse(index(extra=1, annotations={"a": "b"}))
    ImageConfig.parse(config(extra=1, config={"Labels": {"A": "1", "a": "2"}}))


def test_artifact_is_no_image() -> None:
    view = Manifest.parse(manifest(config=descriptor(mediaType=MediaType.OCI_EMPTY)))
    assert not view.is_image


def test_descriptor_members() -> None:
    entry = descriptor(
        platform={"os": "linux", "architecture": "arm", "variant": "v6", "os.version": "1"},
        annotations={"a": "b", "n": 1},
        urls=["https://example.org/x"],
        data="AA==",
    )
    (view,) = Index.parse(index(manifests=[entry])).manifests
    assert view == Descriptor(
        MediaType.OCI_LAYER_GZIP,
        Digest.parse(DIGEST),
        7,
        Platform("linux", "arm", "v6"),
        {"a": "b"},
        ("https://example.org/x",),
    )
    assert Descriptor("application/x", Digest.parse(DIGEST), 0).compression is None


def test_descriptor_round_trip() -> None:
    entry = descriptor(platform={"architecture": "arm", "os": "linux", "variant": "v6"},
                       annotations={"a": "b"})  # fmt: skip
    (view,) = Index.parse(index(manifests=[entry])).manifests
    assert view.to_json() == entry
    assert Descriptor("a/b", Digest.parse(DIGEST), 1).to_json() == {
        "mediaType": "a/b",
        "digest": DIGEST,
        "size": 1,
    }


def test_empty_lists() -> None:
    assert Manifest.parse(manifest(layers=[])).layers == ()
    assert Index.parse(index(manifests=[])).manifests == ()
    assert ImageConfig.parse(config(rootfs={"diff_ids": []})).diff_ids == ()


# ---- what is bad

BAD_DESCRIPTORS: list[Any] = [
    None,
    [],
    "x",
    {},
    descriptor(digest=...),
    descriptor(digest=None),
    descriptor(digest=7),
    descriptor(digest="sha256:12"),
    descriptor(digest="sha512:" + "0" * 128),
    descriptor(digest="sha256:../../etc/passwd"),
    descriptor(digest=DIGEST.upper()),
    descriptor(size=...),
    descriptor(size=None),
    descriptor(size=-1),
    descriptor(size=1.0),
    descriptor(size="1"),
    descriptor(size=True),
    descriptor(size=MAX_SIZE + 1),
    descriptor(mediaType=...),
    descriptor(mediaType=""),
    descriptor(mediaType=7),
    descriptor(annotations=[1]),
    descriptor(annotations="x"),
    descriptor(platform={"os": "linux"}),
    descriptor(platform={"os": 1, "architecture": "amd64"}),
    descriptor(platform={"os": "linux", "architecture": "arm", "variant": 7}),
]


@pytest.mark.parametrize("bad", BAD_DESCRIPTORS, ids=repr)
def test_bad_descriptor_anywhere(bad: Any) -> None:
    for parse in (
        lambda: Index.parse(index(manifests=[bad])),
        lambda: Manifest.parse(manifest(layers=[descriptor(), bad])),
        lambda: Manifest.parse(manifest(config=bad)),
    ):
        with pytest.raises(MalformedDocument) as caught:
            parse()
        assert caught.value.code == "document-malformed"


MANIFESTS = [
    (manifest(schemaVersion=1), "schema 2 or OCI, found Docker schema 1"),
    (manifest(schemaVersion=...), "schemaVersion 2, found None"),
    (manifest(schemaVersion=3), "schemaVersion 2, found 3"),
    (manifest(schemaVersion="2"), "schemaVersion 2"),
    (manifest(schemaVersion=True), "found"),
    (manifest(schemaVersion=2.5), "schemaVersion 2, found 2.5"),
    (manifest(manifests=[]), "no 'manifests' in this kind of document"),
    (manifest(fsLayers=[]), "no 'fsLayers' in this kind of document"),
    (manifest(layers=...), "a list layers, found None"),
    (manifest(layers={}), "a list layers"),
    (manifest(layers=None), "a list layers"),
    (manifest(config=...), "a descriptor, found None"),
    (manifest(mediaType=MediaType.OCI_INDEX), "a manifest's media type"),
    (manifest(mediaType="application/json"), "a manifest's media type"),
    (manifest(mediaType=7), "a media type, found 7"),
    (manifest(mediaType=None), "a media type, found None"),
]
INDEXES = [
    (index(schemaVersion=1), "schemaVersion 2, found 1"),
    (index(schemaVersion=True), "schemaVersion 2, found True"),
    (index(layers=[]), "no 'layers' in this kind of document"),
    (index(config={}), "no 'config' in this kind of document"),
    (index(fsLayers=[]), "no 'fsLayers' in this kind of document"),
    (index(manifests=...), "a list manifests, found None"),
    (index(manifests={}), "a list manifests"),
    (index(mediaType=MediaType.OCI_MANIFEST), "an index's media type"),
    (index(mediaType=MediaType.DOCKER_SCHEMA1), "an index's media type"),
]
CONFIGS = [
    (config(rootfs=...), "rootfs, found None"),
    (config(rootfs=[]), "rootfs"),
    (config(rootfs={}), "a list diff_ids"),
    (config(rootfs={"diff_ids": [7]}), "a digest, found 7"),
    (config(rootfs={"diff_ids": ["sha256:1"]}), "a sha256 digest"),
    (config(os=...), "os and architecture"),
    (config(architecture=...), "os and architecture"),
    (config(architecture=7), "os and architecture"),
    (config(variant=None), "os and architecture"),
]


@pytest.mark.parametrize(
    ("kind", "raw", "reason"),
    [(Manifest, *case) for case in MANIFESTS]
    + [(Index, *case) for case in INDEXES]
    + [(ImageConfig, *case) for case in CONFIGS],
    ids=lambda value: str(value)[:60],
)
def test_refused(kind: Any, raw: bytes, reason: str) -> None:
    with pytest.raises(MalformedDocument) as caught:
        kind.parse(raw)
    assert reason in str(caught.value)
    assert caught.value.exit_code is ExitCode.BUNDLE_REFUSED


@pytest.mark.parametrize("kind", [Manifest, Index, ImageConfig])
@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"{", b'{"a":1,"a":2}', b"\xef\xbb\xbf{}"])
def test_what_is_no_json_object(kind: Any, raw: bytes) -> None:
    with pytest.raises(MalformedJson):
        kind.parse(raw)


def test_told_and_own_media_type_must_agree() -> None:
    with pytest.raises(MalformedDocument, match=r"expected application/vnd\.docker"):
        Manifest.parse(manifest(mediaType=MediaType.OCI_MANIFEST), MediaType.DOCKER_MANIFEST)
    with pytest.raises(MalformedDocument, match="schema 1"):
        Manifest.parse(manifest(), MediaType.DOCKER_SCHEMA1_SIGNED)


def test_one_document_is_never_both() -> None:
    """CVE-2021-41190: a document that is a manifest to one reader and an index to another."""
    both = manifest(manifests=[descriptor()], mediaType=MediaType.OCI_INDEX)
    for kind in (Manifest, Index):
        with pytest.raises(MalformedDocument):
            kind.parse(both)


def test_limits_are_exact() -> None:
    assert len(Manifest.parse(manifest(layers=[descriptor()] * MAX_LAYERS)).layers) == MAX_LAYERS
    with pytest.raises(MalformedDocument, match="at most 512 layers, found 513"):
        Manifest.parse(manifest(layers=[descriptor()] * (MAX_LAYERS + 1)))
    entries = [descriptor()] * MAX_DESCRIPTORS
    assert len(Index.parse(index(manifests=entries)).manifests) == MAX_DESCRIPTORS
    with pytest.raises(MalformedDocument, match="at most 10000 manifests"):
        Index.parse(index(manifests=[*entries, descriptor()]))
    (one,) = Manifest.parse(manifest(layers=[descriptor(size=MAX_SIZE)])).layers
    assert one.size == MAX_SIZE
    for kind, raw, limit in (
        (Manifest, manifest(), MANIFEST_LIMIT),
        (Index, index(), MANIFEST_LIMIT),
        (ImageConfig, config(), CONFIG_LIMIT),
    ):
        kind.parse(raw.ljust(limit))
        with pytest.raises(MalformedJson, match="larger than"):
            kind.parse(raw.ljust(limit + 1))


def test_chain_ids_as_the_specification_has_them() -> None:
    first, second, third = (Digest.of(data) for data in (b"1", b"2", b"3"))
    chain = chain_ids([first, second, third])
    assert chain[0] == first
    assert chain[1].hex == hashlib.sha256(f"{first} {second}".encode()).hexdigest()
    assert chain[2].hex == hashlib.sha256(f"{chain[1]} {third}".encode()).hexdigest()
    assert chain_ids([]) == ()


@pytest.mark.property
@given(st.lists(st.binary().map(Digest.of), max_size=6), st.integers(0, 6))
def test_chain_of_a_prefix_is_a_prefix_of_the_chain(diff_ids: list[Digest], count: int) -> None:
    assert chain_ids(diff_ids[:count]) == chain_ids(diff_ids)[:count]


NAMES = [
    "schemaVersion",
    "mediaType",
    "config",
    "layers",
    "manifests",
    "fsLayers",
    "digest",
    "size",
    "annotations",
    "platform",
    "os",
    "architecture",
    "variant",
    "urls",
    "rootfs",
    "diff_ids",
]
SCALARS = st.sampled_from([None, True, 1, 2, -1, 2.0, 2**60, "", "linux", DIGEST, *MediaType])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=12,
)


@pytest.mark.property
@given(st.dictionaries(st.sampled_from(NAMES), VALUES), st.sampled_from([None, *MediaType]))
def test_any_document_is_read_or_refused(value: dict[str, Any], told: str | None) -> None:
    raw = json.dumps({"schemaVersion": 2, **value}).encode()
    for parse in (
        lambda: Manifest.parse(raw, told),
        lambda: Index.parse(raw, told),
        lambda: ImageConfig.parse(raw),
    ):
        try:
            parse()
        except MoonliftError as error:
            assert isinstance(error, ValueError)  # noqa: PT017
