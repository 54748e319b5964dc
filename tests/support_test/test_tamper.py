"""Each kind of damage does what its name says, and no more."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.support.tamper import EACH_FILE, add, copy_of, files_of, swap

CONTENT = bytes(range(9))


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    (folder / "blobs").mkdir(parents=True)
    (folder / "a").write_bytes(CONTENT)
    (folder / "blobs/b").write_bytes(b"other")
    return folder


@pytest.mark.parametrize("kind", EACH_FILE)
def test_damage_touches_one_file(bundle: Path, tmp_path: Path, kind: str) -> None:
    damaged = copy_of(bundle, tmp_path / "damaged")
    EACH_FILE[kind](damaged / "a")
    assert (damaged / "blobs/b").read_bytes() == b"other"
    assert (bundle / "a").read_bytes() == CONTENT
    found = (damaged / "a").lstat() if kind != "remove" else None
    assert found is None or not stat.S_ISREG(found.st_mode) or _differs(damaged / "a")


def _differs(path: Path) -> bool:
    return path.read_bytes() != CONTENT


def test_flip_keeps_size_and_time(bundle: Path) -> None:
    before = (bundle / "a").stat()
    EACH_FILE["flip"](bundle / "a")
    after = (bundle / "a").stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert (bundle / "a").read_bytes() == bytes([0, 1, 2, 3, 5, 5, 6, 7, 8])


def test_swap_and_add(bundle: Path) -> None:
    swap(bundle / "a", bundle / "blobs/b")
    assert (bundle / "a").read_bytes() == b"other"
    add(bundle, "files/x")
    assert files_of(bundle) == ["a", "blobs/b", "files/x"]
