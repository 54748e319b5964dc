"""Our own JSON documents: strict, frozen, versioned; the lock and the release."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from manifests.appmanifest.app import app_schema
from manifests.digest import Digest
from manifests.documents import Document, InvalidDocument, UnknownSchema, instant_text
from manifests.errors import MoonliftError
from manifests.layerpolicy import LayerPolicy
from manifests.lock import LOCK_LIMIT, Lock, lock_schema
from manifests.platform import Platform
from manifests.release import (
    CHUNK_SIZE,
    RELEASE_LIMIT,
    BlobRecord,
    ImageRecord,
    LayerRecord,
    Release,
)
from manifests.strictjson import MalformedJson

DIGEST = "sha256:" + "0123456789abcdef" * 4
OTHER = "sha256:" + "f" * 64
NOW = "2026-11-22T12:00:00Z"
SCHEMAS = Path(__file__).parents[2] / "docs/schemas"


def blob(digest: str = DIGEST, size: int = 7) -> dict[str, Any]:
    return {"digest": digest, "size": size, "media_type": "a/b"}


def image(**changes: Any) -> dict[str, Any]:
    return {
        "name": "docker.io/acme/app:1",
        "written": "acme/app:1",
        "platform": "linux/amd64",
        "target": DIGEST,
        "manifest": blob(),
        "config": blob("sha256:" + "1" * 64),
        "layers": [{**blob("sha256:" + "2" * 64), "diff_id": OTHER, "uncompressed": 9}],
        "policy": "zstd",
        "origin": "registry",
        **changes,
    }


def release(**changes: Any) -> bytes:
    whole = {
        "schema": 1,
        "product": "viz",
        "version": "1.4.0",
        "sequence": 7,
        "issued": NOW,
        "images": [image()],
        **changes,
    }
    return json.dumps({k: v for k, v in whole.items() if v is not ...}).encode()


def lock(**changes: Any) -> bytes:
    manifest = {
        "platform": "linux/arm",
        "digest": DIGEST,
        "size": 7,
        "media_type": "a/b",
        "layers_size": 99,
    }
    locked = {
        "reference": "docker.io/acme/app:1",
        "written": "acme/app:1",
        "origin": "registry",
        "digest": DIGEST,
        "media_type": "a/b",
        "policy": "original",
        "platforms": ["linux/arm"],
        "manifests": [manifest],
        "places": ["compose.yaml:14: service web"],
    }
    whole = {"schema": 1, "product": "viz", "version": "1", "sequence": 1, "issued": NOW}
    return json.dumps({**whole, "images": [locked], **changes}).encode()


def test_documents_read_what_they_write() -> None:
    for kind, raw in ((Release, release()), (Lock, lock())):
        document = kind.read(raw)
        for written in (document.canonical(), document.readable()):
            assert kind.read(written) == document
        assert json.loads(document.canonical())["schema"] == 1
        assert document.canonical() == kind.read(document.readable()).canonical()


def test_scalars_are_of_the_domain() -> None:
    document = Release.read(release(expires="2027-01-01T00:00:00Z"))
    (one,) = document.images
    assert one.target == Digest.parse(DIGEST)
    assert one.platform == Platform("linux", "amd64")
    assert one.policy is LayerPolicy.ZSTD
    assert document.expires == datetime(2027, 1, 1, tzinfo=UTC)
    assert b"expires" not in Release.read(release()).canonical()


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"extra": 1}, "extra"),
        ({"product": ...}, "product"),
        ({"product": "Viz"}, "product"),
        ({"product": "a" * 65}, "product"),
        ({"product": "-a"}, "product"),
        ({"product": "a\n"}, "product"),
        ({"product": 7}, "product"),
        ({"version": "a b"}, "version"),
        ({"version": ""}, "version"),
        ({"version": "1\n"}, "version"),
        ({"version": "v" * 65}, "version"),
        ({"sequence": 0}, "sequence"),
        ({"sequence": -1}, "sequence"),
        ({"sequence": 2**63}, "sequence"),
        ({"sequence": "7"}, "sequence"),
        ({"sequence": 7.0}, "sequence"),
        ({"sequence": True}, "sequence"),
        ({"issued": ...}, "issued"),
        ({"issued": None}, "issued"),
        ({"issued": 7}, "issued"),
        ({"issued": [NOW]}, "issued"),
        ({"issued": ""}, "issued"),
        ({"issued": "2026-11-22"}, "issued"),
        ({"issued": "2026-11-22T12:00:00"}, "issued"),
        ({"issued": "2026-11-22T12:00:00+00:00"}, "issued"),
        ({"issued": "2026-11-22T12:00:00.5Z"}, "issued"),
        ({"issued": "2026-1-2T3:4:5Z"}, "issued"),
        ({"issued": "2026-02-30T00:00:00Z"}, "issued"),
        ({"issued": "0001-01-01T00:00:00Z"}, "issued"),
        ({"issued": " 2026-11-22T12:00:00Z"}, "issued"),
        ({"issued": "\u0662026-11-22T12:00:00Z"}, "issued"),
        ({"images": {}}, "images"),
        ({"images": [1]}, "images.0"),
        ({"images": [image(extra=1)]}, "images.0.extra"),
        ({"images": [image(platform=7)]}, "images.0.platform"),
        ({"images": [image(platform="amd64")]}, "images.0.platform"),
        ({"images": [image(target=7)]}, "images.0.target"),
        ({"images": [image(target=None)]}, "images.0.target"),
        ({"images": [image(target="sha256:12")]}, "images.0.target"),
        ({"images": [image(policy="gzip")]}, "images.0.policy"),
        ({"images": [image(policy=7)]}, "images.0.policy"),
        ({"images": [image(name="a\x1b[2J")]}, "images.0.name"),
        ({"images": [image(name="a" * 1025)]}, "images.0.name"),
        ({"images": [image(manifest=blob(size=-1))]}, "images.0.manifest.size"),
        ({"images": [image(manifest=blob(size=2**50 + 1))]}, "images.0.manifest.size"),
        ({"images": [image(manifest=blob(size=True))]}, "images.0.manifest.size"),
        ({"images": [image(layers=[blob()])]}, "images.0.layers.0"),
        ({"images": [image(layers=None)]}, "images.0.layers"),
        ({"files": [{"name": "a"}]}, "files.0.digest"),
        ({"chunks": {"size": 1, "files": {}}}, "chunks.size"),
        ({"chunks": {"size": CHUNK_SIZE, "files": {"a": ["x"]}}}, "chunks.files.a.0"),
    ],
    ids=str,
)
def test_invalid_release(changes: dict[str, Any], where: str) -> None:
    with pytest.raises(InvalidDocument) as caught:
        Release.read(release(**changes))
    assert str(caught.value).startswith(f"release.json: {where}")
    assert caught.value.code == "document-invalid"
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize("schema", [..., None, 0, 2, "1", True, [1], {}])
def test_unknown_schema(schema: Any) -> None:
    with pytest.raises(UnknownSchema) as caught:
        Release.read(release(schema=schema, images="whatever it then is"))
    assert caught.value.code == "schema-unknown"
    assert "newer" in caught.value.hint


def test_schema_one_point_nought_is_one() -> None:
    """JSON has one kind of number; a float in an integer's place is refused all the same."""
    with pytest.raises(MoonliftError):
        Release.read(release(schema=1.0))


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{", release() + b"x", release().replace(b"viz", b"\xff")]
)
def test_no_json(raw: bytes) -> None:
    with pytest.raises(MalformedJson):
        Release.read(raw)


