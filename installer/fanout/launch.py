"""Runs children: many at once, each with a deadline, its output handed on as it comes.

Owns processes and their ends: whatever happens, also Ctrl-C, SIGTERM and a closed terminal, none is
left behind. Keeps nothing of what they print.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from installer.fanout.framing import Lines
from manifests.errors import NotInstallableHere

CHUNK: Final = 64 * 1024
PATIENCE_S: Final = 10.0
"""Seconds between asking a child to end and killing it; `srun` first ends its job."""


@dataclass(frozen=True, slots=True)
class Call:
    """A child to be run.

    Attributes:
        argv: its words.
        stdin: what it reads.
        deadline_s: seconds that it may take.
        output: takes each line of its standard output.
        errors: takes each line of its standard error.
        ended: told what came of it.
    """

    argv: Sequence[str]
    stdin: bytes
    deadline_s: float
    output: Callable[[bytes], object]
    errors: Callable[[bytes], object]
    ended: Callable[[Ended], object]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended.

    Attributes:
        status: its exit status, negative for a signal's number.
        late: whether it was ended because its time was over.
    """

    status: int
    late: bool


def run_calls(calls: Sequence[Call], most: int) -> None:
    """Run all children, at most `most` at once, and wait for them.

    Raises:
        MoonliftError: what a call's `output`, `errors` or `ended` raises.
        KeyboardInterrupt: SIGINT, SIGTERM or SIGHUP came; all children were ended before.
    """
    stopped = False

    async def run() -> None:
        nonlocal stopped
        with _stopping() as asked:
            try:
                await _run_all(calls, most)
            except asyncio.CancelledError:
                stopped = bool(asked)
                if not stopped:
                    raise

    try:
        asyncio.run(run())
    except BaseExceptionGroup as group:
        raise _first(group) from None
    if stopped:
        raise KeyboardInterrupt


def _first(error: BaseException) -> BaseException:
    """Return what was raised by one that takes lines, out of the groups that tasks put it in."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@contextmanager
def _stopping() -> Iterator[list[int]]:
    """Cancel this task when a signal asks to stop; the signals that came are in the list."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    came: list[int] = []

    def stop(number: int) -> None:
        if task is not None and not came:  # once: the children's ends are awaited
            task.cancel()
        came.append(number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    with suppress(ValueError, RuntimeError):  # only the main thread gets signals
        for number in numbers:
            loop.add_signal_handler(number, stop, number)
    try:
        yield came
    finally:
        with suppress(ValueError, RuntimeError):
            for number in numbers:
                loop.remove_signal_handler(number)
                signal.signal(number, before[number])


async def _run_all(calls: Sequence[Call], most: int) -> None:
    gate = asyncio.Semaphore(most)

    async def run(call: Call) -> None:
        async with gate:
            call.ended(await _run(call))

    async with asyncio.TaskGroup() as group:
        for call in calls:
            group.create_task(run(call))


async def _run(call: Call) -> Ended:
    child = await asyncio.create_subprocess_exec(
        *call.argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is for us; we then end the child in order
    )
    try:
        async with asyncio.timeout(call.deadline_s):
            await _talk(child, call)
            return Ended(await child.wait(), late=False)
    except TimeoutError:
        return Ended(await _end(child), late=True)
    finally:
        await _end(child)


async def _talk(child: asyncio.subprocess.Process, call: Call) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_write(child.stdin, call.stdin))
        group.create_task(_read(child.stdout, call.output))
        group.create_task(_read(child.stderr, call.errors))


async def _write(stream: asyncio.StreamWriter | None, data: bytes) -> None:
    if stream is not None:
        with suppress(ConnectionError):
            stream.write(data)
            await stream.drain()
        stream.close()


async def _read(stream: asyncio.StreamReader | None, take: Callable[[bytes], object]) -> None:
    lines = Lines()
    while stream is not None and (chunk := await stream.read(CHUNK)):
        for line in lines.feed(chunk):
            take(line)
    for line in lines.close():
        take(line)


async def _end(child: asyncio.subprocess.Process) -> int:
    """End a child and what it started, at first kindly."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        if child.returncode is None:
            _signal(child, number)
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_S):
                    await asyncio.gather(_forget(child.stdout), _forget(child.stderr), child.wait())
    return child.returncode if child.returncode is not None else -signal.SIGKILL


async def _forget(stream: asyncio.StreamReader | None) -> None:
    """Read to the end, so that a child that says goodbye is not held up."""
    while stream is not None and await stream.read(CHUNK):
        pass


def _signal(child: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def need_program(name: str, code: str, hint: str) -> None:
    """Refuse to go on without a program.

    Raises:
        NotInstallableHere: with `code` and `hint`.
    """
    if shutil.which(name) is None:
        raise NotInstallableHere(code, f"expected {name} in PATH, found none", hint=hint)
