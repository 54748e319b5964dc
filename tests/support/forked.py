"""`python -m installer` without the wait for Python: in a child of this process, forked.

What a test asks of a program is what it does and says, not how it is loaded, which takes a second
of a processor each time. The child has its own environment, folder, streams, network namespace and
exit status, and runs the package from its first line. That a fresh Python comes there as well is
tested where programs are started by hand.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
import os
import pkgutil
import runpy
import select
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, NoReturn

import installer

Done = subprocess.CompletedProcess[str]

_NETNS = Path("/run/netns")
_CLONE_NEWNET = 0x40000000
_SCREENS = "installer.tui"


@dataclass(frozen=True)
class Streams:
    """The file descriptors that a child has as its standard streams."""

    stdin: int
    stdout: int
    stderr: int


@dataclass(frozen=True)
class Where:
    """What a child finds itself in.

    Attributes:
        environ: its whole environment.
        folder: where it works; this process's for None.
        netns: the network namespace; empty for this process's.
    """

    environ: Mapping[str, str]
    folder: Path | None = None
    netns: str = ""


@dataclass(frozen=True)
class Child:
    """A running `installer`."""

    pid: int

    def wait(self, timeout_s: float) -> int:
        """Return how it ended, as `subprocess` does; kill it where it takes longer.

        Raises:
            subprocess.TimeoutExpired: it took longer.
        """
        descriptor = os.pidfd_open(self.pid)
        ended, _, _ = select.select([descriptor], [], [], timeout_s)
        os.close(descriptor)
        if not ended:
            os.kill(self.pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        if not ended:
            raise subprocess.TimeoutExpired("installer", timeout_s)
        return status


def run_installer(
    words: Sequence[str], where: Where, *, stdin: bytes = b"", timeout_s: float = 300
) -> Done:
    """Run `installer` to its end; return what it printed.

    Raises:
        subprocess.TimeoutExpired: it took longer.
    """
    with (
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        given.write(stdin)
        given.seek(0)
        streams = Streams(given.fileno(), out.fileno(), err.fileno())
        status = start_installer(words, where, streams).wait(timeout_s)
        return Done(list(words), status, _read(out), _read(err))


def start_installer(words: Sequence[str], where: Where, streams: Streams) -> Child:
    """Start `installer` with these streams."""
    _load_all()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = _fork()
    return Child(pid) if pid else _be_installer(words, where, streams)


def _fork() -> int:
    """Fork; a later Python warns where there are other threads, which here only wait for words."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


@cache
def _load_all() -> None:
    """Load the package here, its screens apart, so that no child has to."""
    for found in pkgutil.walk_packages(installer.__path__, "installer."):
        if not found.name.startswith(_SCREENS) and not found.name.endswith("__main__"):
            importlib.import_module(found.name)


def _be_installer(words: Sequence[str], where: Where, streams: Streams) -> NoReturn:
    """Become the program; never go back into the tests."""
    status = 1
    try:
        _enter(where, streams)
        sys.argv = ["installer", *words]
        runpy.run_module("installer", run_name="__main__")
        status = 0
    except SystemExit as asked:
        status = asked.code if isinstance(asked.code, int) else 1
    except BaseException:  # noqa: BLE001 - this process is a copy of the tests' and must end here
        traceback.print_exc()
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


def _enter(where: Where, streams: Streams) -> None:
    for number, descriptor in enumerate((streams.stdin, streams.stdout, streams.stderr)):
        os.dup2(descriptor, number)
    _close_others()
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
    environ = dict(where.environ)
    os.environ.clear()
    os.environ.update(environ)
    if where.folder is not None:
        os.chdir(where.folder)
    if where.netns:
        _enter_network(where.netns)
    warnings.resetwarnings()
    warnings.simplefilter("ignore")
    logging.getLogger().handlers.clear()


def _close_others() -> None:
    """Close what only the tests have open, as a program that is started would find it closed."""
    for number in sorted(int(one.name) for one in Path("/proc/self/fd").iterdir()):
        if number > 2:
            with suppress(OSError):
                os.close(number)


def _enter_network(name: str) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(_NETNS / name, os.O_RDONLY)
    if libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), f"can't enter {name}")
    os.close(descriptor)
