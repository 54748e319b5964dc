"""Bundles on a drive: what is copied, what is not, what is refused, what a reader finds there."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import Mock, patch

import pytest

from bundler.drive.readback import MediumReader
from bundler.drive.run import planned
from manifests.digest import Digest
from manifests.errors import BundleRefused, MoonliftError
from tests.bundler.builds import Cli
from tests.bundler.drive.conftest import CHUNK, Stick, names_in, release
from tests.support.bundles import Bundle, Facts, SigningKey, make_bundle
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.media import Format, mounted
from tests.support.tamper import copy_of, files_of, flip, flip_last

Made = dict[int, Bundle]


def identity(bundle: Bundle) -> str:
    return str(Digest.of((bundle.path / "SHA256SUMS").read_bytes()))


def refusal(stick: Stick, source: Path, **options: int) -> MoonliftError:
    with pytest.raises(MoonliftError) as caught:
        stick.put(source, None, **options)
    return caught.value


def test_a_bundle_keeps_its_identity(stick: Stick, made: Made) -> None:
    report = stick.put(made[1].path)
    assert stick.check("viz-1.1.0") == identity(made[1])
    assert sorted(names_in(stick.root)) == ["START-HERE.txt", "blobs", "moonlift.sh", "viz-1.1.0"]
    assert report.written == sum(made[1].release.sizes().values())
    assert report.read_back >= report.written
    assert not [name for name in files_of(stick.root) if name.endswith(".partial")]


WRITTEN = ("SHA256SUMS", "release.json", "files/compose.yaml", "")
"""Files of a release; the last is its largest blob."""


@pytest.mark.parametrize(
    ("at", "lost"),
    [(at, lost) for at in (1, 2) for lost in WRITTEN] + [(2, "SHA256SUMS.1.sig")],
)
def test_what_only_the_memory_had_is_missed(stick: Stick, made: Made, at: int, lost: str) -> None:
    """A drive takes a name and never writes it: it is gone when the kernel looks again."""
    calls = iter((1, 2))
    victim = stick.root / "viz-1.1.0" / lost if lost else stick.large(made[1])

    def look_again(*_: object) -> bool:
        if next(calls) == at:
            victim.unlink()
        return True

    with patch("bundler.drive.put.forget", look_again):
        error = refusal(stick, made[1].path)
    assert (error.code, error.context["file"]) == ("drive-damaged", str(victim))
    assert not stick.put(made[1].path).afresh
    assert stick.check("viz-1.1.0") == identity(made[1])


def test_a_folder_of_a_disk_that_others_work_with_is_not_forgotten(
    stick: Stick, made: Made
) -> None:
    report = stick.put(made[1].path)
    assert (report.afresh, (stick.root.parent / "drop_caches").exists()) == (False, False)


@pytest.mark.parametrize("form", ["tar", "parts"])
def test_from_the_one_file_form(stick: Stick, made: Made, form: str, tmp_path: Path) -> None:
    path = tmp_path / "viz.tar"
    source = made[1].write_tar(path) if form == "tar" else made[1].write_parts(path, 5_000_000)
    stick.put(source)
    assert stick.check("viz-1.1.0") == identity(made[1])


def test_the_next_release_costs_its_difference(stick: Stick, made: Made) -> None:
    stick.put(made[1].path)
    report = stick.put(made[2].path)
    assert report.written < 310_000
    assert stick.check("viz-1.1.0") == identity(made[1])
    assert stick.check("viz-1.2.0") == identity(made[2])


def test_products_side_by_side(stick: Stick, made: Made, key: SigningKey, tmp_path: Path) -> None:
    other = release(tmp_path, key, 7, product="web")
    stick.put(made[1].path)
    assert stick.put(other.path).written < 310_000
    assert stick.check("viz-1.1.0") == identity(made[1])
    assert stick.check("web-1.7.0") == identity(other)
    page = (stick.root / "START-HERE.txt").read_text()
    assert "viz-1.1.0" in page
    assert "web-1.7.0" in page


def test_again_copies_nothing_and_reads_everything(stick: Stick, made: Made) -> None:
    stick.put(made[1].path)
    before = {name: (stick.root / name).stat().st_mtime_ns for name in files_of(stick.root)}
    report = stick.put(made[1].path)
    assert (report.written, report.repaired) == (0, ())
    assert report.read_back >= made[1].release.blob_bytes
    assert before == {n: (stick.root / n).stat().st_mtime_ns for n in files_of(stick.root)}


def test_what_went_bad_on_the_drive_is_written_anew(stick: Stick, made: Made) -> None:
    stick.put(made[1].path)
    flip(stick.large(made[1]))
    report = stick.put(made[2].path)
    assert [Path(name).name for name in report.repaired] == [stick.large(made[1]).name]
    stick.check("viz-1.1.0")
    stick.check("viz-1.2.0")


def test_what_seemed_bad_stays_until_it_is_written_anew(
    stick: Stick, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A drive that fails twice, once reading, once writing, takes nothing from what is finished."""
    stick.put(made[1].path)
    digest, failing = MediumReader.digest, [stick.large(made[1])]

    def read(reader: MediumReader, name: str, paths: Sequence[Path]) -> Digest:
        if list(paths) == failing:
            patched.setattr(os, "write", Mock(side_effect=OSError(errno.EIO, "failing")))
            raise OSError(errno.EIO, "failing")
        return digest(reader, name, paths)

    with monkeypatch.context() as patched:
        patched.setattr(MediumReader, "digest", read)
        assert refusal(stick, made[2].path).code == "drive-failed"
    assert stick.check("viz-1.1.0") == identity(made[1])
    stick.put(made[2].path)
    assert stick.check("viz-1.2.0") == identity(made[2])