@pytest.mark.parametrize(
    ("read", "raw", "limit"),
    [(Release.read, release(), RELEASE_LIMIT), (Lock.read, lock(), LOCK_LIMIT)],
)
def test_limits(read: Callable[[bytes], Document], raw: bytes, limit: int) -> None:
    read(raw.ljust(limit))
    with pytest.raises(MalformedJson, match="larger than"):
        read(raw.ljust(limit + 1))


LARGE = {**blob("sha256:" + "3" * 64, CHUNK_SIZE + 1), "diff_id": OTHER, "uncompressed": 9}
LARGE_NAME = "blobs/sha256/" + "3" * 64


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"images": [image(layers=[LARGE])]}, "no chunk table for blobs/sha256/333"),
        (
            {"images": [image(layers=[LARGE])], "chunks": {"files": {LARGE_NAME: ["0" * 64]}}},
            "does not fit its size",
        ),
        ({"chunks": {"files": {"files/none": ["0" * 64]}}}, "does not fit its size"),
        ({"chunks": {"files": {"blobs/sha256/" + "2" * 64: []}}}, "does not fit its size"),
        ({"images": [image(), image(manifest=blob(size=8))]}, "has two sizes"),
    ],
)
def test_inconsistent_release(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidDocument, match=reason):
        Release.read(release(**changes))


def test_chunk_table_that_fits() -> None:
    table = {"files": {LARGE_NAME: ["0" * 64, "1" * 64]}}
    document = Release.read(release(images=[image(layers=[LARGE])], chunks=table))
    assert document.chunks.size == CHUNK_SIZE
    assert document.sizes()[LARGE_NAME] == CHUNK_SIZE + 1


def test_blobs_come_once_documents_first() -> None:
    second = image(name="docker.io/acme/b:1", index=blob("sha256:" + "4" * 64))
    document = Release.read(release(images=[image(), second]))
    names = [one.digest.hex[0] for one in document.blobs()]
    assert names == ["0", "1", "4", "2"]
    assert document.blob_bytes == 28
    (layer,) = document.images[0].layers
    assert isinstance(layer, LayerRecord)
    assert document.images[0].image_id == Digest("1" * 64)
    assert document.images[0].diff_ids == (Digest.parse(OTHER),)
    assert document.images[1].documents[0].digest == Digest("4" * 64)


