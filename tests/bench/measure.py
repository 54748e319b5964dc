"""Measure commands beside each other: wall time, processor time, memory.

Cases run in interleaved rounds, so that a machine that gets slower or busier meanwhile is unfair
to none; the best round of each case counts.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.table import Table

_SAMPLE_S = 0.02
_PAGE = os.sysconf("SC_PAGE_SIZE")


class BenchError(RuntimeError):
    """A measured command failed, with what it printed."""


@dataclass(frozen=True)
class Measurement:
    """What one command took.

    Attributes:
        wall_s: seconds from start to end.
        cpu_s: user and system seconds of the command and the children it waited for; what
            daemons did on its behalf is not in it.
        peak_bytes: highest sum of the resident memory of the command and its descendants,
            sampled 50 times a second, or the command's own high-water mark if that is more.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int


@dataclass(frozen=True)
class Case:
    """One contender.

    Attributes:
        name: as printed.
        argv: the command; for a pipeline use `shell`.
        before: run, unmeasured, before each round: cleans what the last one left.
        env: variables added to this process's.
    """

    name: str
    argv: Sequence[str]
    before: Callable[[], object] = field(default=lambda: None)
    env: Mapping[str, str] = field(default_factory=dict)


def shell(line: str) -> list[str]:
    """Return the argv of a pipeline that fails when any part of it fails."""
    return ["bash", "-euo", "pipefail", "-c", line]


def measure(argv: Sequence[str], env: Mapping[str, str] | None = None) -> Measurement:
    """Run a command once.

    Raises:
        BenchError: it ended with another status than 0.
    """
    started = time.monotonic()
    process = subprocess.Popen(
        argv,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, **(env or {})},
    )
    with process, _MemorySampler(process.pid) as sampler:
        complaint = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - started
    if process.returncode:
        raise BenchError(f"{argv}: {process.returncode}: {complaint[-2000:].decode()}")
    return Measurement(wall, usage.ru_utime + usage.ru_stime, sampler.peak_bytes)


def best_of(cases: Sequence[Case], rounds: int) -> dict[str, Measurement]:
    """Run all cases in turn, `rounds` times; return each one's fastest measurement by name."""
    best: dict[str, Measurement] = {}
    for _ in range(rounds):
        for case in cases:
            case.before()
            found = measure(case.argv, case.env)
            known = best.get(case.name)
            if known is None or found.wall_s < known.wall_s:
                best[case.name] = found
    return best


def print_table(
    title: str,
    results: Mapping[str, Measurement],
    *,
    baseline: str,
    payload_bytes: int = 0,
    sizes: Mapping[str, int] | None = None,
) -> None:
    """Print measurements as ratios of `baseline`'s.

    Args:
        title: what was done.
        results: by case name.
        baseline: the name of the case that counts as 1.
        payload_bytes: what was processed, for the speed column; no such column when 0.
        sizes: bytes that a case left behind, for the size column.
    """
    table = Table(title=title, title_justify="left")
    for heading in ("", "wall s", "ratio", "cpu s", "peak MiB", "MB/s", "size MB", "size ratio"):
        table.add_column(heading, justify="left" if not heading else "right")
    sizes = sizes or {}
    for name, found in results.items():
        speed = f"{payload_bytes / found.wall_s / 1e6:.0f}" if payload_bytes else ""
        size = f"{sizes[name] / 1e6:.1f}" if name in sizes else ""
        comparable = name in sizes and baseline in sizes
        table.add_row(
            name,
            f"{found.wall_s:.2f}",
            f"{found.wall_s / results[baseline].wall_s:.3f}",
            f"{found.cpu_s:.2f}",
            f"{found.peak_bytes / 2**20:.0f}",
            speed,
            size,
            f"{sizes[name] / sizes[baseline]:.3f}" if comparable else "",
        )
    Console(width=110).print(table)


class _MemorySampler:
    """Watches a process and its descendants until the block ends."""

    def __init__(self, pid: int) -> None:
        self.peak_bytes = 0
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(_SAMPLE_S):
            now = max(resident_bytes(self._pid), _high_water_bytes(self._pid))
            self.peak_bytes = max(self.peak_bytes, now)


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process and its descendants; 0 if it is gone."""
    try:
        own = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
        children = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    except (OSError, IndexError):
        return 0
    return own + sum(map(resident_bytes, children))


def _high_water_bytes(pid: int) -> int:
    """Return the most that a process ever had resident; 0 if it is gone.

    Not `ru_maxrss`: that also counts what its parent had when it forked.
    """
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    _, _, rest = status.partition("VmHWM:")
    return int(rest.split()[0]) * 1024 if rest else 0
