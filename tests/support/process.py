"""Daemons as context managers: started, awaited, stopped by their own process id.

A daemon is told to end when the thread that started it dies, so that a test run that is killed
leaves none behind. Nothing is ever ended by name.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

Daemon: TypeAlias = "subprocess.Popen[bytes]"

POLL_S = 0.02

_SHORT = Path("/tmp")
_PREFIX = "ml-"


class DaemonError(RuntimeError):
    """A daemon ended, or did not become ready, with the end of its log."""

    def __init__(self, argv: Sequence[str], what: str, log: Path) -> None:
        tail = log.read_text(errors="replace")[-3000:] if log.exists() else ""
        super().__init__(f"{' '.join(argv[:8])} ... {what}; its log ends:\n{tail}")


@contextmanager
def run_daemon(
    argv: Sequence[str],
    *,
    log: Path,
    ready: Callable[[], bool],
    env: Mapping[str, str] | None = None,
    start_s: float = 60,
    stop_s: float = 20,
) -> Iterator[Daemon]:
    """Run `argv` until the block ends; both output streams go to the file `log`.

    Args:
        argv: the command; it must exec, not fork, so that its process id is the daemon's.
        log: appended to.
        ready: polled every 20 ms until true.
        env: the whole environment; inherited when None.
        start_s: seconds until an unready daemon is given up.
        stop_s: seconds between SIGTERM and SIGKILL.

    Raises:
        DaemonError: it ended before it was ready, or took longer than `start_s`.
    """
    guarded = ["setpriv", "--pdeathsig", "TERM", *argv]
    with log.open("ab") as out:
        process = subprocess.Popen(
            guarded,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=env,
            start_new_session=True,  # Ctrl-C is for us; we then stop the daemon in order
        )
    try:
        _await_ready(process, argv, log, ready, start_s)
        yield process
    finally:
        stop(process, stop_s)


def stop(process: Daemon, stop_s: float = 20) -> None:
    """End a process that this one started: SIGTERM, after `stop_s` seconds SIGKILL."""
    process.terminate()
    try:
        process.wait(stop_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextmanager
def short_directory() -> Iterator[Path]:
    """Yield an empty folder whose path is short enough for socket paths (108 bytes) in it.

    Its name carries this process's id; those of dead processes are removed.
    """
    for stale in _SHORT.glob(f"{_PREFIX}*-*"):
        if is_dead(stale.name.removeprefix(_PREFIX).partition("-")[0]):
            unmount_below(stale)
            shutil.rmtree(stale, ignore_errors=True)
    prefix = f"{_PREFIX}{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=_SHORT, ignore_cleanup_errors=True) as name:
        try:
            yield Path(name)
        finally:
            unmount_below(Path(name))


def unmount_below(root: Path) -> None:
    """Unmount, deepest first, what a killed engine may have left under `root`."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for point in sorted((p for p in mounts if p.startswith(f"{root}/")), reverse=True):
        subprocess.run(["umount", "--lazy", point], check=False, capture_output=True)


def is_dead(process_id: str) -> bool:
    """Tell whether the text is the id of a process that is no more."""
    return process_id.isdecimal() and not Path(f"/proc/{process_id}").exists()


def _await_ready(
    process: Daemon, argv: Sequence[str], log: Path, ready: Callable[[], bool], start_s: float
) -> None:
    deadline = time.monotonic() + start_s
    while not ready():
        if process.poll() is not None:
            raise DaemonError(argv, f"ended with {process.returncode}", log)
        if time.monotonic() > deadline:
            raise DaemonError(argv, f"was not ready in {start_s:.0f} s", log)
        time.sleep(POLL_S)
