"""A bundle where it lies: every form gives the same files, and nothing else is opened."""

from __future__ import annotations

import io
import os
import re
import shutil
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from manifests.bundle import medium as medium_module
from manifests.bundle import tarmedium
from manifests.bundle.medium import MAX_DEPTH, DirectoryMedium, Medium, open_medium
from manifests.bundle.tarform import BLOCK, END, header, padding
from manifests.bundle.tarmedium import PipeMedium, TarMedium, join_parts
from manifests.errors import BundleRefused, MoonliftError, NotInstallableHere
from tests.support.tamper import add, copy_of, to_device, to_fifo, to_folder, to_symlink

FILES: Mapping[str, bytes] = {
    "SHA256SUMS": b"sums",
    "release.json": b"{}",
    "blobs/sha256/" + "0" * 64: bytes(1000),
    "files/empty": b"",
    "files/" + "/".join(["d" * 60] * 3): b"deep",
}


def tar_of(files: Mapping[str, bytes] = FILES) -> bytes:
    pieces = [header(name, len(data)) + data + padding(len(data)) for name, data in files.items()]
    return b"".join(pieces) + END


def write_folder(folder: Path, files: Mapping[str, bytes] = FILES) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@contextmanager
def opened(path: Path) -> Iterator[Medium]:
    medium = open_medium(path)
    try:
        yield medium
    finally:
        medium.close()


@contextmanager
def pipe_of(data: bytes) -> Iterator[PipeMedium]:
    """Yield a medium at the end of a real pipe."""
    reader, writer = os.pipe()
    thread = threading.Thread(target=write_and_close, args=[writer, data])
    thread.start()
    medium = PipeMedium(io.FileIO(reader))
    try:
        yield medium
    finally:
        medium.close()
        thread.join()


