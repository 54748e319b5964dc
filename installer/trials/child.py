"""Runs `python -m selftest` on the host as a child process, with this terminal as its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

from manifests.errors import ExitCode, SelftestFailed

WORKER: Final = (sys.executable, "-P", "-m", "selftest")

_LAST_WORDS_S: Final = 20.0
"""Seconds in which an interrupted self-test may end its own children."""
_ENDINGS: Final = frozenset(
    {ExitCode.DONE, ExitCode.USAGE, ExitCode.SELFTEST_FAILED, ExitCode.INTERRUPTED}
)


def run_child(options: Sequence[str], command: Sequence[str] = WORKER) -> ExitCode:
    """Run the self-test, and return what it came to; what it says goes where our own words go.

    Args:
        options: of its command line.
        command: what to run; tests give others.

    Raises:
        SelftestFailed: `selftest-broken`: it ended as it never should.
    """
    argv = [*command, *options]
    child = subprocess.Popen(argv, env=child_environment(os.environ))  # noqa: S603 - our own
    with child, _interruptible(child):
        status = child.wait()
    if status not in _ENDINGS:
        raise SelftestFailed(
            "selftest-broken",
            f"expected the self-test to end with status 0 or 13, it ended with {_ending(status)}",
            hint="its own words above say why; python -m selftest --list shows whether it starts",
        )
    return ExitCode(status)


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the child needs to find its package: beside ours, installed or not."""
    beside = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, (beside, environ.get("PYTHONPATH", ""))))
    return {**environ, "PYTHONPATH": paths}


@contextmanager
def _interruptible(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Let the child end in order when this process is told to: it has children of its own."""

    def hand_on(_signal: int, _frame: FrameType | None) -> None:
        child.send_signal(signal.SIGTERM)

    before = signal.signal(signal.SIGTERM, hand_on)
    try:
        yield
    except KeyboardInterrupt:  # the terminal told the child, too
        _await_end(child)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def _await_end(child: subprocess.Popen[bytes]) -> None:
    try:
        child.wait(_LAST_WORDS_S)
    except subprocess.TimeoutExpired:
        child.kill()


def _ending(status: int) -> str:
    return f"signal {-status}" if status < 0 else str(status)
