"""First process of a guest: runs what the host asks for, and says what came of it.

A line of JSON a request: `id`, `argv` and `env`. Output goes to files in the exchange folder.
`bundle`, `installer` and `trigger` run in a fork of this process, which has them loaded; what
begins with `do` is done by this process itself; other words are programs.
"""

from __future__ import annotations

import gc
import json
import os
import select
import signal
import sys
import traceback
import tty
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import bundler.answers.drive
import bundler.cli
import installer.cli
import installer.engines.choose
import installer.verbs.install
import installer.verbs.verify
import tests.machine.trigger
from tests.machine.inside import do

PROGRAMS: Final = {
    "bundle": bundler.cli.main,
    "installer": installer.cli.main,
    "trigger": tests.machine.trigger.main,
}
SAID: Final = ".said"
"""Folder of the exchange folder with what commands print."""

_OUT = Path("/mnt/exchange") / SAID


class Agent:
    """Requests that are under way, each with its child."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._rest = b""
        self._running: dict[int, int] = {}

    def serve(self) -> None:
        """Serve until the machine ends."""
        woken, waking = os.pipe()
        os.set_blocking(waking, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waking)
        self._tell(0, 0)
        while True:
            ready, _, _ = select.select([self._port, woken], [], [])
            if woken in ready:
                os.read(woken, 4096)
                self._reap()
            if self._port in ready:
                self._take(os.read(self._port, 65536))

    def _take(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            if request["argv"][0] == "do":
                self._do(request)
                continue
            child = os.fork()
            if child == 0:
                _become(request)
            self._running[child] = request["id"]

    def _do(self, request: Mapping[str, Any]) -> None:
        """Do it here and now; what it returns is the output, its traceback the error."""
        out, err = "", ""
        try:
            out = json.dumps(do(request["argv"][1], request["argv"][2:]))
        except Exception:  # noqa: BLE001 - told to the host
            err = traceback.format_exc()
        for stream, text in (("out", out), ("err", err)):
            (_OUT / f"{request['id']}.{stream}").write_text(text)
        self._tell(request["id"], 1 if err else 0)

    def _reap(self) -> None:
        while True:
            try:
                child, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if child == 0:
                return
            if child in self._running:
                self._tell(self._running.pop(child), os.waitstatus_to_exitcode(status))

    def _tell(self, number: int, status: int) -> None:
        os.write(self._port, json.dumps({"id": number, "status": status}).encode() + b"\n")


def _become(request: Mapping[str, Any]) -> None:
    """Become what is asked for; never returns."""
    status = 127
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for stream, number in (("out", 1), ("err", 2)):
            path = _OUT / f"{request['id']}.{stream}"
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC), number)
        os.environ.update(request["env"])
        words = list(map(str, request["argv"]))
        if words[0] in PROGRAMS:
            sys.argv = words
            PROGRAMS[words[0]]()
            status = 0
        else:
            os.execvp(words[0], words)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - told to the host
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def main() -> None:
    """Serve the serial line."""
    _OUT.mkdir(exist_ok=True)
    port = os.open("/dev/ttyS0", os.O_RDWR | os.O_CLOEXEC | os.O_NOCTTY)
    tty.setraw(port)
    gc.freeze()
    Agent(port).serve()


if __name__ == "__main__":
    main()
