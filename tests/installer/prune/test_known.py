"""What an engine told of its images saves asking again, as long as they are listed as they were."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from installer.engines.prunefacts import EngineImage, ListedImage, image_of
from installer.prune.known import FILE, MAX_BYTES, Known
from tests.support.hosts import identity

ENGINE = "1234 /var/lib/docker"
NAME = "docker.io/acme/app:1"
MADE = image_of(
    {
        "Id": str(identity("a")),
        "RepoTags": [NAME],
        "Created": "2026-01-02T03:04:05.123456789Z",
        "Metadata": {"LastTagTime": "2026-02-03T04:05:06.789Z"},
        "Config": {"Labels": {"moonlift.keep": "\x1b[1m"}},
        "RootFS": {"Layers": [str(identity("layer"))]},
    },
    4000,
    {},
)


def images() -> tuple[EngineImage, ...]:
    assert MADE is not None
    bare = image_of({"Id": str(identity("b"))}, 0, {})
    assert bare is not None
    return MADE, bare


def test_what_was_told_is_known_the_next_time_to_the_fraction_of_a_second(tmp_path: Path) -> None:
    Known(tmp_path, ENGINE).keep(images(), {})
    found = Known(tmp_path, ENGINE).images()
    assert tuple(found.values()) == images()
    assert found[str(identity("a"))].created.microsecond == 123456


def test_nothing_is_written_that_is_known_already(tmp_path: Path) -> None:
    known = Known(tmp_path, ENGINE)
    known.keep(images(), {})
    (tmp_path / FILE).unlink()
    built_on = tuple(replace(one, ancestors=frozenset({identity("c")})) for one in images())
    known.keep(built_on, {str(one.identity): one for one in images()})
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("engine", ["1234 /srv/docker", ""])
def test_nothing_is_known_of_another_engine(tmp_path: Path, engine: str) -> None:
    Known(tmp_path, ENGINE).keep(images(), {})
    assert Known(tmp_path, engine).images() == {}
    Known(tmp_path, "").keep(images(), {})
    assert Known(tmp_path, "").images() == {}


def test_a_damaged_file_is_as_none_and_replaced(tmp_path: Path) -> None:
    known = Known(tmp_path, ENGINE)
    for data in (b"", b"{}", b'{"schema":2,"engine":"","images":[]}', b"\xff", b" " * MAX_BYTES):
        (tmp_path / FILE).write_bytes(data + b" ")
        assert known.images() == {}
    known.keep(images(), {})
    assert len(known.images()) == len(images())


def test_a_host_without_a_ledger_gets_no_file(tmp_path: Path) -> None:
    Known(tmp_path / "none", ENGINE).keep(images(), {})
    assert not (tmp_path / "none").exists()


def test_an_image_is_asked_for_again_with_another_name_or_more_content() -> None:
    assert MADE is not None
    listed = ListedImage(str(MADE.identity), (NAME,), 4000)
    assert listed.is_as(replace(MADE, created=datetime(2020, 1, 1, tzinfo=UTC)))
    assert not listed.is_as(None)
    assert not listed.is_as(replace(MADE, names=(NAME, "docker.io/acme/app:2")))
    assert not listed.is_as(replace(MADE, names=()))
    assert not listed.is_as(replace(MADE, size=4001))
