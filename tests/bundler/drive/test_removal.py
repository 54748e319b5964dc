"""Old releases on a drive: which may go, which stay, and what goes with them."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from bundler.drive.put import DriveReport
from manifests.errors import MoonliftError
from tests.bundler.builds import Cli
from tests.bundler.drive.conftest import Stick, names_in, release
from tests.support.bundles import Bundle, SigningKey
from tests.support.media import Format, mounted

Made = dict[int, Bundle]


def age(root: Path, hours: int = 5) -> None:
    """Let everything on a drive have arrived some hours ago."""
    then = time.time() - hours * 3600
    for path in root.rglob("*"):
        os.utime(path, (then, then))


def removed(report: DriveReport) -> set[str]:
    return {item.candidate.identity for item in report.removed}


@pytest.fixture
def full(stick: Stick, made: Made, key: SigningKey, tmp_path: Path) -> Stick:
    """Three releases of one product and one of another, all some hours old."""
    for number in (1, 2, 3):
        stick.put(made[number].path)
    stick.put(release(tmp_path, key, 7, product="web").path)
    age(stick.root)
    return stick


def test_all_but_the_newest_two_go_with_what_only_they_have(full: Stick, made: Made) -> None:
    pool = names_in(full.pool)
    report = full.put(made[4].path, remove_old=1)
    assert removed(report) == {"viz-1.1.0", "viz-1.2.0"}
    for name in ("viz-1.3.0", "viz-1.4.0", "web-1.7.0"):
        full.check(name)
    listed = {path.name for path in full.root.iterdir()}
    assert not listed & removed(report)
    gone = pool - names_in(full.pool)
    own = {blob.digest.hex for number in (1, 2) for blob in made[number].release.blobs()}
    kept = {blob.digest.hex for number in (3, 4) for blob in made[number].release.blobs()}
    assert gone == own - kept
    assert sum(item.frees for item in report.removed) > 600_000
    assert "viz-1.1.0" not in (full.root / "START-HERE.txt").read_text()


def test_nothing_goes_unasked(full: Stick, made: Made) -> None:
    assert not full.put(made[4].path).removed
    full.check("viz-1.1.0")


def test_what_has_just_arrived_stays(stick: Stick, made: Made) -> None:
    for number in (1, 2, 3):
        stick.put(made[number].path)
    assert not stick.put(made[4].path, remove_old=1).removed


def test_an_older_release_does_not_push_out_newer_ones(full: Stick, made: Made) -> None:
    assert removed(full.put(made[1].path, remove_old=1)) == set()
    full.check("viz-1.3.0")


def test_what_interrupted_runs_have_left_goes(full: Stick, made: Made) -> None:
    for name in ("0" * 64, "1" * 64 + ".partial", "2" * 64 + ".001"):
        (full.pool / name).write_bytes(b"left")
    age(full.root)
    report = full.put(made[3].path, remove_old=1)
    assert {Path(one).name[:1] for one in removed(report) if "/" in one} == {"0", "1", "2"}


def test_a_folder_that_can_not_be_read_keeps_every_blob(full: Stick, made: Made) -> None:
    (full.root / "viz-1.1.0/SHA256SUMS").write_bytes(b"?")
    (full.pool / ("0" * 64)).write_bytes(b"whose?")
    age(full.root)
    pool = names_in(full.pool)
    report = full.put(made[4].path, remove_old=1)
    assert removed(report) == {"viz-1.2.0"}
    assert pool <= names_in(full.pool)


@pytest.mark.engine
def test_room_is_made_first_where_it_is_needed(made: Made, key: SigningKey, tmp_path: Path) -> None:
    with mounted(Format.TMPFS, tmp_path, 20) as drive:
        stick = Stick(drive, key)
        for number in (1, 2, 3):
            stick.put(made[number].path)
        age(drive)
        with (drive / "other").open("wb") as file:
            left = os.statvfs(drive).f_bavail * os.statvfs(drive).f_frsize
            file.write(bytes(left - 1_100_000))
        with pytest.raises(MoonliftError) as caught:
            stick.put(made[4].path)
        assert (caught.value.code, caught.value.exit_code) == ("drive-full", 21)
        assert removed(stick.put(made[4].path, remove_old=1)) == {"viz-1.1.0", "viz-1.2.0"}
        stick.check("viz-1.4.0")


def test_it_is_shown_first_and_needs_a_yes(full: Stick, made: Made, bundle: Cli) -> None:
    said = bundle("drive", made[4].path, full.root, "--remove-old")
    assert said.code == 2
    assert "not-a-terminal" in said.err
    assert "viz 1.1.0" in said.out
    full.check("viz-1.1.0")
    assert not (full.root / "viz-1.4.0").exists()
    said = bundle("drive", made[4].path, full.root, "--remove-old", "--yes", "--json")
    assert len(json.loads(said.out)["removed"]) == 2