def test_a_full_drive_has_room_for_what_is_written_anew(
    stick: Stick, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    stick.put(made[1].path)
    flip(stick.large(made[1]))
    monkeypatch.setattr("bundler.drive.put._has_room", lambda *_: False)
    assert stick.put(made[1].path).repaired
    assert stick.check("viz-1.1.0") == identity(made[1])


@pytest.mark.parametrize("name", ["release.json", "SHA256SUMS", "files/compose.yaml", "index.json"])
def test_a_small_file_that_went_bad(stick: Stick, made: Made, name: str) -> None:
    stick.put(made[1].path)
    flip_last(stick.root / "viz-1.1.0" / name)
    stick.put(made[1].path)
    assert stick.check("viz-1.1.0") == identity(made[1])


def test_a_blob_too_large_for_the_file_system(stick: Stick, made: Made) -> None:
    stick.put(made[1].path, max_file=CHUNK)
    blob = stick.large(made[1])
    names = sorted(path.name for path in stick.pool.glob(f"{blob.name}.*"))
    assert names == [f"{blob.name}.00{number}" for number in (1, 2, 3)]
    assert stick.check("viz-1.1.0") == identity(made[1])
    joined = subprocess.check_output(f"cat {blob}.??? | sha256sum", shell=True, text=True)
    assert joined.split()[0] == blob.name
    assert stick.put(made[2].path, max_file=CHUNK).written < 310_000


def test_pieces_that_another_run_cut_otherwise(stick: Stick, made: Made) -> None:
    stick.put(made[1].path, max_file=2 * CHUNK)
    assert stick.put(made[1].path, max_file=CHUNK).written == 0
    assert stick.put(made[1].path).written == 0
    flip(stick.large(made[1]).with_suffix(".002"))
    assert stick.put(made[1].path, max_file=CHUNK).repaired
    stick.check("viz-1.1.0")
    assert len(list(stick.pool.glob("*.00?"))) == 3


def test_a_lost_piece_is_the_only_one_written(stick: Stick, made: Made) -> None:
    stick.put(made[1].path, max_file=CHUNK)
    stick.large(made[1]).with_suffix(".002").unlink()
    assert stick.put(made[1].path, max_file=CHUNK).written == CHUNK
    stick.check("viz-1.1.0")


def test_a_partial_file_is_kept_as_far_as_it_is_right(stick: Stick, made: Made) -> None:
    blob = stick.large(made[1])
    data = (made[1].path / "blobs/sha256" / blob.name).read_bytes()
    stick.pool.mkdir(parents=True)
    partial = stick.pool / f"{blob.name}.partial"
    partial.write_bytes(data[:CHUNK] + bytes(CHUNK) + bytes(len(data)))
    report = stick.put(made[1].path)
    assert report.written == sum(made[1].release.sizes().values()) - CHUNK
    stick.check("viz-1.1.0")


def test_a_partial_piece_is_kept_as_far_as_it_is_right(stick: Stick, made: Made) -> None:
    blob = stick.large(made[1])
    data = (made[1].path / "blobs/sha256" / blob.name).read_bytes()
    stick.pool.mkdir(parents=True)
    (stick.pool / f"{blob.name}.001.partial").write_bytes(data[: CHUNK + 1000])
    (stick.pool / f"{blob.name}.002.partial").write_bytes(data[2 * CHUNK :])
    report = stick.put(made[1].path, max_file=2 * CHUNK)
    assert report.repaired == ()
    everything = sum(made[1].release.sizes().values())
    assert report.written == everything - CHUNK - len(data[2 * CHUNK :])
    stick.check("viz-1.1.0")


def test_a_bundle_that_lies_on_the_drive_already(stick: Stick, made: Made) -> None:
    copy_of(made[1].path, stick.root / "mine")
    assert stick.put(stick.root / "mine").written == 0
    assert stick.put(made[2].path).plan.folder.name == "viz-1.2.0"
    assert stick.check("mine") == identity(made[1])


def test_the_same_version_built_again_lies_beside_it(
    stick: Stick, made: Made, key: SigningKey, tmp_path: Path
) -> None:
    stick.put(made[1].path)
    facts = Facts(version="1.1.0", sequence=9)
    images = {"docker.io/acme/viz:1": ImageSpec((LayerSpec({"a": b"b"}),))}
    again = make_bundle(tmp_path / "again", images, key, facts=facts)
    stick.put(again.path)
    assert stick.check("viz-1.1.0") == identity(made[1])
    assert stick.check("viz-1.1.0-9") == identity(again)


def test_an_unfinished_folder_is_no_bundle_and_is_completed(stick: Stick, made: Made) -> None:
    folder = stick.root / "viz-1.2.0"
    folder.mkdir()
    shutil.copy(made[1].path / "release.json", folder)
    (folder / "SHA256SUMS.partial").write_bytes(b"half")
    with pytest.raises(BundleRefused):
        stick.check("viz-1.2.0")
    stick.put(made[2].path)
    assert stick.check("viz-1.2.0") == identity(made[2])


def test_something_else_in_the_way_stays(stick: Stick, made: Made) -> None:
    for name in ("viz-1.1.0", "viz-1.1.0-1"):
        (stick.root / name).mkdir()
        (stick.root / name / "holiday.jpg").write_bytes(b"jpg")
    assert refusal(stick, made[1].path).code == "drive-taken"
    assert (stick.root / "viz-1.1.0/holiday.jpg").exists()


def test_a_stranger_in_a_finished_folder_is_told_and_stays(stick: Stick, made: Made) -> None:
    stick.put(made[1].path)
    (stick.root / "viz-1.1.0/notes.txt").write_text("mine")
    assert refusal(stick, made[1].path).code == "file-extra"
    assert (stick.root / "viz-1.1.0/notes.txt").exists()


def test_a_damaged_source_is_found_while_it_is_copied(
    stick: Stick, made: Made, tmp_path: Path
) -> None:
    source = copy_of(made[1].path, tmp_path / "viz")
    flip(source / "blobs/sha256" / stick.large(made[1]).name)
    assert refusal(stick, source).code == "chunk-damaged"
    with pytest.raises(BundleRefused):
        stick.check("viz-1.1.0")


def test_a_carried_file_too_large_for_the_file_system(
    stick: Stick, key: SigningKey, tmp_path: Path
) -> None:
    images = {"docker.io/acme/viz:1": ImageSpec((LayerSpec({"a": b"b"}),))}
    facts = Facts(files={"weights.bin": bytes(2000)})
    bundle = make_bundle(tmp_path / "viz", images, key, facts=facts)
    found = refusal(stick, bundle.path, max_file=1999)
    assert (found.code, found.exit_code) == ("drive-file-too-large", 21)
    assert not names_in(stick.root)


def test_another_run_on_the_same_drive(stick: Stick, made: Made) -> None:
    folder = os.open(stick.root, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    try:
        with pytest.raises(MoonliftError) as caught, planned(made[1].path, stick.root):
            pass
    finally:
        os.close(folder)
    assert caught.value.code == "drive-busy"


def test_no_drive_and_a_pipe(bundle: Cli, made: Made, tmp_path: Path) -> None:
    said = bundle("drive", made[1].path, tmp_path / "none")
    assert said.code == 2
    assert "drive-not-found" in said.err
    os.mkfifo(tmp_path / "pipe")
    said = bundle("drive", made[1].path, tmp_path / "pipe")
    assert "drive-not-found" in said.err


def test_dry_run_changes_nothing(bundle: Cli, made: Made, tmp_path: Path) -> None:
    said = bundle("drive", made[1].path, tmp_path, "--dry-run")
    assert said.code == 0
    assert "copy" in said.out
    assert "no mount point" in said.out
    assert not names_in(tmp_path)


def test_words_and_json(bundle: Cli, made: Made, tmp_path: Path) -> None:
    import json  # noqa: PLC0415

    said = bundle("drive", made[1].path, tmp_path)
    assert said.code == 0
    assert "read back" in said.out
    assert "complete" in said.out
    told = json.loads(bundle("drive", made[1].path, tmp_path, "--json", "--eject").out)
    assert told["written_bytes"] == 0
    assert told["read_back_bytes"] >= told["bundle_bytes"]
    assert not told["ejected"]["done"]
    assert "no mount point" in told["ejected"]["text"]


@pytest.mark.engine
def test_eject_unmounts(bundle: Cli, made: Made, tmp_path: Path) -> None:
    with mounted(Format.TMPFS, tmp_path, 64) as drive:
        said = bundle("drive", made[1].path, drive, "--eject")
        assert "may be pulled out" in said.out
        assert not drive.is_mount()
