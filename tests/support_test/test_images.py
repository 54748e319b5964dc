"""Made images are deterministic and say what the specifications say."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest
import zstandard

from tests.support.images import ImageSpec, IndexSpec
from tests.support.layers import Compression, File, LayerSpec, noise, prose
from tests.support.publish import docker_archive, write_layout

APP = ImageSpec((LayerSpec({"etc/motd": b"hello\n"}), LayerSpec.random(1, 5000)), cmd=("cat",))


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def test_same_spec_same_bytes() -> None:
    assert APP.build() == APP.build()


def test_digests_chain_from_manifest_to_files() -> None:
    built = APP.build()
    manifest = json.loads(built.manifest.data)
    config = json.loads(built.config.data)
    assert manifest["config"]["digest"] == sha256(built.config.data)
    assert [entry["digest"] for entry in manifest["layers"]] == [b.digest for b in built.layers]
    tars = [gzip.decompress(blob.data) for blob in built.layers]
    assert config["rootfs"]["diff_ids"] == list(map(sha256, tars)) == list(built.diff_ids)
    with tarfile.open(fileobj=io.BytesIO(tars[0])) as archive:
        member = archive.extractfile("etc/motd")
        assert member is not None
        assert member.read() == b"hello\n"


@pytest.mark.parametrize("compression", ["gzip", "zstd", "none"])
def test_compression_changes_the_digest_but_not_the_diff_id(compression: Compression) -> None:
    plain = LayerSpec({"a": b"x" * 1000})
    built = ImageSpec((plain.stored_as(compression),)).build()
    assert built.diff_ids == ImageSpec((plain,)).build().diff_ids
    data = built.layers[0].data
    assert sha256(unpacked(data, compression)) == built.diff_ids[0]
    assert built.layers[0].media_type.endswith({"none": "tar"}.get(compression, compression))


def unpacked(data: bytes, compression: Compression) -> bytes:
    match compression:
        case "gzip":
            return gzip.decompress(data)
        case "zstd":
            return zstandard.ZstdDecompressor().decompress(data)
        case "none":
            return data


def test_noise_stays_and_prose_shrinks() -> None:
    assert len(gzip.compress(noise(1, 100_000))) > 99_000
    assert 20_000 < len(gzip.compress(prose(1, 100_000))) < 50_000
    assert len(prose(1, 100_001)) == 100_001


def test_layers_hold_links_folders_and_modes() -> None:
    layer = LayerSpec(
        {"d/": File(folder=True, mode=0o700), "d/l": File(link="../t"), "x": File(b"#!", 0o755)}
    )
    with tarfile.open(fileobj=io.BytesIO(layer.tar())) as archive:
        folder, link, program = archive.getmembers()
    assert folder.isdir()
    assert link.linkname == "../t"
    assert program.mode == 0o755


def test_index_lists_platforms_and_attestations() -> None:
    built = IndexSpec((APP, APP.on("linux/arm64/v8")), attestations=True).build()
    entries = json.loads(built.index.data)["manifests"]
    assert [e["platform"]["architecture"] for e in entries] == [
        "amd64",
        "arm64",
        "unknown",
        "unknown",
    ]
    assert entries[1]["platform"]["variant"] == "v8"
    points_to = entries[2]["annotations"]["vnd.docker.reference.digest"]
    assert points_to == entries[0]["digest"] == built.images[0].manifest.digest


def test_layout_has_every_blob(tmp_path: Path) -> None:
    built = write_layout(tmp_path, {"acme/app:1": APP, "all": IndexSpec((APP,))})
    index = json.loads((tmp_path / "index.json").read_bytes())
    assert len(index["manifests"]) == 2
    for blob in built["all"].blobs:
        assert (tmp_path / "blobs/sha256" / blob.digest[7:]).read_bytes() == blob.data


def test_docker_archive_names_every_file() -> None:
    with tarfile.open(fileobj=io.BytesIO(docker_archive({"acme/app:1": APP}))) as archive:
        names = archive.getnames()
        manifest = archive.extractfile("manifest.json")
        assert manifest is not None
        (entry,) = json.load(manifest)
    assert names[-1] == "manifest.json"
    assert {entry["Config"], *entry["Layers"]} == set(names[:-1])
