"""The program on a terminal of its own: opened by its name alone, left with its exit code."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping

import pytest

from tests.installer.conftest import Host
from tests.installer.test_cli import environ

ESCAPE = re.compile(rb"\x1b\[[0-9;?<>=]*[A-Za-z$]|\x1b[()][A-Z0-9]|\x1b[=>78]")


class Terminal:
    """A terminal with the program on it."""

    def __init__(self, host: Host, size: tuple[int, int], more: Mapping[str, str]) -> None:
        self._main, other = pty.openpty()
        columns, rows = size
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        env = {**os.environ, **environ(host), **more}
        argv = [sys.executable, "-m", "installer"]
        self.process = subprocess.Popen(
            argv, stdin=other, stdout=other, stderr=other, env=env, cwd=host.root
        )
        os.close(other)
        self.seen = b""

    def until(self, text: bytes) -> None:
        while text not in self.seen:
            self.seen += os.read(self._main, 65536)

    def press(self, keys: bytes) -> None:
        os.write(self._main, keys)

    def hang_up(self) -> None:
        """Be gone, as a connection that is lost."""
        os.close(self._main)

    def end(self) -> int:
        """Read to the end, and return the exit code."""
        try:
            while piece := os.read(self._main, 65536):
                self.seen += piece
        except OSError:
            pass
        os.close(self._main)
        return self.process.wait(60)


@pytest.mark.parametrize(
    ("size", "more"),
    [
        ((80, 24), {"TERM": "xterm-256color", "LANG": "C.UTF-8"}),
        ((120, 40), {"TERM": "linux", "LANG": "C.UTF-8"}),
        ((0, 0), {"TERM": "vt100", "LANG": "C.UTF-8"}),
        ((80, 24), {"TERM": "xterm", "LANG": "C", "NO_COLOR": "1"}),
    ],
    ids=["xterm", "console", "serial line", "no colour"],
)
def test_the_name_alone_opens_the_screen_on_any_terminal(
    host: Host, size: tuple[int, int], more: Mapping[str, str]
) -> None:
    host.bundle()
    terminal = Terminal(host, size, more)
    terminal.until(b"bundle-0")
    terminal.press(b"q")
    assert terminal.end() == 0
    plain = ESCAPE.sub(b"", terminal.seen)
    if more["TERM"] == "vt100" or more["LANG"] == "C":
        assert plain.isascii()
    if more["TERM"] == "vt100" or "NO_COLOR" in more:
        assert not re.search(rb"\x1b\[[0-9;]*(38|48|3[0-7]|4[0-7])[;m]", terminal.seen)


def test_where_no_screen_can_be_drawn_the_help_is_printed(host: Host) -> None:
    terminal = Terminal(host, (80, 24), {"TERM": "dumb"})
    assert terminal.end() == 2
    assert b"full-screen program" in terminal.seen


def test_it_ends_when_its_terminal_is_gone(host: Host) -> None:
    host.bundle()
    terminal = Terminal(host, (80, 24), {"TERM": "xterm", "LANG": "C.UTF-8"})
    terminal.until(b"bundle-0")
    terminal.hang_up()
    assert terminal.process.wait(60) == -signal.SIGHUP


def test_a_killed_program_reopens_where_it_was(host: Host) -> None:
    host.bundle()
    more = {"TERM": "xterm", "LANG": "C.UTF-8"}
    terminal = Terminal(host, (80, 24), more)
    terminal.until(b"bundle-0")
    terminal.press(b"\r")
    terminal.until(b"TRUSTED")
    journal = host.root / "state/screen.json"
    while not journal.exists():
        assert terminal.process.poll() is None
    terminal.process.kill()
    terminal.end()
    again = Terminal(host, (80, 24), more)
    again.until(b"TRUSTED")
    again.press(b"q")
    assert again.end() == 0
    assert not journal.exists()
