"""Runs the programs that render Kubernetes documents: `helm`, `kustomize`, `kubectl`.

Owns how they run: no shell, no input, no network, no settings of the person who builds, a
deadline, bounded output. What to run and what its output means is for the caller.
"""

from __future__ import annotations

import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from bundler.discover.folder import FILE_LIMIT
from manifests.safetext import safe_line

DEADLINE: Final = 120.0
"""Seconds; the largest public charts take ten."""
ERRORS_LIMIT: Final = 64 * 1024
"""Bytes of what a program complains; the rest is dropped."""
SHOWN: Final = 1500
"""Characters of it in a message."""

_NOWHERE: Final = "http://127.0.0.1:9"
"""A proxy that is not there: charts and bases are to lie in the app's folder."""
_CHUNK: Final = 64 * 1024


@dataclass(slots=True)
class _Buffer:
    """The beginning of what a pipe brings; the rest is dropped.

    Attributes:
        limit: bytes kept.
        data: so far.
    """

    limit: int
    data: bytearray = field(default_factory=bytearray)

    def read(self, descriptor: int) -> bool:
        """Read once; tell whether there may be more."""
        chunk = os.read(descriptor, _CHUNK)
        self.data += chunk[: self.limit - len(self.data)]
        return bool(chunk)


class RenderFailed(Exception):
    """A program that did not render; its text says why."""


def find_program(name: str) -> str | None:
    """Return the path of a program on PATH; None when it is not installed."""
    return shutil.which(name)


def render(argv: Sequence[str], folder: Path, *, seconds: float = DEADLINE) -> bytes:
    """Run a program and return what it printed.

    Args:
        argv: the program's path and its arguments.
        folder: that it runs in.
        seconds: that it may take.

    Raises:
        RenderFailed: not started, too slow, too much output, or an exit code other than 0.
    """
    with tempfile.TemporaryDirectory(prefix="moonlift-render-") as home:
        try:
            process = subprocess.Popen(  # noqa: S603 - no shell; the caller's own arguments
                argv,
                cwd=folder,
                env=_environment(home),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise RenderFailed(f"can't be started: {error}") from error
        try:
            return _finish(process, time.monotonic() + seconds, seconds)
        finally:
            _end(process)


def _environment(home: str) -> Mapping[str, str]:
    """Return the little that the programs need; their settings and plugins are not found."""
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _NOWHERE)
    return proxies | {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": home,
        "TMPDIR": home,
        "LC_ALL": "C.UTF-8",
        "GIT_ALLOW_PROTOCOL": "file",
        "GIT_TERMINAL_PROMPT": "0",
    }


def _finish(process: subprocess.Popen[bytes], deadline: float, seconds: float) -> bytes:
    output, errors = _Buffer(FILE_LIMIT + 1), _Buffer(ERRORS_LIMIT)
    with selectors.DefaultSelector() as selector:
        selector.register(_pipe(process.stdout), selectors.EVENT_READ, output)
        selector.register(_pipe(process.stderr), selectors.EVENT_READ, errors)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                raise RenderFailed(f"took more than {seconds:g} s")
            for key, _ in ready:
                if not key.data.read(key.fd):
                    selector.unregister(key.fileobj)
            if len(output.data) > FILE_LIMIT:
                raise RenderFailed(f"printed more than {FILE_LIMIT} bytes")
    try:
        code = process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired as error:
        raise RenderFailed(f"took more than {seconds:g} s") from error
    if code:
        said = safe_line(errors.data.decode("utf-8", errors="replace").strip(), limit=SHOWN)
        raise RenderFailed(said or f"ended with exit code {code}")
    return bytes(output.data)


def _pipe(pipe: IO[bytes] | None) -> int:
    if pipe is None:
        raise RenderFailed("can't be read")
    return pipe.fileno()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program with all that it started, and close its pipes."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
