"""Which images a list names, and where."""

from __future__ import annotations

import io
import sys
import types
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bundler.discover import imagelist
from bundler.discover.folder import DiskFolder
from bundler.discover.found import Found
from manifests.appmanifest.sources import ListSource

INPUTS = DiskFolder(Path(__file__).parent / "inputs/list")
DIGEST = "0123456789abcdef" * 4


def read(*paths: str, folder: DiskFolder = INPUTS) -> Found:
    """What lists tell."""
    return imagelist.discover(ListSource(list=paths), folder)


def read_bytes(data: bytes, folder: Path) -> Found:
    """What one list tells."""
    (folder / "images.txt").write_bytes(data)
    return read("images.txt", folder=DiskFolder(folder))


def test_a_list_may_have_comments_blank_lines_and_the_line_ends_of_windows() -> None:
    found = read("windows.txt")
    assert not found.problems
    assert [(one.place.line, one.place.column, one.written) for one in found.mentions] == [
        (2, 1, "nginx:1.27"),
        (4, 3, f"ghcr.io/viz/api@sha256:{DIGEST}"),
        (6, 1, "localhost:5000/a_b/c:v1#2"),
    ]


def test_each_line_that_names_no_image_is_told_with_its_line() -> None:
    found = read("mistakes.txt")
    assert [one.written for one in found.mentions] == ["alpine:3.20", "busybox"]
    assert [str(one.place) for one in found.problems] == [
        "mistakes.txt:2",
        "mistakes.txt:3",
        "mistakes.txt:4",
        "mistakes.txt:5",
    ]
    assert (
        found.problems[0].hint == "write each image on a line of its own, and '#' before a comment"
    )


def test_a_list_can_come_from_the_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = types.SimpleNamespace(buffer=io.BytesIO(b"alpine\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert [str(one.place) for one in read("-").mentions] == ["-:1"]


@pytest.mark.parametrize(
    ("data", "line", "reason"),
    [
        ("alpine".encode("utf-16"), 1, "expected UTF-8, found UTF-16"),
        (b"alpine\nbusybox\0\n", 2, "control character U+0000 is not allowed"),
        (b"\xff\n", 1, "expected UTF-8, found byte 0xff"),
    ],
)
def test_what_is_no_text_is_told(data: bytes, line: int, reason: str, tmp_path: Path) -> None:
    found = read_bytes(data, tmp_path)
    assert [(one.place.line, one.message) for one in found.problems] == [(line, reason)]


def test_a_list_that_is_not_there_or_too_large_is_told(tmp_path: Path) -> None:
    assert read("none.txt").problems[0].code == "list-unreadable"
    found = read_bytes(b"a\n" * 6_000_000, tmp_path)
    assert "larger than 1048576 bytes" in found.problems[0].message


def test_a_list_of_mistakes_tells_the_first_hundred(tmp_path: Path) -> None:
    problems = read_bytes(b"a b\n" * 1000, tmp_path).problems
    assert len(problems) == 101
    assert problems[-1].message.startswith("more from here on")


@pytest.mark.property
@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["nginx:1", " ", "#", "\t", "\r", "a b", "docker://", "é"])))
def test_no_line_is_lost(lines: list[str]) -> None:
    found = imagelist._lines("list", "\n".join(lines))
    written = [number for number, line in enumerate(lines, 1) if line.split("#")[0].strip()]
    named = [one.place.line for one in found.mentions]
    told = [one.place.line for one in found.problems]
    assert sorted(named + told) == written
