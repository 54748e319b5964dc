"""Runs `python -m selftest` on the host in the background of something else, and reads its report.

Owns the child's life: it is told to end when its parent is cancelled, and killed at its deadline.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from typing import IO, Final

from installer.stream.jobs import Halted
from installer.trials.child import WORKER, child_environment
from installer.trials.reports import REPORT_LIMIT, TrialReport, read_report
from manifests.errors import SelftestFailed
from manifests.safetext import safe_line

_POLL_S: Final = 0.1
_LAST_WORDS_S: Final = 20.0
_REPORTING: Final = (0, 13)
_QUOTED: Final = 2000
"""Bytes of the end of what it complained of."""


def report_of_child(
    options: Sequence[str],
    deadline_s: float,
    cancel: threading.Event,
    command: Sequence[str] = WORKER,
) -> TrialReport:
    """Run the self-test to its end, and return what it reports.

    Args:
        options: of its command line, besides `--json`.
        deadline_s: seconds from its start.
        cancel: set it to stop.
        command: what to run; tests give others.

    Raises:
        SelftestFailed: `selftest-broken`, `selftest-report`: it has nothing to say.
        Halted: `cancel` was set.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen(  # noqa: S603 - our own
            [*command, "--json", *options],
            env=child_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
        )
        try:
            status = _await(child, time.monotonic() + deadline_s, cancel)
        finally:
            _end(child)
        if status not in _REPORTING:
            raise _broken(status, _tail(err))
        out.seek(0)
        return read_report(out.read(REPORT_LIMIT + 1))


def _await(child: subprocess.Popen[bytes], deadline: float, cancel: threading.Event) -> int | None:
    """Return the child's exit status, None when its time is over."""
    while child.poll() is None:
        if time.monotonic() > deadline:
            return None
        if cancel.wait(_POLL_S):
            raise Halted
    return child.returncode


def _end(child: subprocess.Popen[bytes]) -> None:
    """Let a child that still runs end in order, and see that it does."""
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(_LAST_WORDS_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _tail(stream: IO[bytes]) -> str:
    stream.seek(0, os.SEEK_END)
    stream.seek(max(0, stream.tell() - _QUOTED))
    return safe_line(stream.read().decode(errors="replace"), limit=_QUOTED)


def _broken(status: int | None, words: str) -> SelftestFailed:
    how = "it did not end in time" if status is None else f"it ended with {status}"
    return SelftestFailed(
        "selftest-broken",
        f"expected the self-test to end with status 0 or 13, {how}: {words}",
        hint="python -m selftest --list shows whether it starts",
    )
