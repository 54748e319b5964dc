"""Room: what is written where, at what height, on which file system; and how it is found out."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installer.engines.base import EngineInfo, Store
from installer.planning.filesystems import file_system_of, mount_of, places_of, read_mounts
from installer.planning.space import (
    SPACE_FACTOR,
    SPACE_MARGIN,
    FileSystem,
    Purpose,
    Room,
    Writing,
    lacking,
    reckon,
)

MIB = 1024 * 1024
ROOT = FileSystem("/dev/a", "/dev/a", "/", "ext4", free=1000 * MIB, total=2000 * MIB)
DATA = FileSystem("/dev/b", "/dev/b", "/data", "xfs", free=10 * MIB, total=2000 * MIB)
MOUNTINFO = r"""
21 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
35 21 8:17 / /media/my\040drive rw shared:2 - vfat /dev/sdb1 rw
36 21 0:40 /sub /data rw - btrfs /dev/sdc1 rw,subvol=/sub
37 21 0:41 / /data/tmp rw - tmpfs tmpfs rw
a line that is none
"""


def room(*written: Writing) -> Room:
    return reckon(written, lambda path: DATA if str(path).startswith("/data") else ROOT)


def writing(purpose: Purpose, path: str, *mib: int) -> Writing:
    return Writing(purpose, Path(path), tuple(size * MIB for size in mib))


def need(mib: float) -> int:
    return int(mib * MIB * SPACE_FACTOR) + SPACE_MARGIN


def test_a_passing_copy_counts_beside_what_stayed_so_far() -> None:
    found = room(
        writing(Purpose.TEMPORARY, "/tmp", 100, 40), writing(Purpose.STORE, "/var", 100, 40)
    )
    (demand,) = found.demands
    assert demand.need == need(200)  # the first image twice; later 100 + 40 + 40
    assert found.written(Purpose.TEMPORARY) == found.written(Purpose.STORE) == 140 * MIB
    assert [one.height for one in found.writings] == [100 * MIB, 140 * MIB]


def test_each_file_system_has_its_own_height() -> None:
    found = room(writing(Purpose.TEMPORARY, "/data/tmp", 9, 4), writing(Purpose.STORE, "/v", 9, 4))
    assert {one.system.mount: one.need for one in found.demands} == {
        "/data": need(9),
        "/": need(13),
    }
    (problem,) = lacking(found)
    assert problem.code == "no-space"
    assert "/data (/dev/b)" in str(problem)
    assert problem.context["free"] == 10 * MIB


def test_every_file_system_that_is_too_small_is_told() -> None:
    found = room(writing(Purpose.TEMPORARY, "/data", 500), writing(Purpose.STORE, "/v", 5000))
    assert [one.context["root"] for one in lacking(found)] == ["/data", "/"]


def test_places_that_can_not_be_seen_are_told_and_keep_nobody() -> None:
    found = reckon((Writing(Purpose.STORE, None, (5,)),), lambda _: ROOT)
    assert [one.purpose for one in found.unseen] == [Purpose.STORE]
    assert list(lacking(found)) == []


@given(st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), min_size=1, max_size=9))
def test_the_height_is_reached_and_never_passed(steps: list[tuple[int, int]]) -> None:
    """By acting it out: copy, unpack, drop the copy."""
    passing, lasting = zip(*steps, strict=True)
    held = highest = 0
    for copied, kept in steps:
        held += kept
        highest = max(highest, held + copied)
    found = room(
        Writing(Purpose.TEMPORARY, Path("/t"), passing), Writing(Purpose.STORE, Path("/s"), lasting)
    )
    wanted = [int(highest * SPACE_FACTOR) + SPACE_MARGIN] if highest else []
    assert [one.need for one in found.demands] == wanted


@pytest.mark.parametrize(
    ("path", "point"),
    [
        ("/", "/"),
        ("/media/my drive/viz", "/media/my drive"),
        ("/media/my", "/"),
        ("/data", "/data"),
        ("/data/tmp/x", "/data/tmp"),
        ("/database", "/"),
    ],
)
def test_the_longest_mount_point_counts(tmp_path: Path, path: str, point: str) -> None:
    file = tmp_path / "mountinfo"
    file.write_text(MOUNTINFO)
    mount = mount_of(path, read_mounts(file))
    assert mount is not None
    assert mount.point == point


def test_parts_of_one_device_are_one_file_system(tmp_path: Path) -> None:
    file = tmp_path / "mountinfo"
    file.write_text(MOUNTINFO)
    assert [one.key for one in read_mounts(file)] == ["/dev/sda2", "/dev/sdb1", "/dev/sdc1", "0:41"]


def test_says_of_a_file_system_what_df_says(tmp_path: Path) -> None:
    found = file_system_of(tmp_path / "not" / "there" / "yet")
    assert found is not None
    words = ["df", "--output=source,target", str(tmp_path)]
    source, target = (
        subprocess.run(words, check=True, capture_output=True, text=True)
        .stdout.splitlines()[1]
        .split()
    )
    assert (found.device, found.mount) == (source, target)
    status = os.statvfs(tmp_path)
    assert found.total == status.f_blocks * status.f_frsize


def test_where_engines_write(tmp_path: Path) -> None:
    def info(store: Store) -> EngineInfo:
        return EngineInfo("docker", "26", store, "overlay2", None, tmp_path)

    graph = places_of(info(Store.GRAPH_DRIVER))
    assert (graph.temporary, graph.store) == (tmp_path / "tmp", tmp_path / "overlay2")
    (tmp_path / "containerd").mkdir()
    assert places_of(info(Store.CONTAINERD)).store == tmp_path / "containerd"
    assert places_of(info(Store.LAYOUT)).store == tmp_path
