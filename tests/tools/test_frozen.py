"""What is special in the frozen installer, as far as it shows without freezing one."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from installer.checks import libraryprobe, nvmlprobe
from installer.frozen import build_lines, portable_environ
from installer.trials import child
from selftest import runner
from tools.frozen import aside, libraries
from tools.frozen.glibc import floor_of
from tools.frozen.interpreter import MODULES, PythonWords, words_of_python

ROOT = str(Path(__file__).parents[2])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ((*child.WORKER[1:], "--quick"), PythonWords("selftest", ("--quick",))),
        ((*runner.WORKER[1:], "4"), PythonWords("selftest.worker", ("4",), reports_crashes=True)),
        (
            ("-I", "-S", libraryprobe.__file__, "libm.so.6"),
            PythonWords("installer.checks.libraryprobe", ("libm.so.6",)),
        ),
        (("-I", "-S", nvmlprobe.__file__), PythonWords("installer.checks.nvmlprobe", ())),
    ],
)
def test_it_is_python_to_the_children_of_our_packages(
    words: tuple[str, ...], expected: PythonWords
) -> None:
    assert words_of_python(words, ROOT) == expected
    assert expected.module in MODULES


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("install", "/media/usb/viz-1.4.0"),
        ("--version",),
        ("-m", "http.server"),
        ("-m",),
        ("-X", "dev", "-m", "selftest"),
        ("-c", "print()"),
        (f"{ROOT}/installer/run.py",),
        ("/elsewhere/installer/checks/libraryprobe.py",),
    ],
)
def test_it_runs_nothing_else(words: tuple[str, ...]) -> None:
    assert words_of_python(words, ROOT) is None


@pytest.mark.parametrize("before", [None, "/opt/cuda/lib64"])
def test_what_it_starts_has_the_hosts_libraries(
    monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    started: list[dict[str, str]] = []
    monkeypatch.setattr(os, "execve", lambda _path, _argv, environ: started.append(environ))
    environ = {"PATH": "/bin"} if before is None else {"PATH": "/bin", "LD_LIBRARY_PATH": before}
    as_found = dict(environ)
    libraries.use_own("/run/_MEI1", environ)
    assert started[0]["LD_LIBRARY_PATH"].split(":")[0] == "/run/_MEI1"
    again = started.pop()
    libraries.use_own("/run/_MEI1", again)
    assert (started, again) == ([], as_found)


def test_a_signal_that_comes_twice_is_taken_once() -> None:
    """The first handler is told of one; whoever puts a handler back finds his own."""
    text = """
import os, signal, time
from tools.frozen.signals import take_once
take_once()
seen = []
def handle(number, frame): seen.append(number)
before = signal.signal(signal.SIGINT, handle)
assert before is signal.default_int_handler
for _ in range(2):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)
os.kill(os.getpid(), signal.SIGINT)
assert signal.signal(signal.SIGINT, before) is handle
assert signal.signal(signal.SIGTERM, signal.SIG_IGN) is signal.SIG_DFL
print(seen)
"""
    done = subprocess.run(
        [sys.executable, "-c", text], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert (done.stdout, done.stderr) == ("[2]\n", "")


def test_the_floor_is_the_newest_version_that_a_file_asks_for() -> None:
    here = tuple(map(int, platform.libc_ver()[1].split(".")))
    floor = floor_of([("python", os.path.realpath(sys.executable)), ("sh", "/bin/sh")])
    told = subprocess.run(
        ["objdump", "-T", os.path.realpath(sys.executable), "/bin/sh"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    used = {tuple(map(int, one.split("."))) for one in re.findall(r"GLIBC_([0-9.]+)", told)}
    assert tuple(map(int, floor.version.split("."))) == max(used) <= here
    assert set(floor.because) <= {"python", "sh"}
    assert floor.because
    assert floor.files == 2


def test_a_set_of_files_that_needs_no_glibc_has_no_floor(tmp_path: Path) -> None:
    source = tmp_path / "empty.c"
    source.write_text("")
    library = tmp_path / "empty.so"
    subprocess.run(["gcc", "-shared", "-nostdlib", source, "-o", library], check=True)
    with pytest.raises(ValueError, match="found none"):
        floor_of([("empty", str(library))])


def test_the_self_tests_libraries_are_unpacked_once(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / aside.ARCHIVE, "w") as archive:
        archive.writestr("numpy/core.so", "bytes")
    aside.unpack(str(tmp_path))
    library = tmp_path / "numpy/core.so"
    assert library.read_text() == "bytes"
    library.write_text("in use")
    aside.unpack(str(tmp_path))
    assert library.read_text() == "in use"


def test_other_machines_are_not_told_where_it_is_unpacked_here() -> None:
    environ = {"_PYI_APPLICATION_HOME_DIR": "/run/_MEI1", "PATH": "/bin"}
    assert portable_environ(environ) == {"PATH": "/bin"}


def test_unfrozen_there_is_nothing_to_tell() -> None:
    assert build_lines() == []
