"""Image layouts of any maker: which image a reference means, and what is not believed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bundler.sources.archive import open_local
from bundler.sources.folder import FolderFiles
from bundler.sources.layout import MAX_DEPTH, LayoutSource
from manifests.appmanifest.fields import OriginKind
from manifests.digest import Digest
from manifests.errors import AppManifestError, ExitCode, MoonliftError, SourceFailed
from manifests.mediatype import MediaType
from manifests.oci import MANIFEST_LIMIT, MAX_DESCRIPTORS, Descriptor, Manifest
from manifests.reference import Reference
from tests.support.images import Blob, ImageSpec, IndexSpec
from tests.support.layers import LayerSpec
from tests.support.publish import IMAGE_NAME, REFERENCE_NAME, write_layout
from tests.support.tamper import to_device, to_fifo, to_folder, to_symlink

APP = ImageSpec((LayerSpec.random(1, 5000), LayerSpec({"etc/motd": b"hello\n"})))
OTHER = APP.on("linux/arm64")
Names = Mapping[str, str]


def named(*entries: tuple[Names, ImageSpec | IndexSpec], folder: Path) -> Path:
    """Write a layout whose descriptors carry exactly these annotations."""
    write_layout(folder, {str(number): spec for number, (_, spec) in enumerate(entries)})
    index = json.loads((folder / "index.json").read_bytes())
    for descriptor, (names, _) in zip(index["manifests"], entries, strict=True):
        descriptor["annotations"] = dict(names)
    (folder / "index.json").write_text(json.dumps(index))
    return folder


def opened(folder: Path) -> LayoutSource:
    return LayoutSource(FolderFiles(folder), f"oci:{folder}")


def resolve(folder: Path, reference: str) -> str:
    """Return the digest of what the reference names."""
    with opened(folder) as source:
        return str(source.resolve(Reference.parse(reference)).digest)


def refusal(folder: Path, reference: str = "acme/app:1") -> MoonliftError:
    with pytest.raises(MoonliftError) as caught:
        resolve(folder, reference)
    assert caught.value.exit_code in (ExitCode.APP_MANIFEST, ExitCode.SOURCE_FAILED)
    return caught.value


def digest(spec: ImageSpec | IndexSpec) -> str:
    built = spec.build()
    return built.index.digest if isinstance(spec, IndexSpec) else built.manifest.digest  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "annotations",
    [
        {REFERENCE_NAME: "docker.io/acme/app:1"},
        {REFERENCE_NAME: "acme/app:1"},
        {REFERENCE_NAME: "1"},
        {IMAGE_NAME: "docker.io/acme/app:1"},
        {IMAGE_NAME: "docker.io/acme/app:1", REFERENCE_NAME: "1"},
        {IMAGE_NAME: "docker.io/acme/app:1", REFERENCE_NAME: "other"},
    ],
)
def test_a_name_in_any_form(tmp_path: Path, annotations: Names) -> None:
    named((annotations, APP), ({REFERENCE_NAME: "acme/b:2"}, OTHER), folder=tmp_path)
    for reference in ("acme/app:1", "docker.io/acme/app:1", "index.docker.io/acme/app:1"):
        assert resolve(tmp_path, reference) == digest(APP)


@pytest.mark.parametrize(
    ("annotations", "reference"),
    [
        ({REFERENCE_NAME: "docker.io/acme/app:1"}, "acme/app:2"),
        ({REFERENCE_NAME: "docker.io/acme/app:1"}, "quay.io/acme/app:1"),
        ({REFERENCE_NAME: "acme/app:1"}, "acme/other:1"),
        ({REFERENCE_NAME: "1"}, "acme/app:2"),
        ({IMAGE_NAME: "docker.io/acme/other:1", REFERENCE_NAME: "1"}, "acme/app:1"),
        ({REFERENCE_NAME: "../../evil name"}, "acme/app:1"),
        ({}, "acme/app@sha256:" + "0" * 64),
    ],
)
def test_another_name_is_not_found(tmp_path: Path, annotations: Names, reference: str) -> None:
    named((annotations, APP), folder=tmp_path)
    error = refusal(tmp_path, reference)
    assert isinstance(error, AppManifestError)
    assert error.code == "image-not-found"


def test_hint_names_what_there_is(tmp_path: Path) -> None:
    many = [({REFERENCE_NAME: f"acme/app{n:02}:1"}, APP) for n in range(14)]
    named(*many, folder=tmp_path)
    assert refusal(tmp_path, "acme/none:1").hint.endswith("acme/app09:1 and 4 more")


def test_a_full_name_beats_a_tag(tmp_path: Path) -> None:
    named(({REFERENCE_NAME: "1"}, OTHER), ({REFERENCE_NAME: "acme/app:1"}, APP), folder=tmp_path)
    assert resolve(tmp_path, "acme/app:1") == digest(APP)


def test_a_lone_image_without_name_is_taken(tmp_path: Path) -> None:
    named(({}, APP), folder=tmp_path)
    assert resolve(tmp_path, "what/ever:7") == digest(APP)


def test_two_without_name_are_not(tmp_path: Path) -> None:
    named(({}, APP), ({}, OTHER), folder=tmp_path)
    assert refusal(tmp_path).hint == "its images have no names"


@pytest.mark.parametrize("name", ["docker.io/acme/app:1", "acme/app:1", "1"])
def test_one_name_for_two_images_is_ambiguous(tmp_path: Path, name: str) -> None:
    named(({REFERENCE_NAME: name}, APP), ({REFERENCE_NAME: name}, OTHER), folder=tmp_path)
    assert refusal(tmp_path).code == "image-ambiguous"


def test_one_image_listed_twice_is_one(tmp_path: Path) -> None:
    named(({REFERENCE_NAME: "1"}, APP), ({REFERENCE_NAME: "1"}, APP), folder=tmp_path)
    assert resolve(tmp_path, "acme/app:1") == digest(APP)


def test_attestations_are_no_images(tmp_path: Path) -> None:
    mark = {"vnd.docker.reference.type": "attestation-manifest"}
    named(({}, APP), (mark, OTHER), folder=tmp_path)
    assert resolve(tmp_path, "acme/app:1") == digest(APP)


def test_digest_counts_and_not_the_name(tmp_path: Path) -> None:
    named(({REFERENCE_NAME: "a/b:1"}, APP), ({REFERENCE_NAME: "1"}, OTHER), folder=tmp_path)
    assert resolve(tmp_path, f"acme/app@{digest(APP)}") == digest(APP)
    assert resolve(tmp_path, f"acme/app:1@{digest(APP)}") == digest(APP)


def test_index_and_its_platforms(tmp_path: Path) -> None:
    spec = IndexSpec((APP, OTHER), attestations=True)
    named(({REFERENCE_NAME: "acme/app:1"}, spec), folder=tmp_path)
    assert resolve(tmp_path, "acme/app:1") == digest(spec)
    assert resolve(tmp_path, f"acme/app@{digest(OTHER)}") == digest(OTHER)


def nested(folder: Path, levels: int) -> None:
    """Write a layout with APP inside `levels` indexes, `index.json` counted."""
    write_layout(folder, {"app": APP})
    descriptor = APP.build().manifest.descriptor()
    for _ in range(levels - 1):
        data = json.dumps({"schemaVersion": 2, "manifests": [descriptor]}).encode()
        blob = Blob(data, MediaType.OCI_INDEX)
        (folder / "blobs/sha256" / blob.digest[7:]).write_bytes(data)
        descriptor = blob.descriptor()
    top = {"schemaVersion": 2, "manifests": [descriptor]}
    (folder / "index.json").write_text(json.dumps(top))


def test_nesting_has_a_limit(tmp_path: Path) -> None:
    reference = f"acme/app@{digest(APP)}"
    nested(tmp_path / "under", MAX_DEPTH)
    assert resolve(tmp_path / "under", reference) == digest(APP)
    nested(tmp_path / "over", MAX_DEPTH + 1)
    assert refusal(tmp_path / "over", reference).code == "image-not-found"


def test_inner_index_that_was_left_out_is_passed(tmp_path: Path) -> None:
    nested(tmp_path, 3)
    top = json.loads((tmp_path / "index.json").read_bytes())
    inner = top["manifests"][0]["digest"]
    (tmp_path / "blobs/sha256" / inner[7:]).unlink()
    assert refusal(tmp_path, f"acme/app@{digest(APP)}").code == "image-not-found"
    assert refusal(tmp_path, f"acme/app@{inner}").code == "source-incomplete"


def test_number_of_images_has_a_limit(tmp_path: Path) -> None:
    write_layout(tmp_path, {"app": APP})
    one = APP.build().manifest.descriptor()
    data = json.dumps({"schemaVersion": 2, "manifests": [one] * (MAX_DESCRIPTORS - 1)}).encode()
    blob = Blob(data, MediaType.OCI_INDEX)
    (tmp_path / "blobs/sha256" / blob.digest[7:]).write_bytes(data)
    index = {"schemaVersion": 2, "manifests": [blob.descriptor()]}
    (tmp_path / "index.json").write_text(json.dumps(index))
    unknown = f"acme/app@{Digest.of(b'')}"
    assert refusal(tmp_path, unknown).code == "image-not-found"
    index["manifests"] = [blob.descriptor(), {**one, "digest": str(Digest.of(b"x"))}]
    (tmp_path / "index.json").write_text(json.dumps(index))
    assert "more than 10000 images" in str(refusal(tmp_path, unknown))


def remove(name: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).unlink()


def write(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text)


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (remove("oci-layout"), "expected an image layout, found no oci-layout"),
        (write("oci-layout", "{}"), "expected a layout of version 1.0.0, found None"),
        (write("oci-layout", '{"imageLayoutVersion":"2.0.0"}'), "version 1.0.0, found 2.0.0"),
        (write("oci-layout", "["), "not strict JSON"),
        (write("oci-layout", " " * 5000), "at most 4096 bytes, found 5000"),
        (remove("index.json"), "expected index.json, found none"),
        (write("index.json", ""), "not strict JSON"),
        (write("index.json", "[]"), "expected an object"),
        (write("index.json", '{"schemaVersion":1,"manifests":[]}'), "schemaVersion 2"),
        (write("index.json", '{"schemaVersion":2,"manifests":[],"layers":[]}'), "no 'layers'"),
        (write("index.json", '{"schemaVersion":2,"manifests":[1]}'), "a descriptor"),
        (write("index.json", " " * (MANIFEST_LIMIT + 1)), "expected at most 4194304 bytes"),
    ],
)
def test_what_is_no_layout(tmp_path: Path, damage: Callable[[Path], object], expected: str) -> None:
    named(({REFERENCE_NAME: "1"}, APP), folder=tmp_path)
    damage(tmp_path)
    error = refusal(tmp_path)
    assert isinstance(error, SourceFailed)
    assert expected in str(error)
    assert str(tmp_path) in str(error)


def test_no_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none").code == "source-unreadable"
    (tmp_path / "file").touch()
    assert refusal(tmp_path / "file").code == "source-unreadable"


def blob_of(folder: Path, spec: ImageSpec = APP) -> Path:
    return folder / "blobs/sha256" / digest(spec)[7:]


@pytest.mark.parametrize("damage", [to_symlink, to_fifo, to_folder, to_device])
def test_a_blob_is_a_regular_file(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    named(({REFERENCE_NAME: "1"}, APP), folder=tmp_path)
    damage(blob_of(tmp_path))
    assert "expected a regular file" in str(refusal(tmp_path))


@pytest.mark.parametrize("name", ["blobs", "blobs/sha256"])
def test_no_folder_in_it_is_a_link(tmp_path: Path, name: str) -> None:
    named(({REFERENCE_NAME: "1"}, APP), folder=tmp_path / "layout")
    aside = tmp_path / "aside"
    shutil.move(tmp_path / "layout" / name, aside)
    (tmp_path / "layout" / name).symlink_to(aside)
    assert "expected a regular file, found a symbolic link" in str(refusal(tmp_path / "layout"))


def test_document_of_another_size_or_digest(tmp_path: Path) -> None:
    named(({REFERENCE_NAME: "1"}, APP), folder=tmp_path)
    path = blob_of(tmp_path)
    data = path.read_bytes()
    path.write_bytes(data + b" ")
    assert refusal(tmp_path).code == "size-mismatch"
    path.write_bytes(data[:-1] + b" ")
    assert refusal(tmp_path).code == "digest-mismatch"
    path.write_bytes(b" " * (MANIFEST_LIMIT + 1))
    assert refusal(tmp_path).code == "document-too-large"
    path.unlink()
    assert refusal(tmp_path).code == "source-incomplete"


def test_layers_and_config(tmp_path: Path) -> None:
    named(({REFERENCE_NAME: "1"}, APP), folder=tmp_path)
    built, reference = APP.build(), Reference.parse("acme/app:1")
    with opened(tmp_path) as source:
        manifest = Manifest.parse(source.resolve(reference).raw)
        assert source.document(reference, manifest.config).raw == built.config.data
        for layer, blob in zip(manifest.layers, built.layers, strict=True):
            with source.open_blob(reference, layer) as stream:
                assert stream.read(10) + stream.read(2**30) == blob.data
                assert stream.read(10) == b""
            with source.open_blob(reference, layer, 7) as stream:
                assert stream.read(2**30) == blob.data[7:]
            with source.open_blob(reference, layer, 2**40) as stream:
                assert stream.read(1) == b""


def test_layer_of_another_size(tmp_path: Path) -> None:
    named(({REFERENCE_NAME: "1"}, APP), folder=tmp_path)
    reference = Reference.parse("acme/app:1")
    with opened(tmp_path) as source:
        layer = Manifest.parse(source.resolve(reference).raw).layers[0]
        for wrong in (layer.size - 1, layer.size + 1):
            with pytest.raises(SourceFailed) as caught:
                source.open_blob(reference, replace(layer, size=wrong))
            assert caught.value.code == "size-mismatch"
        absent = Descriptor(MediaType.OCI_LAYER, Digest.of(b"none"), 4)
        with pytest.raises(SourceFailed) as caught:
            source.open_blob(reference, absent)
        assert caught.value.code == "source-incomplete"


def test_layer_cut_while_it_is_read_just_ends(tmp_path: Path) -> None:
    named(({REFERENCE_NAME: "1"}, APP), folder=tmp_path)
    reference = Reference.parse("acme/app:1")
    with opened(tmp_path) as source:
        layer = Manifest.parse(source.resolve(reference).raw).layers[0]
        with source.open_blob(reference, layer) as stream:
            assert len(stream.read(100)) == 100
            os.truncate(tmp_path / "blobs/sha256" / layer.digest.hex, 150)
            assert len(stream.read(100)) == 50
            assert stream.read(100) == b""


def test_many_threads(tmp_path: Path) -> None:
    named(({REFERENCE_NAME: "1"}, APP), folder=tmp_path)
    reference, blob = Reference.parse("acme/app:1"), APP.build().layers[0]
    with opened(tmp_path) as source, ThreadPoolExecutor(8) as pool:
        layer = Manifest.parse(source.resolve(reference).raw).layers[0]

        def read(_: int) -> bytes:
            with source.open_blob(reference, layer) as stream:
                return b"".join(iter(lambda: stream.read(97), b""))

        assert set(pool.map(read, range(40))) == {blob.data}


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    named(({REFERENCE_NAME: "1"}, APP), folder=tmp_path)
    before = open_descriptors()
    with opened(tmp_path) as source:
        source.resolve(Reference.parse("acme/app:1"))
    refusal(tmp_path, "acme/other:2")
    (tmp_path / "index.json").write_text("")
    refusal(tmp_path)
    to_fifo(tmp_path / "index.json")
    refusal(tmp_path)
    assert open_descriptors() == before


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.engine
@pytest.mark.parametrize("suffix", ["", ":1", ":acme/app:1", ":docker.io/acme/app:1"])
def test_layout_by_skopeo(tmp_path: Path, suffix: str) -> None:
    write_layout(tmp_path / "source", {"app": APP})
    argv = ["skopeo", "copy", "-q", f"oci:{tmp_path}/source:app", f"oci:{tmp_path}/made{suffix}"]
    subprocess.run(argv, check=True)
    with open_local(OriginKind.OCI, tmp_path / "made", tmp_path) as source:
        assert source.origin == f"oci:{tmp_path}/made"
        document = source.resolve(Reference.parse("acme/app:1"))
    assert document.raw == APP.build().manifest.data


@pytest.mark.engine
def test_multi_platform_layout_by_skopeo(tmp_path: Path) -> None:
    spec: Any = IndexSpec((APP, OTHER))
    write_layout(tmp_path / "source", {"app": spec})
    argv = ["skopeo", "copy", "-q", "--all", f"oci:{tmp_path}/source:app", f"oci:{tmp_path}/made:1"]
    subprocess.run(argv, check=True)
    assert resolve(tmp_path / "made", "acme/app:1") == digest(spec)
