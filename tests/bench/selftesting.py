"""The self-test's kernels beside OpenCV and scipy, and how long a quick run takes.

All contestants convolve the same 2048 x 2048 RGBA picture of float32 in turn, so that a machine
that gets busier meanwhile is unfair to none; the best round of each counts. Runs alone, too:
`python -m tests.bench.selftesting`. OpenCV and scipy are not among the pinned packages: one that is
not installed is told and left out.
"""

from __future__ import annotations

import importlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from selftest.backends import load_backend
from selftest.backends.base import Session, Task, Yardstick
from selftest.cases import Convolution, Floats, Kind, Picture, make_work
from selftest.host import Activity, judge_noise, usable_cores
from tests.bench.measure import measure
from tests.bench.scene import Scene, Target

SIDE = 2048
RADII = (1, 3, 7, 15)
ROUNDS = 12
SCIPY = "scipy.ndimage"
QUICK = [sys.executable, "-m", "selftest", "--no-picture"]

Contestant = Callable[[], float]


@dataclass
class Contest:
    """One case: the best milliseconds of each contestant by name, our share of the peak by round.

    The peak is measured right after our kernel and for as long, so that both have the same share of
    a busy machine.
    """

    case: Convolution
    effort: float
    contestants: Mapping[str, Contestant]
    best: dict[str, float] = field(default_factory=dict)
    shares: list[float] = field(default_factory=list)

    def round(self, session: Session) -> None:
        """Let everyone run; scipy, which takes many seconds, only once."""
        for name, run in self.contestants.items():
            if name == SCIPY and name in self.best:
                continue
            taken = run()
            self.best[name] = min(taken, self.best.get(name, float("inf")))
            if name == "OpenCL":
                peak = _rate(session.multiplying(), taken / 1e3)
                self.shares.append(self.case.flop * self.effort / taken / 1e6 / peak)

    @property
    def share(self) -> float:
        """The share of the peak in the middle round."""
        return statistics.median(self.shares)

    def ratio(self, name: str) -> float:
        """Return how many times faster than another our kernel is."""
        return self.best[name] / self.best["OpenCL"]


def run(scene: Scene, rounds: int) -> None:
    """Measure, print, and judge against the targets."""
    for target in compete(max(rounds, ROUNDS)):
        scene.judge(target.what, target.value, target.limit)


