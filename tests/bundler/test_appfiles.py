"""What an app carries beside images: files from below its folder, and nothing from elsewhere."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from unittest.mock import patch

import pytest

import bundler.locking.appfiles
from bundler.locking.appfiles import host_platform, read_app, read_files
from bundler.writing.entries import Entry
from manifests.appmanifest.app import App
from manifests.digest import Digest
from manifests.errors import AppManifestError, UsageError
from manifests.release import CHUNK_SIZE
from manifests.yaml.node import SIZE_LIMIT
from tests.support.layers import noise


def an_app(*files: str, images: str = "nginx") -> App:
    listed = "".join(f"  - {file}\n" for file in files)
    more = f"files:\n{listed}" if files else ""
    return App.parse(
        f'schema: 1\nname: viz\nversion: "1"\nimages: [{images}]\n{more}'.encode(), "app.yaml"
    )


def carried(folder: Path, *files: str) -> dict[str, Entry]:
    return {entry.name: entry for entry in read_files(an_app(*files), folder)}


def refusal(folder: Path, *files: str) -> AppManifestError:
    with pytest.raises(AppManifestError) as caught:
        read_files(an_app(*files), folder)
    return caught.value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "conf/deep/er").mkdir(parents=True)
    (folder / "conf/a.txt").write_bytes(b"a")
    (folder / "conf/deep/b.sh").write_bytes(b"b")
    (folder / "conf/deep/b.sh").chmod(0o755)
    (folder / "conf/deep/er/empty").touch()
    (folder / "conf/nothing").mkdir()
    (tmp_path / "secret.txt").write_bytes(b"secret")
    return folder


def test_a_folder_stands_for_all_its_files(folder: Path) -> None:
    found = carried(folder, "{from: conf, to: etc/viz}", "conf/a.txt")
    assert list(found) == [
        "files/conf/a.txt",
        "files/etc/viz/a.txt",
        "files/etc/viz/deep/b.sh",
        "files/etc/viz/deep/er/empty",
    ]
    assert found["files/etc/viz/deep/b.sh"].executable
    assert not found["files/conf/a.txt"].executable
    assert found["files/conf/a.txt"].digest == Digest.of(b"a")
    assert found["files/etc/viz/deep/er/empty"].file.chunks == ()


def test_a_large_file_gets_a_digest_for_each_chunk(folder: Path) -> None:
    data = noise(1, CHUNK_SIZE + 5)
    (folder / "big").write_bytes(data)
    big = carried(folder, "big")["files/big"]
    assert big.file.chunks == (Digest.of(data[:CHUNK_SIZE]), Digest.of(data[CHUNK_SIZE:]))
    assert big.digest == Digest.of(data)


def test_links_inside_are_followed_and_links_to_the_outside_refused(folder: Path) -> None:
    (folder / "conf/inside").symlink_to("a.txt")
    assert carried(folder, "conf")["files/conf/inside"].digest == Digest.of(b"a")
    (folder / "conf/deep/outside").symlink_to("../../../secret.txt")
    for files in ("conf", "conf/deep", "conf/deep/outside"):
        error = refusal(folder, files)
        assert (error.code, "way out" in str(error)) == ("file-outside", True)
    (folder / "conf/deep/outside").unlink()
    (folder / "etc").symlink_to("/etc")
    for files in ("etc", "etc/passwd"):
        assert refusal(folder, files).code == "file-outside"


def test_a_link_to_a_folder_inside_a_folder_is_not_passed_over_in_silence(folder: Path) -> None:
    (folder / "conf/loop").symlink_to("deep")
    error = refusal(folder, "conf")
    assert error.code == "file-not-found"
    assert "conf/loop, found something that is no regular file" in str(error)


def test_the_apps_folder_may_itself_be_reached_by_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(folder)
    assert carried(tmp_path / "link", "conf/a.txt")["files/conf/a.txt"].file.size == 1


@pytest.mark.parametrize("kind", ["missing", "pipe", "device"])
def test_what_is_no_file_is_told_and_never_waited_for(folder: Path, kind: str) -> None:
    if kind == "pipe":
        os.mkfifo(folder / "x")
    elif kind == "device":
        (folder / "device").symlink_to("/dev/null")
        assert refusal(folder, "device").code == "file-outside"
    error = refusal(folder, "x")
    assert error.code == "file-not-found"
    assert ("no regular file" in str(error)) == (kind == "pipe")


@pytest.mark.parametrize("name", [".hidden", "-dash", "with space", "ümlaut", "aux.txt", "dot."])
def test_names_that_some_file_system_cant_have_are_refused(folder: Path, name: str) -> None:
    (folder / "conf" / name).touch()
    error = refusal(folder, "conf")
    assert error.code == "file-name"
    assert name in str(error)
    assert carried(folder, f'{{from: "conf/{name}", to: plain}}')["files/plain"].file.size == 0


@pytest.mark.parametrize("name", ["conf/A.txt", "conf/DEEP", "conf/Deep/c"])
def test_names_that_clash_on_some_file_system_are_refused(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).touch()
    error = refusal(folder, "conf")
    assert (error.code, error.exit_code) == ("file-name", 20)
    assert name.casefold()[:9] in str(error).casefold()
    assert "to:" in error.hint


def test_too_many_files_are_refused_before_any_is_read(folder: Path) -> None:
    with (
        patch.object(bundler.locking.appfiles, "MAX_FILES", 2),
        patch.object(bundler.locking.appfiles, "hash_file", side_effect=AssertionError),
    ):
        assert "at most 2 files, found 3" in str(refusal(folder, "conf"))


def test_an_app_without_files_carries_none(folder: Path) -> None:
    assert read_files(an_app(), folder) == ()


def test_an_app_that_is_not_there_is_a_mistake_of_the_command(tmp_path: Path) -> None:
    for path in (tmp_path / "app.yaml", tmp_path):
        with pytest.raises(UsageError) as caught:
            read_app(path)
        assert caught.value.code == "app-not-found"
    (tmp_path / "app.yaml").write_bytes(b"#" * (SIZE_LIMIT + 1))
    with pytest.raises(AppManifestError):
        read_app(tmp_path / "app.yaml")


@pytest.mark.parametrize(
    ("machine", "named"),
    [
        ("x86_64", "linux/amd64"),
        ("aarch64", "linux/arm64"),
        ("armv7l", "linux/arm"),
        ("armv6l", "linux/arm/v6"),
        ("i686", "linux/386"),
        ("riscv64", "linux/riscv64"),
        ("loongarch64", "linux/loong64"),
    ],
)
def test_processors_are_named_as_images_name_them(machine: str, named: str) -> None:
    with patch.object(platform, "machine", return_value=machine):
        assert str(host_platform()) == named
