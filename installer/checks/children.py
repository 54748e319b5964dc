"""Runs a short program of ours with a deadline, so that no driver can hang or crash this one.

A process that waits inside the kernel can't be killed: it is left behind, not waited for.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

OUTPUT_LIMIT: Final = 1024 * 1024
"""Bytes taken of what a child writes."""
NOT_STARTED: Final = 126
LEAVE_SECONDS: Final = 1.0
"""How long a killed child may take to be gone."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended.

    Attributes:
        output: what it wrote, at most `OUTPUT_LIMIT` bytes.
        status: its exit status; below zero the signal that ended it; None when it hung.
    """

    output: bytes
    status: int | None

    @property
    def reason_not_started(self) -> str:
        """Why it could not be started, empty when it was."""
        return self.output.decode("utf-8", errors="replace") if self.status == NOT_STARTED else ""

    @property
    def crash(self) -> str:
        """The name of the signal that ended it, empty for none."""
        if self.status is None or self.status >= 0:
            return ""
        with suppress(ValueError):
            return signal.Signals(-self.status).name
        return f"signal {-self.status}"


def run_probe(
    program: Path, *arguments: str, seconds: float, environment: Mapping[str, str] | None = None
) -> Ended:
    """Run a file of Python that needs nothing of this package.

    One that can't be started ends with 126, as in a shell, its output being the reason.

    Args:
        program: the file.
        arguments: for it.
        seconds: after which it is killed.
        environment: in the place of this process's.
    """
    try:
        process = _start([sys.executable, "-I", "-S", str(program), *arguments], environment)
    except OSError as error:
        return Ended(str(error).encode(errors="replace"), NOT_STARTED)
    deadline = time.monotonic() + seconds
    output = _read(process, deadline)
    return Ended(output, _wait(process, deadline - time.monotonic()))


def _start(argv: Sequence[str], environment: Mapping[str, str] | None) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own file, by its full path
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=None if environment is None else dict(environment),
        start_new_session=True,
    )


def _read(process: subprocess.Popen[bytes], deadline: float) -> bytes:
    """Return what the child writes until it closes its output, or until the deadline."""
    assert process.stdout is not None  # noqa: S101 - it was asked for
    kept = bytearray()
    with process.stdout as pipe, selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while len(kept) < OUTPUT_LIMIT and selector.select(max(0.0, deadline - time.monotonic())):
            piece = os.read(pipe.fileno(), 65536)
            if not piece:
                break
            kept += piece
    return bytes(kept[:OUTPUT_LIMIT])


def _wait(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    with suppress(subprocess.TimeoutExpired):
        return process.wait(max(0.0, seconds))
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(LEAVE_SECONDS)
    return None