def compete(rounds: int) -> list[Target]:
    """Measure and print; return the figures that have targets, each to be at most its limit."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["POCL_CACHE_DIR"] = folder
        session = load_backend("opencl").open(0)
        session.compile()
        before = Activity.read()
        contests = [_contest(session, kind, radius) for radius in RADII for kind in Kind]
        for _ in range(rounds):
            for contest in contests:
                contest.round(session)
        _print(contests)
        for reason in judge_noise(before, Activity.read(), usable_cores()).reasons:
            print(f"these figures say little: {reason}")
        return [*_targets(contests), _quick_target(rounds)]


def _contest(session: Session, kind: Kind, radius: int) -> Contest:
    case = Convolution(kind, radius, 4, SIDE, SIDE)
    work = make_work(case)
    assert isinstance(work, Picture)
    task = session.task(work)
    contestants: dict[str, Contestant] = {"OpenCL": _ours(task)}
    makers: tuple[tuple[str, str, Callable[[Any, Picture], Contestant]], ...] = (
        ("OpenCV", "cv2", _opencv),
        (SCIPY, "scipy.ndimage", _scipy),
    )
    for name, module, maker in makers:
        try:
            contestants[name] = maker(importlib.import_module(module), work)
        except ImportError:
            print(f"not measured: {name} is not installed")
    return Contest(case, task.effort, contestants)


def _ours(task: Task) -> Contestant:
    task.upload()
    task.launch()
    return lambda: task.launch() / 1e6


def _opencv(cv2: Any, work: Picture) -> Contestant:
    out = np.empty_like(work.image)
    border = cv2.BORDER_REPLICATE
    if work.taps.shape[0] == 2:
        row, column = work.taps
        return lambda: _ms(
            lambda: cv2.sepFilter2D(work.image, -1, row, column, dst=out, borderType=border)
        )
    return lambda: _ms(lambda: cv2.filter2D(work.image, -1, work.taps, dst=out, borderType=border))


def _scipy(ndimage: Any, work: Picture) -> Contestant:
    out = np.empty_like(work.image)
    if work.taps.shape[0] == 2:
        return lambda: _ms(lambda: _scipy_separable(ndimage, work, out))
    weights = work.taps[:, :, None]
    return lambda: _ms(lambda: ndimage.correlate(work.image, weights, out, mode="nearest"))


def _scipy_separable(ndimage: Any, work: Picture, out: Floats) -> None:
    between = ndimage.correlate1d(work.image, work.taps[0], 1, mode="nearest")
    ndimage.correlate1d(between, work.taps[1], 0, out, mode="nearest")


def _rate(yardstick: Yardstick, least_s: float) -> float:
    """Return the mean rate of enough launches, in billions per second."""
    yardstick.launch()
    taken = [yardstick.launch()]
    while sum(taken) < least_s * 1e9:
        taken.append(yardstick.launch())
    yardstick.release()
    return yardstick.amount * len(taken) / sum(taken)


def _ms(call: Callable[[], object]) -> float:
    started = time.perf_counter_ns()
    call()
    return (time.perf_counter_ns() - started) / 1e6


def _print(contests: list[Contest]) -> None:
    title = f"{SIDE} x {SIDE} RGBA float32, best ms (times OpenCL's)"
    table = Table(title=title, title_justify="left")
    for heading in ("", "OpenCL", "GFLOP/s", "of peak", "OpenCV", "scipy.ndimage"):
        table.add_column(heading, justify="left" if not heading else "right")
    for contest in contests:
        gflops = contest.case.flop / contest.best["OpenCL"] / 1e6
        others = (
            f"{contest.best[name]:.1f} ({contest.ratio(name):.1f})" if name in contest.best else ""
            for name in ("OpenCV", SCIPY)
        )
        table.add_row(
            f"{contest.case.kind} r{contest.case.radius}",
            f"{contest.best['OpenCL']:.1f}",
            f"{gflops:.0f}",
            f"{contest.share:.0%}",
            *others,
        )
    Console(width=110).print(table)


def _targets(contests: list[Contest]) -> list[Target]:
    found = {(one.case.kind, one.case.radius): one for one in contests}
    dense = found[Kind.DENSE, 15]
    targets = [Target("self-test: FMA peak / dense r15", 1 / dense.share, 1 / 0.45)]
    if "OpenCV" in dense.best:
        targets.append(Target("self-test: dense r15 / OpenCV", 1 / dense.ratio("OpenCV"), 1 / 1.3))
        for radius in RADII:
            ratio = 1 / found[Kind.SEPARABLE, radius].ratio("OpenCV")
            targets.append(Target(f"self-test: separable r{radius} / OpenCV", ratio, 1.0))
    if SCIPY in dense.best:
        ratio = 1 / dense.ratio(SCIPY)
        targets.append(Target("self-test: dense r15 / scipy.ndimage", ratio, 0.2))
    return targets


def _quick_target(rounds: int) -> Target:
    env = {"PYTHONPATH": str(Path(__file__).parents[2])}
    best = min(measure(QUICK, env).wall_s for _ in range(rounds // 4))
    return Target("self-test: quick run, cold, s / 5 s", best / 5, 1.0)


def main() -> int:
    """Run alone; return 1 if a target was missed."""
    targets = compete(ROUNDS)
    for target in targets:
        print(target.line)
    return int(any(target.value > target.limit for target in targets))


if __name__ == "__main__":
    sys.exit(main())
