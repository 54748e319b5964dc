"""Blobs in pieces and in the pool of a drive: read as they would be whole, and refused as ever."""

from __future__ import annotations

import errno
import io
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifests.bundle.medium import open_medium
from manifests.bundle.pieces import Joined, piece_name
from manifests.errors import BundleRefused
from manifests.seals.listing import Judge
from manifests.seals.seal import SealedRelease, open_sealed
from tests.manifests.conftest import Signed
from tests.support.bundles import Bundle, make_bundle, new_key
from tests.support.contents import check_contents
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec

IMAGES = {"docker.io/acme/viz:1": ImageSpec((LayerSpec.random(1, 9_000_000),))}


@pytest.fixture
def signed(tmp_path: Path) -> Signed:
    key = new_key(tmp_path / "key")
    return Signed(make_bundle(tmp_path / "usb/viz-1.0.0", IMAGES, key), (key,))


@pytest.fixture
def judge(signed: Signed) -> Judge:
    return signed.judge()


@pytest.fixture
def bundle(signed: Signed) -> Bundle:
    return signed.bundle


def largest(bundle: Bundle) -> Path:
    return bundle.path / max(bundle.files, key=lambda name: len(bundle.files[name]))


def cut(path: Path, size: int) -> None:
    """Put pieces in a file's place."""
    data = path.read_bytes()
    path.unlink()
    for number, start in enumerate(range(0, len(data), size), start=1):
        path.with_name(piece_name(path.name, number)).write_bytes(data[start : start + size])


def to_pool(bundle: Bundle) -> Path:
    shutil.move(bundle.path / "blobs", bundle.path.parent / "blobs")
    return bundle.path.parent / "blobs/sha256"


def read(path: Path, judge: Judge) -> SealedRelease:
    """Believe a bundle to its last byte."""
    medium = open_medium(path)
    try:
        sealed = open_sealed(medium, judge)
        check_contents(sealed, lambda _: None)
        return sealed
    finally:
        medium.close()


def refusal(path: Path, judge: Judge) -> BundleRefused:
    with pytest.raises(BundleRefused) as caught:
        read(path, judge)
    return caught.value


@pytest.mark.parametrize("size", [1_000_000, 8_999_000, 20_000_000])
def test_a_blob_in_pieces_is_the_same_bundle(bundle: Bundle, judge: Judge, size: int) -> None:
    whole = read(bundle.path, judge).sums_digest
    cut(largest(bundle), size)
    assert read(bundle.path, judge).sums_digest == whole


def test_blobs_of_the_pool_whole_and_in_pieces(bundle: Bundle, judge: Judge) -> None:
    whole = read(bundle.path, judge).sums_digest
    blob = to_pool(bundle) / largest(bundle).name
    assert read(bundle.path, judge).sums_digest == whole
    (blob.parent / ("0" * 64)).write_bytes(b"of another release")
    (blob.parent / "link").symlink_to("/dev/zero")
    cut(blob, 5_000_000)
    assert read(bundle.path, judge).sums_digest == whole


def test_a_blob_of_the_folder_comes_before_that_of_the_pool(bundle: Bundle, judge: Judge) -> None:
    shutil.copytree(bundle.path / "blobs", bundle.path.parent / "blobs")
    (bundle.path.parent / "blobs/sha256" / largest(bundle).name).write_bytes(b"other")
    read(bundle.path, judge)


def test_a_lost_piece_is_named(bundle: Bundle, judge: Judge) -> None:
    cut(largest(bundle), 2_000_000)
    gone = next(bundle.path.glob("blobs/sha256/*.002"))
    gone.unlink()
    found = refusal(bundle.path, judge)
    assert found.code == "part-missing"
    assert gone.name in str(found)


def test_a_lost_last_piece(bundle: Bundle, judge: Judge) -> None:
    cut(largest(bundle), 4_000_000)
    next(bundle.path.glob("blobs/sha256/*.003")).unlink()
    assert refusal(bundle.path, judge).code == "size-mismatch"


def test_a_piece_beside_the_whole(bundle: Bundle, judge: Judge) -> None:
    blob = largest(bundle)
    blob.with_name(piece_name(blob.name, 1)).write_bytes(b"x")
    assert refusal(bundle.path, judge).code == "file-extra"


def test_damage_in_a_piece_names_the_bytes_of_the_whole(bundle: Bundle, judge: Judge) -> None:
    cut(largest(bundle), 8_500_000)
    last = next(bundle.path.glob("blobs/sha256/*.002"))
    last.write_bytes(b"!" + last.read_bytes()[1:])
    found = refusal(bundle.path, judge)
    assert (found.code, found.context["offset"]) == ("chunk-damaged", 8 * 1024 * 1024)


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/dev/zero"), os.mkfifo])
@pytest.mark.parametrize("name", ["{}", "{}.002"])
def test_links_and_pipes_in_the_pool(bundle: Bundle, judge: Judge, make: object, name: str) -> None:
    blob = to_pool(bundle) / largest(bundle).name
    cut(blob, 5_000_000)
    odd = blob.with_name(name.format(blob.name))
    odd.unlink(missing_ok=True)
    assert callable(make)
    make(odd)
    assert refusal(bundle.path, judge).code == "entry-not-regular"


def test_a_pool_that_is_a_link_is_none(bundle: Bundle, judge: Judge, tmp_path: Path) -> None:
    to_pool(bundle)
    shutil.move(tmp_path / "usb/blobs", tmp_path / "elsewhere")
    (tmp_path / "usb/blobs").symlink_to(tmp_path / "elsewhere")
    assert refusal(bundle.path, judge).code == "file-missing"


def test_a_drive_that_fails_below_the_pool_is_not_taken_for_one_without_the_blob(
    bundle: Bundle, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob, real = to_pool(bundle) / largest(bundle).name, os.stat

    def stat(path: Path | str, **options: Any) -> os.stat_result:
        if path == blob.name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(path, **options)

    monkeypatch.setattr(os, "stat", stat)
    assert refusal(bundle.path, judge).code == "medium-unreadable"


def test_the_pool_lends_blobs_only(bundle: Bundle, judge: Judge) -> None:
    to_pool(bundle)
    shutil.move(bundle.path / "index.json", bundle.path.parent / "index.json")
    assert refusal(bundle.path, judge).code == "file-missing"


def test_a_file_too_many_in_the_folder(bundle: Bundle, judge: Judge) -> None:
    to_pool(bundle)
    (bundle.path / "blobs/sha256").mkdir(parents=True)
    (bundle.path / "blobs/sha256" / ("0" * 64 + ".001")).write_bytes(b"")
    assert refusal(bundle.path, judge).code == "file-extra"


@given(
    pieces=st.lists(st.binary(max_size=20), min_size=1, max_size=6),
    offset=st.integers(0, 150),
    count=st.integers(0, 50),
)
def test_joined_files_read_as_one(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes], offset: int, count: int
) -> None:
    folder = tmp_path_factory.mktemp("pieces")
    for number, data in enumerate(pieces):
        (folder / str(number)).write_bytes(data)
    whole = b"".join(pieces)
    files = [(folder / str(n)).open("rb", buffering=0) for n in range(len(pieces))]
    with Joined(files) as joined:
        assert joined.read() == whole
        assert joined.seek(offset) == offset
        read = io.BufferedReader(joined).read(count)
        assert read == whole[offset : offset + count]