def test_number_of_images_and_layers_has_a_limit() -> None:
    layer = image()["layers"][0]
    Release.read(release(images=[image(layers=[layer] * 512)]))
    with pytest.raises(InvalidDocument):
        Release.read(release(images=[image(layers=[layer] * 513)]))
    Release.read(release(images=[image(layers=[])] * 2000))
    with pytest.raises(InvalidDocument):
        Release.read(release(images=[image(layers=[])] * 2001))


def test_lock_compares_without_its_time() -> None:
    one = Lock.read(lock())
    later = Lock.read(lock(issued="2026-12-01T00:00:00Z", sequence=9))
    assert one != later
    assert one.same_content(later)
    assert not one.same_content(Lock.read(lock(version="2")))


def test_lock_compares_without_places() -> None:
    whole = json.loads(lock())
    facts = {
        "gpus": [{"by": "service web", "count": 1, "place": "compose.yaml:3"}],
        "waived": [{"image": "a", "reason": "b", "places": ["compose.yaml:9: service x"]}],
        "workloads": [{"id": "/web", "image": "acme/app:1", "place": "marathon.json:4"}],
    }
    one = Lock.read(json.dumps({**whole, **facts}).encode())
    moved = json.loads(one.canonical())
    for part in (*moved["gpus"], *moved["workloads"]):
        part["place"] = "compose.yaml:99"
    for part in (*moved["images"], *moved["waived"]):
        part["places"] = ["compose.yaml:99: service web"]
    other = Lock.read(json.dumps(moved).encode())
    assert one != other
    assert one.same_content(other)
    for key in facts:
        assert not one.same_content(Lock.read(json.dumps({**moved, key: []}).encode()))


def test_lock_has_one_fact_a_line_in_a_fixed_order() -> None:
    written = Lock.read(lock()).readable().decode()
    assert '        "compose.yaml:14: service web"\n' in written
    shuffled = dict(reversed(json.loads(written).items()))
    assert Lock.read(json.dumps(shuffled).encode()).readable().decode() == written


@pytest.mark.parametrize(("name", "current"), [("app", app_schema), ("lock", lock_schema)])
def test_published_schemas_are_current(name: str, current: Callable[[], bytes]) -> None:
    """When this fails: `bundle schema app > docs/schemas/app.schema.json`, or the same of lock."""
    assert (SCHEMAS / f"{name}.schema.json").read_bytes() == current()


def test_lock_schema_takes_locks_and_nothing_else() -> None:
    schema = json.loads(lock_schema())
    Draft202012Validator.check_schema(schema)
    judge = Draft202012Validator(schema)
    good = json.loads(lock())
    assert judge.is_valid(good)
    assert judge.is_valid(json.loads(Lock.read(lock()).readable()))
    changes: list[dict[str, Any]] = [
        {"schema": 2},
        {"sequence": 0},
        {"images": [{}]},
        {"extra": 1},
        {"product": "A B"},
    ]
    for bad in changes:
        assert not judge.is_valid({**good, **bad})
    for key in ("schema", "product", "version", "sequence", "issued", "images"):
        assert not judge.is_valid({name: value for name, value in good.items() if name != key})


def test_lock_schema_describes_every_field() -> None:
    schema = json.loads(lock_schema())
    ours = [part for name, part in schema["$defs"].items() if name.startswith("Locked")]
    assert len(ours) == 5
    for part in (schema, *ours):
        assert part["description"]
        for name, field in part.get("properties", {}).items():
            assert field.get("description"), name


def test_documents_are_frozen_and_built_strictly() -> None:
    document = Release.read(release())
    with pytest.raises(ValidationError):
        document.version = "2"  # type: ignore[misc]
    with pytest.raises(ValidationError):
        BlobRecord(digest=Digest.of(b""), size="7", media_type="a")  # type: ignore[arg-type]
    with pytest.raises(ValidationError):
        ImageRecord.model_validate(image(platform=None))


@pytest.mark.property
@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 30)), st.integers(-840, 840))  # noqa: DTZ001
def test_instants(naive: datetime, offset_min: int) -> None:
    moment = naive.replace(microsecond=0, tzinfo=timezone(timedelta(minutes=offset_min)))
    if not 1000 <= moment.astimezone(UTC).year <= 9999:
        return
    document = Release.read(release(issued=instant_text(moment)))
    assert document.issued == moment
    assert json.loads(document.canonical())["issued"] == instant_text(moment)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10) | st.sampled_from(["", "a", DIGEST, NOW]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "digest", "size", "files"]), inner)
    ),
)
FIELDS = st.sampled_from(["schema", *Release.model_fields, "extra"])


@pytest.mark.property
@given(st.dictionaries(FIELDS, JSON, max_size=3))
def test_any_release_is_read_or_refused(changes: dict[str, Any]) -> None:
    try:
        Release.read(release(**changes))
    except MoonliftError:
        return


@pytest.mark.property
@given(st.dictionaries(st.sampled_from(list(image())), JSON, min_size=1, max_size=3))
def test_any_image_record_is_read_or_refused(changes: dict[str, Any]) -> None:
    try:
        Release.read(release(images=[image(**changes)]))
    except MoonliftError:
        return
