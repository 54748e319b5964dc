"""What is remembered from one run to the next."""

from __future__ import annotations

from pathlib import Path

from installer.prune.seen import FILE, Memory, recall, remember
from tests.support.hosts import NOW, ago, identity

A, B, C = (identity(name) for name in "abc")


def test_the_first_sight_and_the_last_use_are_kept(tmp_path: Path) -> None:
    first = Memory().after({A, B}, {A}, ago(9))
    remember(tmp_path, first)
    second = recall(tmp_path).after({A, B, C}, {B, C}, NOW)
    assert second.first == {A: ago(9), B: ago(9), C: NOW}
    assert second.used == {A: ago(9), B: NOW, C: NOW}


def test_what_is_gone_is_forgotten(tmp_path: Path) -> None:
    remember(tmp_path, Memory().after({A, B}, {A, B}, ago(9)))
    assert recall(tmp_path).after({B}, set(), NOW) == Memory({B: ago(9)}, {B: ago(9)})


def test_a_clock_that_went_back_makes_nothing_younger(tmp_path: Path) -> None:
    remember(tmp_path, Memory().after({A}, set(), NOW))
    assert recall(tmp_path).after({A}, set(), ago(5)).first == {A: ago(5)}


def test_a_damaged_file_is_as_none(tmp_path: Path) -> None:
    assert recall(tmp_path) == Memory()
    for data in (b"", b"{}", b'{"schema":2,"images":[]}', b"\xff" * 10):
        (tmp_path / FILE).write_bytes(data)
        assert recall(tmp_path) == Memory()
    assert recall(tmp_path / "missing") == Memory()
