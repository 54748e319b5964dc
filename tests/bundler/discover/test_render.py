"""How outside programs are run: bounded in time and output, ended with all their children."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from bundler.discover.folder import FILE_LIMIT
from bundler.discover.render import SHOWN, RenderFailed, render


def shell(script: str, folder: Path, seconds: float = 10) -> bytes:
    return render(("/bin/sh", "-c", script), folder, seconds=seconds)


def failure(script: str, folder: Path, seconds: float = 10) -> str:
    with pytest.raises(RenderFailed) as caught:
        shell(script, folder, seconds)
    return str(caught.value)


def test_output_and_complaints_are_kept_apart(tmp_path: Path) -> None:
    assert shell("echo out; echo warning >&2", tmp_path) == b"out\n"


def test_a_failure_says_why(tmp_path: Path) -> None:
    assert failure("echo half; echo 'no\033[31m such value' >&2; exit 3", tmp_path) == (
        "no\\x1b[31m such value"
    )
    assert failure("exit 3", tmp_path) == "ended with exit code 3"
    assert len(failure("head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 1", tmp_path)) == SHOWN


def test_too_slow(tmp_path: Path) -> None:
    started = time.monotonic()
    assert failure("sleep 600 & sleep 600", tmp_path, seconds=0.3) == "took more than 0.3 s"
    assert failure("exec >&- 2>&-; sleep 600", tmp_path, seconds=0.3) == "took more than 0.3 s"
    assert time.monotonic() - started < 120


def test_too_much(tmp_path: Path) -> None:
    assert failure("cat /dev/zero", tmp_path) == f"printed more than {FILE_LIMIT} bytes"


def test_no_such_program(tmp_path: Path) -> None:
    with pytest.raises(RenderFailed, match="can't be started"):
        render(("/nothing/here",), tmp_path)


def test_nothing_to_read_and_a_home_of_its_own(tmp_path: Path) -> None:
    assert shell("cat; echo $HOME; ls -A $HOME", tmp_path).startswith(b"/")
    home = Path(shell("echo $HOME", tmp_path).decode().strip())
    assert not home.exists()
