"""Runs the self-test as a child process of the screen: its report and its pictures, never its code.

The child believes that it has a terminal of its own (a pty), so that it draws its pictures as on
one; its report comes through a file. Owns the child and its end; says nothing itself.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import tempfile
import termios
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from installer.stream.testevents import PictureDrawn
from installer.trials.child import WORKER, child_environment
from installer.trials.reports import REPORT_LIMIT, TrialReport, read_report
from installer.trials.told import PICTURE_SIDE, pictures_drawn
from installer.tui.terminal import Glyphs, Terminal
from manifests.errors import SelftestFailed

_CAPTION: Final = "original, blur and edges"
_OUTPUT_LIMIT: Final = 1024 * 1024
_TOLD = re.compile(rb"\r\x1b\[K([^\r\n]*)")
_PIECE: Final = 65536
_POLL_S: Final = 0.1
_LAST_WORDS_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Proof:
    """What came of a self-test.

    Attributes:
        report: what it says.
        picture: lines with the colours that the terminal has; none if nothing was drawn.
        caption: what the picture shows.
        drawings: the pictures as files, for the report.
    """

    report: TrialReport
    picture: tuple[str, ...]
    caption: str
    drawings: tuple[PictureDrawn, ...] = ()


class Stopped(Exception):
    """A person stopped the self-test."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the child draws.

    Attributes:
        terminal: what it can show.
        columns: how wide it is.
        environ: what the child is given.
    """

    terminal: Terminal
    columns: int
    environ: dict[str, str]


def prove(
    stage: Stage, tell: Callable[[str], None], cancel: threading.Event, command: tuple[str, ...]
) -> Proof:
    """Run the self-test and return what came of it.

    Args:
        stage: where it draws.
        tell: called with what it is doing.
        cancel: set it to stop.
        command: what to run; tests give others.

    Raises:
        SelftestFailed: `selftest-broken`: it ended as it never should; `selftest-report`.
        Stopped: `cancel` was set.
    """
    with tempfile.TemporaryDirectory(prefix="moonlift-") as folder:
        report = Path(folder) / "report.json"
        wanted = (f"--report={report}", f"--pictures={folder}", f"--size={PICTURE_SIDE}")
        argv = [*(command or WORKER), *wanted]
        output, status = _watched(argv, stage, tell, cancel)
        if cancel.is_set():
            raise Stopped
        try:
            with report.open("rb") as file:
                raw = file.read(REPORT_LIMIT + 1)
        except OSError as error:
            raise _broken(status, output) from error
        drawings = tuple(pictures_drawn("host", Path(folder)))
    picture, caption = picture_of(output)
    return Proof(read_report(raw), picture, caption, drawings)


def picture_of(output: str) -> tuple[tuple[str, ...], str]:
    """Return the lines of the picture in what the self-test wrote, and its caption."""
    lines = output.splitlines()
    for at, line in enumerate(lines):
        if line.startswith(_CAPTION):
            return tuple(one for one in lines[:at] if one.strip()), line
    return (), ""


def _watched(
    argv: list[str], stage: Stage, tell: Callable[[str], None], cancel: threading.Event
) -> tuple[str, int]:
    environ = child_environment({**stage.environ, **_encoding(stage.terminal)})
    with _terminal(stage.columns) as (ours, theirs), _terminal(stage.columns) as (talk, word):
        child = subprocess.Popen(  # noqa: S603 - our own
            argv, env=environ, stdin=subprocess.DEVNULL, stdout=theirs, stderr=word
        )
        os.close(theirs)
        os.close(word)
        listener = threading.Thread(target=_listen, args=(talk, tell), daemon=True)
        listener.start()
        stopper = threading.Thread(target=_stop, args=(child, cancel), daemon=True)
        stopper.start()
        output = b"".join(_pieces(ours))[:_OUTPUT_LIMIT]
        status = child.wait()
        listener.join()
        stopper.join()
    return output.decode("utf-8", "replace").replace("\r\n", "\n"), status


def _stop(child: subprocess.Popen[bytes], cancel: threading.Event) -> None:
    """End the child in order when a person asks for it: it has children of its own."""
    while child.poll() is None:
        if cancel.wait(_POLL_S):
            child.terminate()
            with suppress(subprocess.TimeoutExpired):
                child.wait(_LAST_WORDS_S)
            child.kill()
            return


def _listen(talk: int, tell: Callable[[str], None]) -> None:
    for piece in _pieces(talk):
        told = _TOLD.findall(piece)
        if told and told[-1]:
            tell(told[-1].decode("utf-8", "replace"))


def _pieces(descriptor: int) -> Iterator[bytes]:
    """Yield what comes until the other side is closed, which Linux tells as EIO."""
    with suppress(OSError):
        while piece := os.read(descriptor, _PIECE):
            yield piece


@contextmanager
def _terminal(columns: int) -> Iterator[tuple[int, int]]:
    """Yield both sides of a new terminal; theirs is closed by whoever hands it on."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    try:
        yield ours, theirs
    finally:
        os.close(ours)


def _encoding(terminal: Terminal) -> dict[str, str]:
    plain = terminal.glyphs is Glyphs.ASCII
    return {"PYTHONIOENCODING": "ascii" if plain else "utf-8"}


def _broken(status: int, output: str) -> SelftestFailed:
    last = " / ".join(output.strip().splitlines()[-3:])
    return SelftestFailed(
        "selftest-broken",
        f"expected the self-test to end with status 0 or 13, it ended with {status}: {last}",
        hint="python -m selftest --list shows whether it starts",
    )
