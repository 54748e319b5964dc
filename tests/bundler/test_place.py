"""The place of a bundle: nothing but a bundle is replaced, and never by half of one."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest

from bundler.cache import Cache
from bundler.progress import Silent
from bundler.write import DamagedEntry, checked_pieces, is_damaged, write
from bundler.writing.entries import Entry, bytes_entry
from bundler.writing.place import BUNDLE, OLD, Output, check_place, staged
from manifests.bundle import layout
from manifests.errors import MoonliftError, SourceFailed, UsageError
from tests.support.faults import count_calls, die_at
from tests.support.layers import noise
from tests.support.tamper import files_of


def entries(mark: bytes) -> list[Entry]:
    return [
        bytes_entry(layout.SUMS, b"sums " + mark),
        bytes_entry(f"{layout.SUMS}.1.sig", mark),
        bytes_entry(layout.RELEASE, mark),
        bytes_entry("files/run.sh", mark * 1000),
        bytes_entry(f"{layout.BLOBS}{'0' * 64}", noise(1, 3 * 2**20)),
    ]


def put(output: Output, mark: bytes = b"old", accept: Callable[[Path], None] | None = None) -> None:
    write(entries(mark), output, accept or (lambda _: None), Silent())


def refusal(output: Output) -> MoonliftError:
    with pytest.raises(MoonliftError) as caught:
        check_place(output)
    with pytest.raises(MoonliftError):
        put(output)
    return caught.value


def mark_of(output: Output) -> str | None:
    """Tell which bundle lies there: old, new, or none that anything would read."""
    first = (
        output.path
        if output.part_size is None
        else output.path.with_name(f"{output.path.name}.001")
    )
    sums = first / layout.SUMS if first.is_dir() else first
    if not sums.exists():
        return None
    found = sums.read_bytes()
    return "new" if b"sums new" in found else "old" if b"sums old" in found else "half"


OUTPUTS = [("out", None), ("out.tar", None), ("out.tar", 2**20)]


@pytest.fixture(params=OUTPUTS, ids=["directory", "tar", "parts"])
def output(request: pytest.FixtureRequest, tmp_path: Path) -> Output:
    name, part_size = request.param
    return Output(tmp_path / "place" / name, part_size)


def test_a_bundle_takes_the_place_of_an_older_one(output: Output) -> None:
    put(output, b"old")
    before = files_of(output.path.parent)
    put(output, b"new")
    assert mark_of(output) == "new"
    assert files_of(output.path.parent) == before


@pytest.mark.parametrize("after", OUTPUTS)
def test_no_other_form_of_the_older_one_stays(
    output: Output, after: tuple[str, int | None]
) -> None:
    put(output, b"old")
    other = Output(output.path.with_name(after[0]), after[1])
    put(other, b"new")
    assert mark_of(other) == "new"
    if output.is_tar and other.is_tar and output != other:
        assert mark_of(output) is None
        names = files_of(other.path.parent)
        assert len(names) == (4 if other.part_size else 1)


def test_fewer_parts_leave_none_of_the_old(tmp_path: Path) -> None:
    put(Output(tmp_path / "x.tar", 2**20))
    assert len(files_of(tmp_path)) == 4
    put(Output(tmp_path / "x.tar", 2**21), b"new")
    assert files_of(tmp_path) == ["x.tar.001", "x.tar.002"]


@pytest.mark.parametrize(
    "name", ["x.tar.1", "x.tar.01", "x.tar.2024-backup", "x.tar.gz", "xxtar.001", "x.tar.00001"]
)
def test_files_that_only_look_like_parts_stay(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"mine")
    put(Output(tmp_path / "x.tar"))
    put(Output(tmp_path / "x.tar", 2**20))
    assert (tmp_path / name).read_bytes() == b"mine"


def test_names_with_signs_of_patterns_are_taken_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a1.tar.001").write_bytes(b"mine")
    for _ in range(2):
        put(Output(tmp_path / "a[1].tar", 2**20))
    assert (tmp_path / "a1.tar.001").read_bytes() == b"mine"


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "thesis.txt").write_text("years")


def _sums_only(path: Path) -> None:
    path.mkdir()
    (path / layout.SUMS).write_text("of an installation medium")


def _bundle_and_more(path: Path) -> None:
    put(Output(path))
    (path / "notes.txt").write_text("mine")


def _layout(path: Path) -> None:
    (path / "blobs").mkdir(parents=True)
    (path / layout.OCI_LAYOUT).write_bytes(layout.OCI_LAYOUT_BYTES)
    (path / layout.INDEX).write_text("{}")


def _file(path: Path) -> None:
    path.write_text("something")


def _link_to_a_bundle(path: Path) -> None:
    put(Output(path.with_name("real")))
    path.symlink_to("real")


def _dangling(path: Path) -> None:
    path.symlink_to("nowhere")


FOREIGN = [_folder, _sums_only, _bundle_and_more, _layout, _file, _link_to_a_bundle, _dangling]


@pytest.mark.parametrize("make", FOREIGN)
def test_what_is_no_bundle_is_left_alone(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "out")
    before = {name: (tmp_path / name).lstat() for name in files_of(tmp_path)}
    error = refusal(Output(tmp_path / "out"))
    assert (error.code, error.exit_code) == ("output-exists", 2)
    assert {name: (tmp_path / name).lstat() for name in files_of(tmp_path)} == before


def _fifo(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("make", [_folder, _file, _dangling, _fifo])
@pytest.mark.parametrize("part_size", [None, 2**20])
def test_what_is_no_tar_of_a_bundle_is_left_alone(
    tmp_path: Path, make: Callable[[Path], None], part_size: int | None
) -> None:
    make(tmp_path / ("out.tar.001" if part_size else "out.tar"))
    assert refusal(Output(tmp_path / "out.tar", part_size)).code == "output-exists"
    assert len(list(tmp_path.iterdir())) == 1


def test_an_empty_folder_and_an_empty_file_are_taken(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out.tar").touch()
    for name in ("out", "out.tar"):
        put(Output(tmp_path / name))
        assert mark_of(Output(tmp_path / name)) == "old"


def test_what_operating_systems_leave_in_a_bundle_does_not_protect_it(tmp_path: Path) -> None:
    put(Output(tmp_path / "out"))
    (tmp_path / "out/.DS_Store").touch()
    put(Output(tmp_path / "out"), b"new")
    assert not (tmp_path / "out/.DS_Store").exists()


def test_a_whole_file_system_is_no_place_but_a_folder_in_it_is() -> None:
    with pytest.raises(UsageError, match="whole file system") as caught:
        check_place(Output(Path("/proc")))
    assert "/proc/NAME" in caught.value.hint
    with pytest.raises(UsageError):
        check_place(Output(Path("/")))


def test_a_folder_that_cant_be_made_or_seen_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SourceFailed) as caught:
        put(Output(tmp_path / "file/out"))
    assert (caught.value.code, caught.value.exit_code) == ("write-failed", 21)
    with patch.object(Path, "iterdir", side_effect=PermissionError(errno.EACCES, "no")):
        error = refusal(Output(tmp_path))
    assert (error.code, error.exit_code) == ("write-failed", 21)


def test_a_bundle_that_is_not_accepted_does_not_replace_one_that_is(output: Output) -> None:
    put(output, b"old")

    def refuse(path: Path) -> None:
        assert path.exists()
        raise SourceFailed("selfcheck", "no")

    with pytest.raises(SourceFailed, match="no"):
        put(output, b"new", refuse)
    assert mark_of(output) == "old"
    assert not output.staging.exists()


def test_two_builds_do_not_write_to_one_place(output: Output) -> None:
    put(output, b"old")
    with staged(output):
        with pytest.raises(UsageError) as caught:
            put(output, b"new")
        assert caught.value.code == "output-busy"
        assert output.staging.exists()
    assert mark_of(output) == "old"
    put(output, b"new")
    assert mark_of(output) == "new"


def test_a_place_that_becomes_free_while_it_is_claimed_is_claimed_again(output: Output) -> None:
    """The other build removes its folder after ours was opened and before it is locked."""
    real = os.open
    removed: list[Path] = []

    def late(path: Path, *rest: int) -> int:
        found = real(path, *rest)
        if path == output.staging and len(removed) < 2:
            removed.append(path)
            path.rmdir()
            if len(removed) == 2:
                path.mkdir()
        return found

    with patch.object(os, "open", late):
        put(output)
    assert len(removed) == 2
    assert mark_of(output) == "old"


def test_a_link_in_the_place_of_the_staging_folder_is_not_followed(output: Output) -> None:
    victim = output.path.parent / "victim"
    victim.mkdir(parents=True)
    (victim / "thesis.txt").write_text("years")
    output.staging.symlink_to(victim)
    with pytest.raises(SourceFailed) as caught:
        put(output)
    assert caught.value.code == "write-failed"
    assert (victim / "thesis.txt").exists()


def test_a_staging_folder_of_someone_else_is_not_used(output: Output) -> None:
    output.staging.mkdir(parents=True)
    real = os.fstat

    def of_another(descriptor: int) -> os.stat_result:
        status = real(descriptor)
        return os.stat_result((*status[:4], status.st_uid + 1, *status[5:10]))

    with patch.object(os, "fstat", of_another), pytest.raises(UsageError) as caught:
        put(output)
    assert caught.value.code == "output-busy"


def test_a_file_system_that_knows_one_owner_for_all_is_written_to(output: Output) -> None:
    with patch.object(os, "geteuid", return_value=12345):
        put(output)
    assert mark_of(output) == "old"


def test_what_a_killed_build_left_is_taken_over(output: Output) -> None:
    output.staging.mkdir(parents=True)
    (output.staging / "bundle").mkdir()
    (output.staging / "bundle/half").touch()
    (output.staging / "out.tar.002").touch()
    put(output, b"new")
    assert mark_of(output) == "new"
    assert not output.staging.exists()


def test_an_interrupt_between_old_and_new_puts_the_old_back(tmp_path: Path) -> None:
    output = Output(tmp_path / "out")
    put(output, b"old")
    real = os.rename

    def interrupted(source: Path, target: Path) -> None:
        if source.name == BUNDLE:
            raise KeyboardInterrupt
        real(source, target)

    with patch.object(os, "rename", interrupted), pytest.raises(KeyboardInterrupt):
        put(output, b"new")
    assert mark_of(output) == "old"
    assert not output.staging.exists()


def test_what_is_half_removed_is_never_put_back(tmp_path: Path) -> None:
    """A bundle was replaced and its removal killed; then the new one was moved away."""
    output = Output(tmp_path / "out")
    put(output, b"old")
    with patch.object(shutil, "rmtree", side_effect=OSError):
        put(output, b"new")
    left = [path.name for path in output.staging.iterdir()]
    assert OLD not in left
    output.path.rename(tmp_path / "carried-away")
    with pytest.raises(SourceFailed), patch.object(os, "write", side_effect=OSError):
        put(output, b"newer")
    assert not output.path.exists()
    assert not output.staging.exists()


@pytest.mark.parametrize("before", [True, False])
def test_death_at_any_call_leaves_the_old_the_new_or_none(output: Output, before: bool) -> None:
    """And the next run leaves the new bundle and nothing else."""
    output.path.parent.mkdir()

    def prepare() -> None:
        for path in output.path.parent.iterdir():
            subprocess.run(["rm", "-rf", path], check=True)
        if before:
            put(output, b"old")

    prepare()
    calls = count_calls(lambda: put(output, b"new"))
    whole = files_of(output.path.parent)
    assert calls > 10
    seen = set()
    for at in range(1, calls + 1, 3):
        prepare()
        assert die_at(at, lambda: put(output, b"new")) == 137
        seen.add(mark_of(output))
        put(output, b"new")
        assert mark_of(output) == "new"
        assert files_of(output.path.parent) == whole
    assert "half" not in seen


def test_a_call_that_fails_leaves_the_old(output: Output) -> None:
    put(output, b"old")
    before = files_of(output.path.parent)
    for call, number in (("write", errno.ENOSPC), ("rename", errno.EIO)):
        with (
            patch.object(os, call, side_effect=OSError(number, os.strerror(number))),
            pytest.raises(SourceFailed) as caught,
        ):
            put(output, b"new")
        assert caught.value.code == "write-failed"
        assert os.strerror(number) in str(caught.value)
    if output.part_size is None:
        assert mark_of(output) == "old"
        assert files_of(output.path.parent) == before
    assert not output.staging.exists()


@pytest.mark.parametrize(
    ("number", "hint"), [(errno.ENOSPC, "free some space"), (errno.EFBIG, "--part-size")]
)
def test_the_hint_fits_the_fault(tmp_path: Path, number: int, hint: str) -> None:
    with (
        patch.object(os, "write", side_effect=OSError(number, "x")),
        pytest.raises(SourceFailed) as caught,
    ):
        put(Output(tmp_path / "out"))
    assert hint in caught.value.hint


def test_a_file_system_without_executable_bits_is_no_reason_to_fail(tmp_path: Path) -> None:
    one = bytes_entry("files/run.sh", b"#!/bin/sh")
    program = Entry(one.file, one.digest, one.content, executable=True)
    with patch.object(Path, "chmod", side_effect=PermissionError):
        write([program], Output(tmp_path / "out"), lambda _: None, Silent())
    write([program], Output(tmp_path / "two"), lambda _: None, Silent())
    assert os.access(tmp_path / "two" / one.name, os.X_OK)


@pytest.fixture(params=["hashed by another run", "hashed by this run"])
def entry(tmp_path: Path, request: pytest.FixtureRequest) -> Entry:
    data = noise(5, 9 * 2**20)
    made = bytes_entry("blob", data)
    cache = Cache(tmp_path)
    path = cache.blob_path(made.digest)
    path.parent.mkdir()
    path.write_bytes(data)
    if request.param == "hashed by this run":
        cache.saw_made(made.digest)
    return Entry(made.file, made.digest, path, witness=cache.made(made.digest))


def test_bytes_are_checked_chunk_by_chunk(entry: Entry) -> None:
    assert isinstance(entry.content, Path)
    data = entry.content.read_bytes()
    assert b"".join(map(bytes, checked_pieces(entry))) == data
    assert not is_damaged(entry)
    changed = bytearray(data)
    changed[-1] ^= 1
    for bad in (bytes(changed), data[:-1], data + b"x", b""):
        entry.content.write_bytes(bad)
        assert is_damaged(entry)
    entry.content.unlink()
    with pytest.raises(DamagedEntry, match="No such file"):
        list(checked_pieces(entry))
    entry.content.mkdir()
    with pytest.raises(DamagedEntry, match="Is a directory"):
        list(checked_pieces(entry))


def test_a_damaged_entry_stops_the_others_at_once(entry: Entry, tmp_path: Path) -> None:
    assert isinstance(entry.content, Path)
    entry.content.write_bytes(bytes(9 * 2**20))
    others = [bytes_entry(f"files/{n}", b"x" * n) for n in range(300)]
    with pytest.raises(DamagedEntry):
        write([entry, *others], Output(tmp_path / "out"), lambda _: None, Silent())
    assert files_of(tmp_path) == [f"blobs/{entry.digest.hex}"]


def test_parts_that_would_be_too_many_are_refused_before_they_are_written(tmp_path: Path) -> None:
    with (
        patch("bundler.writing.parts.MAX_PARTS", 3),
        pytest.raises(UsageError, match="at most 3 parts"),
    ):
        put(Output(tmp_path / "out.tar", 2**20))
    assert files_of(tmp_path) == []
