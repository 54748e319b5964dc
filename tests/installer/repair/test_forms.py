"""Repair of every form of a bundle: tar, parts, a release on a drive; drives that give up."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from installer.repair import segments
from installer.repair.segments import SECTOR, Segment, Segments, cut
from manifests.bundle.pieces import piece_name
from tests.bundler.drive.conftest import Stick
from tests.installer.repair.conftest import Bench, contents
from tests.support.media import Format, mounted
from tests.support.tamper import EACH_FILE, copy_of

MB = 1_000_000


@pytest.fixture
def tar(bench: Bench) -> Path:
    return bench.good.write_tar(bench.root / "viz.tar")


def spoil(path: Path, start: int, length: int) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(random.Random(start).randbytes(length))


def papers_end(bench: Bench) -> int:
    """Return how much of a tar the papers take, which parity can't restore."""
    names = ("SHA256SUMS", "SHA256SUMS.1.sig", "release.json")
    return sum(len(bench.good.files[name]) + 1024 for name in names)


def test_a_tar_is_repaired_in_place_headers_and_all(bench: Bench, tar: Path) -> None:
    spoil(tar, papers_end(bench) + 100, MB)
    spoil(tar, tar.stat().st_size - 50_000, 50_000)
    said = bench.repair("--in-place", bundle=tar)
    assert said.code == 0, said.out
    assert tar.read_bytes() == bench.good.tar()
    assert bench.run("verify", tar).code == 0


def test_a_tar_is_repaired_into_a_folder(bench: Bench, tar: Path) -> None:
    spoil(tar, 5 * MB, MB)
    before = tar.read_bytes()
    assert bench.repair("-o", bench.out, bundle=tar).code == 0
    assert bench.is_whole(bench.out)
    assert tar.read_bytes() == before


@pytest.mark.parametrize("cut_off", [1, 500_000])
def test_a_tar_that_is_cut_short_is_completed(bench: Bench, tar: Path, cut_off: int) -> None:
    os.truncate(tar, tar.stat().st_size - cut_off)
    assert bench.repair("--in-place", bundle=tar).code == 0
    assert tar.read_bytes() == bench.good.tar()


def test_the_beginning_of_a_tar_comes_from_another(bench: Bench, tar: Path) -> None:
    other = bench.good.write_tar(bench.root / "other.tar")
    spoil(tar, 0, 200_000)
    spoil(other, 6 * MB, MB)
    assert bench.repair("--in-place", bundle=tar).json["error"]["code"] == "repair-papers"
    said = bench.repair("--in-place", "--from", other, bundle=tar)
    assert said.code == 0, said.out
    assert tar.read_bytes() == bench.good.tar()


