"""Numbered parts: what is written over several files reads as one."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundler.writing.parts import MAX_PARTS, MIN_PART, PartWriter, check_part_count
from manifests.errors import UsageError
from tests.support.layers import noise


@pytest.mark.property
@settings(deadline=None, max_examples=25)
@given(
    pieces=st.lists(st.integers(0, 700_000), max_size=6),
    part_size=st.integers(MIN_PART, MIN_PART + 300_000),
)
def test_parts_put_together_are_what_was_written(pieces: list[int], part_size: int) -> None:
    data = [noise(number, size) for number, size in enumerate(pieces)]
    with TemporaryDirectory() as folder, PartWriter(Path(folder), "x.tar", part_size) as out:
        for piece in data:
            out.write(piece)
        paths = [Path(folder) / name for name in out.names]
        assert b"".join(path.read_bytes() for path in paths) == b"".join(data)
        assert all(path.stat().st_size == part_size for path in paths[:-1])
        assert out.names == [f"x.tar.{n:03d}" for n in range(1, len(paths) + 1)]
        assert sum(pieces) == 0 or paths[-1].stat().st_size > 0


def test_without_a_size_there_is_one_file(tmp_path: Path) -> None:
    with PartWriter(tmp_path, "x.tar", None) as out:
        out.write(b"one")
        out.write(memoryview(b"two"))
    assert out.names == ["x.tar"]
    assert (tmp_path / "x.tar").read_bytes() == b"onetwo"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(b"mine")
    with PartWriter(tmp_path, "x.tar", None) as out, pytest.raises(FileExistsError):
        out.write(b"one")
    assert (tmp_path / "x.tar").read_bytes() == b"mine"


def test_parts_too_small_or_too_many_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"{MIN_PART} bytes or more, found 0"):
        PartWriter(tmp_path, "x.tar", 0)
    check_part_count(MIN_PART * MAX_PARTS, MIN_PART)
    check_part_count(2**60, None)
    with pytest.raises(UsageError, match=f"at most {MAX_PARTS} parts, found {MAX_PARTS + 1}"):
        check_part_count(MIN_PART * MAX_PARTS + 1, MIN_PART)
