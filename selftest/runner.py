"""Runs the child: with a deadline, in a process group of its own, with its last words kept.

A segmentation fault, an abort or a hang of a driver is something to be reported; it never takes
this process along.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Final, TypeVar

from selftest.jsonform import MalformedRecord, to_json
from selftest.plaintext import last_lines
from selftest.wire import LINE_LIMIT, WAITING, Devices, Job, Message, Phase, decode

WORKER: Final = (sys.executable, "-P", "-X", "faulthandler", "-m", "selftest.worker")
_ONE_THREAD: Final = {"OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "BLIS_NUM_THREADS": "1"}
"""What holds BLAS to one thread, for `arithmetic`; read by it when numpy is imported."""

_LIST_S: Final = 60.0
_POLL_S: Final = 0.05
_OUTPUT_KEPT: Final = 64 * 1024
_HEARD_MOST: Final = 16 * LINE_LIMIT

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a child is killed, in seconds from its start.

    Attributes:
        list_s: if it has not told its devices by then.
        test_s: if it has not ended by then, not counting how long it waited for its turn.
    """

    list_s: float
    test_s: float

    @classmethod
    def of(cls, asked_s: float | None, own_s: float = _LIST_S) -> Deadline:
        """Return what a person asked for, or else the suite's own."""
        test_s = asked_s or own_s
        return cls(min(test_s, _LIST_S), test_s)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended.

    Attributes:
        status: its exit status; null when a signal ended it.
        signal: the signal's number; null when it ended by itself.
        timed_out: whether it was killed at its deadline.
        garbled: whether it said something that was not understood.
    """

    status: int | None
    signal: int | None
    timed_out: bool
    garbled: bool


@dataclass(frozen=True, slots=True)
class ChildRun:
    """What a child told.

    Attributes:
        messages: in order.
        phase: what it did last.
        ending: how it ended.
        output: the last lines of what it, or its driver, printed.
        wall_s: seconds from start to end, without those that it waited for its turn.
    """

    messages: tuple[Message, ...]
    phase: str
    ending: Ending
    output: tuple[str, ...]
    wall_s: float

    def all(self, kind: type[M]) -> tuple[M, ...]:
        """Return the messages of a kind."""
        return tuple(one for one in self.messages if isinstance(one, kind))

    def last(self, kind: type[M]) -> M | None:
        """Return the last message of a kind."""
        return next(iter(reversed(self.all(kind))), None)


@dataclass(frozen=True, slots=True)
class Runner:
    """How children are started.

    Attributes:
        scratch: a folder for the caches of drivers.
        command: the worker's; tests give others.
        stop: set when every child is to be killed.
    """

    scratch: Path
    command: Sequence[str] = WORKER
    stop: Event = field(default_factory=Event)

    def run(
        self,
        job: Job,
        deadline: Deadline,
        environ: Mapping[str, str] | None = None,
        await_turn: Callable[[], object] = lambda: None,
    ) -> ChildRun:
        """Run a job to its end, however that comes.

        Args:
            job: what to do.
            deadline: when the child is killed.
            environ: variables added to this process's.
            await_turn: called before the device is timed; returns when it may be.
        """
        started = time.monotonic()
        environment = {**os.environ, **self._environment(), **(environ or {})}
        with _pipe() as (read, write):
            process = self._start(job, write, environment)
            os.close(write)
            listener = _Listener(read, process, deadline, await_turn)
            try:
                timed_out = listener.listen(self.stop)
            finally:
                _kill_group(process)
                process.wait()
            listener.drain()
        return listener.told(timed_out, time.monotonic() - started)

    def _start(self, job: Job, pipe: int, environ: Mapping[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - our own worker
            [*self.command, str(pipe), json.dumps(to_json(job))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(pipe,),
            start_new_session=True,
            env=environ,
        )

    def _environment(self) -> Mapping[str, str]:
        """Return what a child needs: to find this package, and caches that can be written."""
        paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
        return {
            **_ONE_THREAD,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "PYOPENCL_NO_CACHE": "1",
            "POCL_CACHE_DIR": str(self.scratch),
            "CUDA_CACHE_PATH": str(self.scratch),
            "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # as nvidia-smi counts
        }


class _Listener:
    """Collects what comes through the child's two pipes."""

    def __init__(
        self,
        pipe: int,
        process: subprocess.Popen[bytes],
        deadline: Deadline,
        await_turn: Callable[[], object],
    ) -> None:
        if process.stdin is None or process.stdout is None:
            raise ValueError(process)
        self._process = process
        self._stdin, self._stdout = process.stdin, process.stdout
        self._ends = time.monotonic() + deadline.list_s
        self._more_s = deadline.test_s - deadline.list_s
        self._await_turn = await_turn
        self._waited_s = 0.0
        self._pipe = pipe
        self._buffer = b""
        self._output = b""
        self._messages: list[Message] = []
        self._garbled = False
        self._heard = 0
        self._selector = selectors.DefaultSelector()
        for descriptor in (pipe, self._stdout.fileno()):
            os.set_blocking(descriptor, False)
            self._selector.register(descriptor, selectors.EVENT_READ)

    def listen(self, stop: Event) -> bool:
        """Read until the child ends; return whether the deadline came first."""
        while self._process.poll() is None:
            if time.monotonic() > self._ends or stop.is_set():
                return True
            self._await_more()
        return False

    def drain(self) -> None:
        """Read what is left; grandchildren that hold the pipes open are not waited for."""
        self._stdin.close()
        while self._selector.get_map() and self._read(0):
            pass
        self._selector.close()
        self._stdout.close()

    def told(self, timed_out: bool, wall_s: float) -> ChildRun:  # noqa: FBT001
        """Return all of it."""
        code = self._process.returncode
        ending = Ending(
            status=code if code >= 0 and not timed_out else None,
            signal=-code if code < 0 and not timed_out else None,
            timed_out=timed_out,
            garbled=self._garbled,
        )
        phases = [one.name for one in self._messages if isinstance(one, Phase)]
        output = last_lines(self._output.decode(errors="replace"), 20)
        phase = phases[-1] if phases else "starting"
        wall_s -= self._waited_s
        return ChildRun(tuple(self._messages), phase, ending, output, wall_s)

    def _await_more(self) -> None:
        """Wait a little for words of the child, or for its end when it has closed its pipes."""
        if self._selector.get_map():
            self._read(_POLL_S)
            return
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_POLL_S)

    def _read(self, timeout: float) -> bool:
        """Read once from whatever is ready; return whether anything was."""
        ready = self._selector.select(timeout)
        for key, _ in ready:
            self._read_from(key.fd)
        return bool(ready)

    def _read_from(self, descriptor: int) -> None:
        with suppress(BlockingIOError):
            data = os.read(descriptor, 1 << 16)
            if not data:
                self._selector.unregister(descriptor)
            elif descriptor == self._pipe:
                self._hear(data)
            else:
                self._output = (self._output + data)[-_OUTPUT_KEPT:]

    def _hear(self, data: bytes) -> None:
        self._heard += len(data)
        if self._heard > _HEARD_MOST:
            self._garbled = True
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        if len(self._buffer) > LINE_LIMIT:
            self._garbled, self._buffer = True, b""
        for line in lines:
            try:
                message = decode(line)
            except MalformedRecord:
                self._garbled = True
                continue
            self._messages.append(message)
            self._answer(message)

    def _answer(self, message: Message) -> None:
        """Give the child its time, and its turn."""
        if isinstance(message, Devices):
            self._ends += self._more_s
            self._more_s = 0.0
        elif message == Phase(WAITING) and not self._stdin.closed:
            started = time.monotonic()
            self._await_turn()
            self._stdin.close()
            self._waited_s += time.monotonic() - started
            self._ends += self._waited_s


@contextmanager
def _pipe() -> Iterator[tuple[int, int]]:
    """Open a pipe; its writing end is closed by whoever handed it on."""
    read, write = os.pipe()
    try:
        yield read, write
    finally:
        os.close(read)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill the child and what it started; a driver's compiler may outlive it."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