def headers_of(bench: Bench) -> dict[str, int]:
    """Return where the header before each paper of the tar is."""
    found, at = {}, 0
    for name in ("SHA256SUMS", "SHA256SUMS.1.sig", "release.json"):
        found[name] = at
        at += 512 + -(-len(bench.good.files[name]) // 512) * 512
    return found


@pytest.mark.parametrize(
    "names",
    [("SHA256SUMS",), ("SHA256SUMS.1.sig",), ("release.json",), ("SHA256SUMS", "release.json")],
    ids=" and ".join,
)
@pytest.mark.parametrize("lost", ["zeros", "noise"])
@pytest.mark.parametrize("parted", [False, True], ids=["tar", "parts"])
def test_a_damaged_header_before_a_paper_needs_no_copy(
    bench: Bench, names: Sequence[str], lost: str, *, parted: bool
) -> None:
    whole = bench.root / "viz.tar"
    path = bench.good.write_parts(whole, 500_000) if parted else bench.good.write_tar(whole)
    before = path.read_bytes()
    for name in names:
        with path.open("r+b") as file:
            file.seek(headers_of(bench)[name])
            file.write(bytes(512) if lost == "zeros" else random.Random(1).randbytes(512))
    spoil(path, 300_000, 10_000)
    said = bench.repair("--in-place", bundle=path)
    assert said.code == 0, said.out
    assert said.json["papers_from_copies"] == []
    assert path.read_bytes() == before
    assert bench.run("verify", path).code == 0


@pytest.mark.parametrize("first", ["SHA256SUMS", "SHA256SUMS.1.sig"])
def test_two_damaged_headers_one_after_the_other_do(bench: Bench, tar: Path, first: str) -> None:
    at = list(headers_of(bench))
    for name in at[at.index(first) : at.index(first) + 2]:
        spoil(tar, headers_of(bench)[name], 512)
    assert bench.repair("--in-place", bundle=tar).json["error"]["code"] == "repair-papers"
    other = bench.good.write_tar(bench.root / "other.tar")
    assert bench.repair("--in-place", "--from", other, bundle=tar).code == 0
    assert tar.read_bytes() == bench.good.tar()


@pytest.mark.parametrize("lost", [(2,), (5, 7), (11,)])
def test_lost_parts_come_back(bench: Bench, lost: Sequence[int]) -> None:
    first = bench.good.write_parts(bench.root / "viz.tar", 500_000)
    before = {path.name: path.read_bytes() for path in bench.root.glob("viz.tar.*")}
    for number in lost:
        first.with_name(f"viz.tar.{number:03d}").unlink()
    said = bench.repair("--in-place", bundle=first)
    assert said.code == 0, said.out
    assert {path.name: path.read_bytes() for path in bench.root.glob("viz.tar.*")} == before


def on_a_drive(bench: Bench) -> Path:
    """Move the blobs of the damaged copy into a pool, the largest in pieces of 3 MB."""
    pool = bench.root / "usb/blobs/sha256"
    (bench.bad / "blobs").rename(bench.root / "usb/blobs")
    path = max(pool.iterdir(), key=lambda one: one.stat().st_size)
    data = path.read_bytes()
    for number, start in enumerate(range(0, len(data), 3 * MB), start=1):
        path.with_name(piece_name(path.name, number)).write_bytes(data[start : start + 3 * MB])
    path.unlink()
    return path


@pytest.mark.parametrize("number", [1, 2, 4])
@pytest.mark.parametrize("kind", ["remove", pytest.param("truncate", marks=pytest.mark.long)])
def test_pieces_in_a_pool_come_back(bench: Bench, number: int, kind: str) -> None:
    blob = on_a_drive(bench)
    other = bench.copy("other")
    before = contents(bench.root / "usb")
    EACH_FILE[kind](blob.with_name(piece_name(blob.name, number)))
    said = bench.repair("--in-place", "--from", other)
    assert said.code == 0, said.out
    assert contents(bench.root / "usb") == before
    assert bench.run("verify", bench.bad).code == 0


def test_a_missing_blob_goes_where_the_others_are(bench: Bench) -> None:
    on_a_drive(bench)
    small = min((bench.root / "usb/blobs/sha256").iterdir(), key=lambda one: one.stat().st_size)
    before = contents(bench.root / "usb")
    small.unlink()
    assert bench.repair("--in-place").code == 0
    assert contents(bench.root / "usb") == before


def test_what_a_drive_can_not_read_is_restored_and_the_rest_is_used(bench: Bench) -> None:
    """Reads that touch one of some sectors fail, whatever else they ask for."""
    real, bad = os.preadv, {3 * MB // SECTOR, 9 * MB // SECTOR}
    failed: list[int] = []

    def preadv(descriptor: int, buffers: Sequence[memoryview], offset: int) -> int:
        path = str(Path(f"/proc/self/fd/{descriptor}").readlink())
        end = offset + sum(map(len, buffers))
        if path.startswith(str(bench.bad)) and any(
            offset < (one + 1) * SECTOR and one * SECTOR < end for one in bad
        ):
            failed.append(offset)
            raise OSError(errno.EIO, "Input/output error")
        return real(descriptor, buffers, offset)

    with patch.object(os, "preadv", preadv):
        said = bench.repair("-o", bench.out)
    assert said.code == 0, said.out
    assert failed
    assert bench.is_whole(bench.out)


def test_a_medium_that_forgets_is_told(bench: Bench) -> None:
    (bench.bad / "index.json").unlink()
    with patch.object(segments, "_write", lambda *_: None):
        said = bench.repair("--in-place")
    assert (said.code, said.json["error"]["code"]) == (11, "repair-write")


def test_a_repair_that_breaks_off_is_completed_by_the_next(bench: Bench) -> None:
    for name in ("index.json", "manifest.json", "parity/002", "SHA256SUMS.1.sig"):
        (bench.bad / name).unlink()
    other, real, calls = bench.copy("other"), segments._write, iter(range(9))

    def write(descriptor: int, offset: int, view: memoryview) -> None:
        if next(calls) == 2:
            raise OSError(errno.EIO, "Input/output error")
        real(descriptor, offset, view)

    with patch.object(segments, "_write", write):
        said = bench.repair("--in-place", "--from", other)
    assert said.json["error"]["code"] == "repair-write"
    assert not (bench.bad / "SHA256SUMS.1.sig").exists()
    assert bench.repair("--in-place", "--from", other).code == 0
    assert bench.is_whole(bench.bad)


def test_a_full_temporary_folder_is_told(bench: Bench) -> None:
    (bench.bad / "index.json").unlink()
    full = OSError(errno.ENOSPC, "No space left on device")
    with patch("installer.repair.mended.os.pwrite", side_effect=full):
        said = bench.repair("--in-place")
    assert said.json["error"]["code"] == "repair-room"
    assert "TMPDIR" in said.json["error"]["hint"]


@given(
    st.lists(st.tuples(st.integers(0, 11_000_000), st.integers(1, 60_000)), max_size=12),
    st.sets(st.integers(1, 25), max_size=3),
)
@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_damage_is_restored_or_refused_and_never_makes_other_bytes(
    bench: Bench, places: list[tuple[int, int]], columns: set[int]
) -> None:
    name = f"try{len(list(bench.root.iterdir()))}"
    tar = bench.good.write_tar(bench.root / f"{name}.tar")
    for at, length in places:
        spoil(tar, papers_end(bench) + at, min(length, 11_000_000 - at + 1))
    folder = copy_of(bench.good.path, bench.root / f"{name}-folder")
    for column in columns:
        (folder / f"parity/{column:03d}").write_bytes(b"")
    out = bench.root / f"{name}-out"
    said = bench.repair("-o", out, "--from", folder, bundle=tar)
    assert said.code == 0, said.out
    if not said.json["whole"]:
        assert contents(out) == dict(bench.good.files)
    alone = bench.repair("--in-place", bundle=tar)
    if alone.code:
        assert alone.json["error"]["code"] == "repair-impossible"
    else:
        assert tar.read_bytes() == bench.good.tar()


@given(st.integers(1, 500), st.integers(1, 60), st.data())
def test_sizes_of_pieces_are_found_again(total: int, unit: int, data: st.DataObject) -> None:
    sizes = cut({}, total) if total <= unit else cut({1: unit}, total)
    assert sum(sizes) == total
    numbered = dict(enumerate(sizes, start=1))
    kept = data.draw(st.sets(st.sampled_from(sorted(numbered)), min_size=1))
    if any(numbered[number] == unit for number in kept) or len(sizes) == 1:
        assert cut({number: numbered[number] for number in kept}, total) == sizes


@given(st.lists(st.binary(max_size=9), max_size=5), st.integers(0, 50), st.integers(0, 50))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_joined_files_are_read_as_one_with_zeros_where_they_end(
    tmp_path: Path, pieces: list[bytes], offset: int, length: int
) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    try:
        for number, data in enumerate(pieces):
            (tmp_path / str(number)).write_bytes(data)
        parts = tuple(Segment(folder, str(n), len(data)) for n, data in enumerate(pieces))
        view = memoryview(bytearray(b"x" * length))
        Segments(parts).read(offset, view)
        joined = b"".join(pieces) + bytes(120)
        assert bytes(view) == joined[offset : offset + length]
    finally:
        os.close(folder)


@pytest.mark.engine
@pytest.mark.parametrize("form", [Format.FAT32, Format.EXFAT])
def test_a_release_on_a_real_drive_is_repaired_where_it_lies(bench: Bench, form: Format) -> None:
    with mounted(form, bench.root / "real", 64) as drive:
        Stick(drive, bench.key).put(bench.good.path)
        folder = drive / "viz-1.0.0"
        blob = max((drive / "blobs/sha256").iterdir(), key=lambda one: one.stat().st_size)
        before = contents(drive)
        spoil(blob, 4 * MB, 500_000)
        os.truncate(folder / "parity/007", 10)
        (folder / "files/compose.yaml").unlink()
        (folder / "oci-layout").unlink()
        said = bench.repair("--in-place", bundle=folder)
        assert said.code == 0, said.out
        assert contents(drive) == before
        assert bench.run("verify", folder).code == 0
