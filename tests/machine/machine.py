"""Boots a guest, and runs commands in it."""

from __future__ import annotations

import json
import os
import select
import shutil
import sys
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.machine.agent import SAID
from tests.machine.kernel import Kernel, MachineError
from tests.support.process import run_daemon, short_directory

MEGABYTES = 1024
BOOT_S = 180
EXCHANGE = "/mnt/exchange"
"""Where a guest sees the folder that it was started with."""
_INIT = Path(__file__).with_name("init.sh")


@dataclass(frozen=True)
class Done:
    """What a command in a guest came to."""

    status: int
    out: str
    err: str


class Machine:
    """A running guest.

    Attributes:
        folder: shared with the guest, which may write there.
    """

    def __init__(self, line: int, folder: Path) -> None:
        self.folder = folder
        self._line = line
        self._rest = b""
        self._last = 0
        self._ended: dict[int, int] = {}

    def seen(self, path: Path) -> str:
        """Return what a path below `folder` is called in the guest."""
        return f"{EXCHANGE}/{path.relative_to(self.folder)}"

    def begin(self, *argv: object, **env: str) -> Running:
        """Start a command."""
        self._last += 1
        request = {"id": self._last, "argv": [_plain(word) for word in argv], "env": env}
        os.write(self._line, json.dumps(request).encode() + b"\n")
        return Running(self, self._last, " ".join(map(str, argv)))

    def run(self, *argv: object, **env: str) -> str:
        """Run a command that has to end well; return its output.

        Raises:
            MachineError: it did not.
        """
        return self.begin(*argv, **env).well()

    def do(self, name: str, *words: object) -> Any:
        """Have the agent itself do something; return what that returns.

        Raises:
            MachineError: it failed.
        """
        return json.loads(self.run("do", name, *words))

    def await_end(self, number: int, seconds: float) -> int | None:
        """Wait for the end of a request; None if it is not over by then."""
        deadline = time.monotonic() + seconds
        while number not in self._ended:
            left = deadline - time.monotonic()
            ready, _, _ = select.select([self._line], [], [], max(0, left))
            if not ready:
                return None
            self._take(os.read(self._line, 65536))
        return self._ended.pop(number)

    def _take(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            self._ended[message["id"]] = message["status"]


@dataclass(frozen=True)
class Running:
    """A command that was started in a guest."""

    machine: Machine
    number: int
    text: str

    def ended(self, seconds: float) -> Done | None:
        """Wait for so long; None if it still runs."""
        status = self.machine.await_end(self.number, seconds)
        return None if status is None else Done(status, self._said("out"), self._said("err"))

    def wait(self, seconds: float = 1800) -> Done:
        """Wait for its end.

        Raises:
            MachineError: it hangs.
        """
        done = self.ended(seconds)
        if done is None:
            raise MachineError(f"{self.text}: not over after {seconds:.0f} s")
        return done

    def well(self) -> str:
        """Wait for its end, which has to be a good one; return the output.

        Raises:
            MachineError: it was not.
        """
        done = self.wait()
        if done.status:
            raise MachineError(f"{self.text}: {done.status}\n{done.out[-2000:]}{done.err[-4000:]}")
        return done.out

    def _said(self, stream: str) -> str:
        path = self.machine.folder / SAID / f"{self.number}.{stream}"
        text = path.read_text(errors="replace")
        path.unlink()
        return text


def _plain(word: object) -> object:
    return word if isinstance(word, int) else str(word)


@contextmanager
def run_machine(folder: Path, kernel: Kernel, *drives: Path) -> Iterator[Machine]:
    """Boot a guest that shares `folder`, with drives /dev/ubda and so on; it ends with the block.

    Raises:
        MachineError: it does not come up.
        DaemonError: it ends at once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / SAID, ignore_errors=True)
    ours, theirs = os.openpty()
    try:
        tty.setraw(theirs)
        with short_directory() as place:
            words = [*_words(folder, kernel, drives), f"ssl0=tty:{os.ttyname(theirs)}"]
            words.append(f"uml_dir={place}")
            with run_daemon(words, log=place / "log", ready=lambda: True, stop_s=5):
                machine = Machine(ours, folder)
                _await_boot(machine, place / "log")
                yield machine
    finally:
        os.close(ours)
        os.close(theirs)


def _await_boot(machine: Machine, log: Path) -> None:
    if machine.await_end(0, BOOT_S) is None:
        said = log.read_text(errors="replace")[-3000:]
        raise MachineError(f"the guest was not up in {BOOT_S} s; its console ends:\n{said}")


def _words(folder: Path, kernel: Kernel, drives: tuple[Path, ...]) -> list[str]:
    words = ["nice", "-n", "10", str(kernel.program), f"mem={MEGABYTES}M", "con=null", "ssl=null"]
    words += ["con0=null,fd:1", "root=none", "rootfstype=hostfs", "rootflags=/", "ro"]
    words += [f"init={_INIT}", f"exchange={folder}", f"kernel={kernel.program.parent}"]
    words += [f"python={sys.executable}", f"tree={_INIT.parents[2]}"]
    return words + [f"ubd{chr(ord('a') + n)}={path}" for n, path in enumerate(drives)]