def write_and_close(descriptor: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except BrokenPipeError:
        return
    finally:
        os.close(descriptor)


def read_through(medium: PipeMedium) -> dict[str, bytes]:
    found = {}
    while (name := medium.peek()) is not None:
        found[name] = content(medium, name)
    return found


def content(medium: Medium, name: str) -> bytes:
    with medium.open(name) as stream:
        return b"".join(iter(lambda: stream.read(100) or b"", b""))


def refusal(path: Path) -> BundleRefused:
    with pytest.raises(BundleRefused) as caught, opened(path):
        pass
    return caught.value


@pytest.fixture(params=["folder", "tar", "parts", "one part", "fifo"])
def form(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The same files in each form."""
    path = tmp_path / "viz.tar"
    match request.param:
        case "folder":
            return write_folder(tmp_path / "viz")
        case "tar":
            path.write_bytes(tar_of())
        case "parts":
            return write_parts(path, tar_of(), 700)
        case "one part":
            return write_parts(path, tar_of(), 10**6)
        case _:
            os.mkfifo(path)
            threading.Thread(target=path.write_bytes, args=[tar_of()], daemon=True).start()
    return path


def write_parts(path: Path, data: bytes, size: int) -> Path:
    for number, start in enumerate(range(0, len(data), size), start=1):
        path.with_name(f"{path.name}.{number:03}").write_bytes(data[start : start + size])
    return path.with_name(f"{path.name}.001")


def test_every_form_gives_the_same_files(form: Path) -> None:
    with opened(form) as medium:
        assert {name: content(medium, name) for name in FILES} == FILES
        assert medium.sizes == {name: len(data) for name, data in FILES.items()}
        assert medium.peek() is None
        assert not list(medium.litter)
        medium.expect(frozenset(FILES))


def test_file_that_is_not_there(form: Path) -> None:
    with opened(form) as medium:
        with pytest.raises(BundleRefused) as caught:
            medium.open("files/none")
        assert caught.value.code == "file-missing"


def test_file_that_nobody_signed(form: Path) -> None:
    def look(medium: Medium) -> None:
        medium.expect(frozenset({"SHA256SUMS"}))
        medium.open("SHA256SUMS")
        medium.peek()

    with opened(form) as medium, pytest.raises(BundleRefused) as caught:
        look(medium)
    assert caught.value.code == "file-extra"


def test_parts_of_a_file_in_any_order(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(tar_of())
    for path in (write_folder(tmp_path / "x"), tmp_path / "x.tar"):
        with opened(path) as medium:
            with medium.open("blobs/sha256/" + "0" * 64) as big, medium.open("SHA256SUMS") as small:
                pieces = [big.read(1), small.read(2), big.read(1), small.read(9)]
            assert pieces == [b"\0", b"su", b"\0", b"ms"]


# ---- a folder


@pytest.mark.parametrize("damage", [to_symlink, to_fifo, to_device])
@pytest.mark.parametrize("name", list(FILES)[:3])
def test_folder_holds_regular_files(tmp_path: Path, damage: object, name: str) -> None:
    write_folder(tmp_path)
    damage(tmp_path / name)  # type: ignore[operator]
    assert refusal(tmp_path).code == "entry-not-regular"


def test_folder_with_a_socket(tmp_path: Path) -> None:
    write_folder(tmp_path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        assert "found a socket" in str(refusal(tmp_path))


def test_file_swapped_after_the_scan(tmp_path: Path) -> None:
    for damage in (to_symlink, to_fifo, to_device, to_folder):
        folder = write_folder(tmp_path / damage.__name__)
        with opened(folder) as medium:
            damage(folder / "release.json")
            with pytest.raises(BundleRefused) as caught:
                medium.open("release.json")
            assert caught.value.code == "entry-not-regular"


def test_folder_swapped_for_a_link_after_the_scan(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "viz")
    with opened(folder) as medium:
        shutil.move(folder / "files", tmp_path / "aside")
        (folder / "files").symlink_to(tmp_path / "aside")
        with pytest.raises(BundleRefused):
            medium.open("files/empty")


@pytest.mark.parametrize("name", ["../secret", "files/../../secret", "..", ".", "", "files/", "/"])
def test_no_name_leads_out(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").write_text("x")
    with opened(write_folder(tmp_path / "viz")) as medium, pytest.raises(BundleRefused):
        medium.open(name)


def test_root_may_be_reached_through_a_link(tmp_path: Path) -> None:
    write_folder(tmp_path / "viz")
    (tmp_path / "link").symlink_to(tmp_path / "viz")
    with opened(tmp_path / "link") as medium:
        assert content(medium, "SHA256SUMS") == b"sums"


def test_litter_is_named_and_never_opened(tmp_path: Path) -> None:
    write_folder(tmp_path)
    add(tmp_path, "System Volume Information/x")
    add(tmp_path, "blobs/sha256/.DS_Store")
    add(tmp_path, "files/._empty")
    add(tmp_path, ".Trash-1000/deep/er")
    os.mkfifo(tmp_path / "Thumbs.db")
    with opened(tmp_path) as medium:
        assert sorted(medium.litter) == [
            ".Trash-1000",
            "System Volume Information",
            "Thumbs.db",
            "blobs/sha256/.DS_Store",
            "files/._empty",
        ]
        medium.expect(frozenset(FILES))


def test_names_that_no_bundle_has_are_shown_safely(tmp_path: Path) -> None:
    write_folder(tmp_path)
    (tmp_path / "a\x1b[2J\n").touch()
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff")).touch()
    with opened(tmp_path) as medium, pytest.raises(BundleRefused) as caught:
        medium.expect(frozenset(FILES))
    assert "\x1b" not in str(caught.value)


def test_depth_has_a_limit(tmp_path: Path) -> None:
    add(tmp_path, "d/" * MAX_DEPTH + "x")
    with opened(tmp_path) as medium:
        assert len(medium.sizes) == 1
    add(tmp_path, "d/" * (MAX_DEPTH + 1) + "x")
    assert "nested deeper than 100" in str(refusal(tmp_path))


def test_number_of_files_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(medium_module, "MAX_ENTRIES", 3)
    for name in "abc":
        add(tmp_path, name)
    open_medium(tmp_path).close()
    add(tmp_path, "d")
    assert "more than 3 files" in str(refusal(tmp_path))


def test_folder_is_closed_when_refused(tmp_path: Path) -> None:
    write_folder(tmp_path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    (tmp_path / "link").symlink_to("x")
    refusal(tmp_path)
    with pytest.raises(BundleRefused):
        DirectoryMedium(tmp_path)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


# ---- a tar, parts, a pipe


def test_cut_after_every_block(tmp_path: Path) -> None:
    whole = tar_of()
    path = tmp_path / "x.tar"
    for size in range(0, len(whole) - len(END), BLOCK // 2):
        path.write_bytes(whole[:size])
        assert refusal(path).code == "bundle-truncated"
        with pipe_of(whole[:size]) as medium, pytest.raises(BundleRefused) as caught:
            read_through(medium)
        assert caught.value.code == "bundle-truncated"
    path.write_bytes(whole[: -len(END) + BLOCK])
    open_medium(path).close()


def test_cut_while_it_is_open(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    path.write_bytes(tar_of())
    with opened(path) as medium, medium.open("blobs/sha256/" + "0" * 64) as stream:
        os.truncate(path, 3 * BLOCK)
        assert content(medium, "SHA256SUMS") == b"sums"
        assert stream.read(10) == b""


def test_one_name_twice(tmp_path: Path) -> None:
    data = header("a", 1) + b"1" + padding(1)
    for twice in (data * 2, data + header("./a", 0)):
        (tmp_path / "x.tar").write_bytes(twice + END)
        assert refusal(tmp_path / "x.tar").code == "file-extra"
        with pipe_of(twice + END) as medium:
            assert medium.peek() == "a"
            medium.open("a")
            with pytest.raises(BundleRefused, match="comes twice"):
                medium.peek()


def test_number_of_members_has_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarmedium, "MAX_ENTRIES", 3)
    path = tmp_path / "x.tar"
    path.write_bytes(tar_of(dict.fromkeys("abc", b"")))
    open_medium(path).close()
    path.write_bytes(tar_of(dict.fromkeys("abcd", b"")))
    assert "more than 3 files" in str(refusal(path))


def test_missing_part(tmp_path: Path) -> None:
    first = write_parts(tmp_path / "x.tar", tar_of(), 700)
    (tmp_path / "x.tar.003").unlink()
    error = refusal(first)
    assert (error.code, str(error)) == ("part-missing", "x.tar.003 is not there")


def test_last_part_missing_is_a_cut(tmp_path: Path) -> None:
    first = write_parts(tmp_path / "x.tar", tar_of(), 700)
    max(tmp_path.glob("x.tar.*")).unlink()
    assert refusal(first).code == "bundle-truncated"


@pytest.mark.parametrize("name", ["x.tar.002", "x.tar.0001", "x.tar.000"])
def test_not_the_first_part(tmp_path: Path, name: str) -> None:
    write_parts(tmp_path / "x.tar", tar_of(), 700)
    (tmp_path / name).touch()
    error = refusal(tmp_path / name)
    assert (error.code, error.hint) == ("part-missing", "give x.tar.001")


def test_other_files_beside_parts_do_no_harm(tmp_path: Path) -> None:
    first = write_parts(tmp_path / "x.tar", tar_of(), 700)
    for name in ("x.tar", "x.tar.01", "y.tar.001", "x.tar.0003", "x.tar.abc", "xxtar.004"):
        (tmp_path / name).touch()
    with opened(first) as medium:
        assert content(medium, "release.json") == b"{}"


@pytest.mark.parametrize("damage", [to_fifo, to_device, to_folder])
def test_a_part_that_is_no_file(tmp_path: Path, damage: object) -> None:
    """A pipe in a part's place must not make us wait."""
    first = write_parts(tmp_path / "x.tar", tar_of(), 700)
    damage(tmp_path / "x.tar.002")  # type: ignore[operator]
    assert refusal(first).code == "entry-not-regular"


def test_many_parts(tmp_path: Path) -> None:
    first = write_parts(tmp_path / "x.tar", tar_of(), 4)
    assert (tmp_path / "x.tar.1000").exists()
    with opened(first) as medium:
        assert {name: content(medium, name) for name in FILES} == FILES


@pytest.mark.property
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.integers(5, 500), st.integers(0, 600), st.integers(0, 300))
def test_parts_are_one_file_at_any_offset(
    tmp_path_factory: pytest.TempPathFactory, size: int, offset: int, length: int
) -> None:
    data = os.urandom(600)
    folder = tmp_path_factory.mktemp("parts")
    parts = join_parts(write_parts(folder / "x.tar", data, size))
    assert parts.size == len(data)
    buffer, filled = bytearray(length), 0
    with memoryview(buffer) as view:
        while count := parts.readinto_at(view[filled:], offset + filled):
            filled += count
    assert bytes(buffer[:filled]) == data[offset : offset + length]
    parts.close()
    shutil.rmtree(folder)


def test_pipe_passes_over_what_nobody_asks_for() -> None:
    with pipe_of(tar_of()) as medium:
        first = medium.open("SHA256SUMS")
        assert first.read(1) == b"s"
        assert content(medium, "files/empty") == b""
        assert first.read(10) == b""
        assert medium.peek() == "files/" + "/".join(["d" * 60] * 3)
        with pytest.raises(BundleRefused) as caught:
            medium.open("SHA256SUMS")
        assert caught.value.code == "file-missing"
        assert medium.peek() is None


def test_pipe_that_was_set_not_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shell may have left standard input non-blocking."""
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    monkeypatch.setattr(os, "dup", lambda _: reader)
    medium = open_medium(Path("-"))
    monkeypatch.undo()
    threading.Timer(0.05, write_and_close, [writer, tar_of()]).start()
    assert content(medium, "SHA256SUMS") == b"sums"
    medium.close()


@pytest.mark.parametrize("name", ["none", "file/below", "n" * 300])
def test_nothing_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotInstallableHere) as caught:
        open_medium(tmp_path / name)
    assert caught.value.code == "bundle-not-found"
    assert re.search(r"\.tar\.001", caught.value.hint)


def test_something_else_there(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello " * 1000)
    assert refusal(tmp_path / "x").code == "not-a-bundle"
    assert refusal(Path("/dev/zero")).code == "entry-not-regular"


TREES = st.dictionaries(
    st.text("ab/", min_size=1, max_size=8).filter(
        lambda name: "//" not in name and name.strip("/") == name
    ),
    st.binary(max_size=1200),
    max_size=5,
)


@pytest.mark.property
@given(TREES)
def test_tar_and_pipe_agree(files: dict[str, bytes]) -> None:
    with pipe_of(tar_of(files)) as medium:
        found = read_through(medium)
    assert found == files
    assert list(found) == list(files)


@pytest.mark.property
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=1500) | st.tuples(st.integers(0, 2500), st.binary(min_size=1)))
def test_any_bytes_are_listed_or_refused(tmp_path: Path, damage: bytes | tuple[int, bytes]) -> None:
    if isinstance(damage, tuple):
        data = bytearray(tar_of())
        data[damage[0] : damage[0] + len(damage[1])] = damage[1]
        damage = bytes(data)
    path = tmp_path / "x.tar"
    path.write_bytes(damage)
    try:
        with opened(path) as medium:
            assert isinstance(medium, TarMedium)
            for name in medium.sizes:
                content(medium, name)
    except MoonliftError:
        return


def test_copy_is_the_same(tmp_path: Path) -> None:
    folder = copy_of(write_folder(tmp_path / "a"), tmp_path / "b")
    with opened(folder) as medium:
        assert dict(medium.sizes) == {name: len(data) for name, data in FILES.items()}
