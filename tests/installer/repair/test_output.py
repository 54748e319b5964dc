"""`installer repair -o`: the folder is there when the bundle in it is whole, or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from manifests.bundle.claim import claim, staging_of
from manifests.bundle.layout import SUMS
from tests.installer.repair.conftest import Bench
from tests.support.tamper import flip

CALLS = {"write": errno.ENOSPC, "fsync": errno.EIO, "mkdir": errno.EROFS, "rename": errno.EIO}


def failing(bench: Bench, call: str, at: int) -> Callable[..., Any]:
    """Let a call on the output's place fail, the first or a later time."""
    real, left = getattr(os, call), at

    def failed(what: int | str | Path, *rest: Any, **named: Any) -> Any:
        nonlocal left
        path = Path(f"/proc/self/fd/{what}").readlink() if isinstance(what, int) else Path(what)
        if path.is_relative_to(staging_of(bench.out)):
            left -= 1
            if left < 0:
                raise OSError(CALLS[call], os.strerror(CALLS[call]))
        return real(what, *rest, **named)

    return failed


@pytest.mark.parametrize(
    ("call", "at"), [("write", 0), ("write", 20), ("fsync", 3), ("mkdir", 0), ("rename", 0)]
)
@pytest.mark.parametrize("there", [False, True], ids=["new", "empty"])
def test_what_fails_leaves_nothing(bench: Bench, call: str, at: int, *, there: bool) -> None:
    flip(bench.bad / "index.json")
    if there:
        bench.out.mkdir()
    before = set(bench.root.iterdir())
    with patch.object(os, call, failing(bench, call, at)):
        said = bench.repair("-o", bench.out)
    assert (said.code, said.json["error"]["code"]) == (11, "repair-write")
    assert set(bench.root.iterdir()) == before
    assert not there or not any(bench.out.iterdir())
    assert bench.repair("-o", bench.out).code == 0
    assert bench.is_whole(bench.out)
    assert set(bench.root.iterdir()) == before | {bench.out}


KILLED = """
import os, signal, sys
from installer.cli import main
left, real = int(sys.argv.pop(1)), os.write
def write(descriptor, data):
    global left
    if "out.partial" in os.readlink(f"/proc/self/fd/{descriptor}"):
        left -= 1
        if left < 0:
            real(descriptor, data[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
    return real(descriptor, data)
os.write = write
main()
"""


@pytest.mark.parametrize("at", [0, 30])
def test_what_a_killed_repair_left_is_no_bundle_and_is_cleared(bench: Bench, at: int) -> None:
    flip(bench.bad / "index.json")
    homes = ["--trust-dir", bench.root / "trust", "--state-dir", bench.root / "state"]
    command = [*map(str, homes), "repair", str(bench.bad), "-o", str(bench.out)]
    killed = subprocess.run([sys.executable, "-c", KILLED, str(at), *command], check=False)
    assert killed.returncode == -9
    assert not bench.out.exists()
    left = staging_of(bench.out)
    assert left.is_dir()
    assert not list(left.rglob(SUMS))
    assert bench.repair("-o", bench.out).code == 0
    assert bench.is_whole(bench.out)
    assert not left.exists()


def test_a_file_system_that_loses_what_is_moved_is_told(bench: Bench) -> None:
    flip(bench.bad / "index.json")
    with patch.object(os, "rename", lambda _, place: Path(place).mkdir()):
        said = bench.repair("-o", bench.out)
    assert (said.code, said.json["error"]["code"]) == (11, "repair-write")
    assert not bench.out.exists()


def test_two_repairs_do_not_write_to_one_place(bench: Bench) -> None:
    flip(bench.bad / "index.json")
    other = claim(bench.out)
    said = bench.repair("-o", bench.out)
    assert (said.code, said.json["error"]["code"]) == (2, "output-busy")
    os.close(other)
    assert bench.repair("-o", bench.out).code == 0


def test_a_whole_file_system_is_no_place(bench: Bench) -> None:
    error = bench.repair("-o", "/proc").json["error"]
    assert (error["code"], error["exit"]) == ("output-exists", 2)
    assert "/proc/NAME" in error["hint"]
