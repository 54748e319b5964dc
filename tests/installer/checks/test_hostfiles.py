"""Reading a host: what is not there, what may not be read, and what is not what it seems."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from installer.checks.hostfiles import HostFiles, Unreadable
from installer.checks.kernellog import KernelLog, read_kernel_log


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    files = HostFiles(tmp_path)
    (tmp_path / "file").write_text("x")
    for path in ("/gone", "/file/below", "/gone/deep"):
        assert files.text(path) is None
        assert files.names(path) == ()
        assert files.target(path) is None
        assert files.node(path) is None
        assert files.space(path) is None
        assert files.tail(path, 10) is None
        assert not files.exists(path)


def test_paths_are_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/hostname").write_text(" here \n")
    files = HostFiles(tmp_path)
    assert files.line("/etc/hostname") == "here"
    assert files.names("/etc") == ("hostname",)


@pytest.mark.parametrize(
    ("text", "number"), [("42 7\n", 42), ("", None), ("-1", None), ("x", None), ("\u0664", None)]
)
def test_numbers(tmp_path: Path, text: str, number: int | None) -> None:
    (tmp_path / "n").write_text(text)
    assert HostFiles(tmp_path).number("/n") == number


def test_a_file_is_read_up_to_a_limit(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"a" * 3_000_000 + b"end")
    files = HostFiles(tmp_path)
    assert len(files.text("/big") or "") == 1024 * 1024
    assert files.data("/big", 2) == b"aa"
    assert files.tail("/big", 4) == b"aend"


def test_bad_bytes_are_replaced(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"a\xffb")
    assert HostFiles(tmp_path).text("/bad") == "a\ufffdb"


def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Unreadable, match="not a regular file"):
        HostFiles(tmp_path).text("/pipe")


def test_a_folder_in_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(Unreadable):
        HostFiles(tmp_path).text("/folder")


def test_a_name_that_no_file_can_have(tmp_path: Path) -> None:
    files = HostFiles(tmp_path)
    assert not files.exists("/a\0b")
    with pytest.raises(Unreadable):
        files.names("/a\0b")


def test_a_circle_of_links_is_unreadable_and_not_forbidden(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    files = HostFiles(tmp_path)
    assert files.target("/loop") == "loop"
    with pytest.raises(Unreadable) as caught:
        files.text("/loop")
    assert not caught.value.forbidden


def test_a_device(tmp_path: Path) -> None:
    found = HostFiles(Path("/")).node("/dev/null")
    assert found is not None
    assert (found.device, found.major, found.minor) == (True, 1, 3)
    (tmp_path / "plain").write_text("")
    (tmp_path / "plain").chmod(0o640)
    plain = HostFiles(tmp_path).node("/plain")
    assert plain is not None
    assert (plain.device, plain.mode) == (False, 0o640)


def test_room_of_a_file_system(tmp_path: Path) -> None:
    found = HostFiles(tmp_path).space("/")
    assert found is not None
    assert 0 < found.free <= found.total


def test_this_host_s_kernel_log() -> None:
    log = read_kernel_log()
    assert bool(log.lines) == bool(log.source)
    assert log.source or log.trouble


def test_the_log_of_a_daemon_where_the_kernel_s_may_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kmsg").write_text("not a device")
    (tmp_path / "var/log").mkdir(parents=True)
    old = "host kernel: Linux version 5\nhost kernel: NVRM: Xid (PCI:0000:01:00): 79, old\n"
    new = "host kernel: Linux version 6\nhost kernel: NVRM: Xid (PCI:0000:01:00): 31, new\n"
    (tmp_path / "var/log/kern.log").write_text(old + new)
    log = read_kernel_log(tmp_path)
    assert log.source == "/var/log/kern.log"
    assert [line[-3:] for line in log.having("XID")] == ["new"]


def test_no_log_at_all(tmp_path: Path) -> None:
    log = read_kernel_log(tmp_path)
    assert log.trouble
    with pytest.raises(Unreadable):
        log.readable()
    assert KernelLog(("a",), "/dev/kmsg").readable().lines == ("a",)
