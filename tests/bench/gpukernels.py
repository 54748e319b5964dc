"""The self-test's CUDA kernels beside PyTorch's conv2d and cupyx.scipy.ndimage, on a GPU.

Runs alone: `python -m tests.bench.gpukernels`. Without a GPU it says so and measures nothing. All
contestants convolve the same RGBA picture of float32, in turn with a device of their own: the
libraries want the device's context for themselves. The best round of each counts, by the device's
clock. Neither library is among the pinned packages: one that is not installed is left out.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from selftest.backends import load_backend
from selftest.backends.base import BackendError, Session
from selftest.cases import Convolution, Floats, Kind, Picture, make_work
from selftest.measure import best_rate
from tests.bench.scene import Scene, Target

SIDE = 4096
RADII = (1, 3, 7, 15)
ROUNDS = 12
OURS = "self-test"
LEAST_OF_COPY = 0.8

Launch = Callable[[], float]
"""Convolves once; returns milliseconds by the device's clock."""


@dataclass
class Result:
    """One case: the best milliseconds of each contestant, and our share of the copy's speed."""

    case: Convolution
    best: dict[str, float] = field(default_factory=dict)
    of_copy: float = 0.0
    of_peak: float = 0.0


def run(scene: Scene, rounds: int) -> None:
    """Measure, print, and judge against the targets."""
    for target in compete(SIDE, max(rounds, ROUNDS)):
        scene.judge(target.what, target.value, target.limit)


def compete(side: int, rounds: int) -> list[Target]:
    """Measure and print; return the figures that have targets; none without a GPU."""
    backend = load_backend("cuda")
    try:
        device = backend.devices()[0]
        session = backend.open(0)
        session.compile()
    except BackendError as error:
        print(f"unmeasured: no GPU: {error}")
        return []
    results = [
        Result(Convolution(kind, radius, 4, side, side)) for radius in RADII for kind in Kind
    ]
    _ours(session, results, rounds)
    session.close()
    for name, module, maker in (
        ("PyTorch", "torch", _torch),
        ("cupyx", "cupyx.scipy.ndimage", _cupyx),
    ):
        try:
            _theirs(name, maker(importlib.import_module(module)), results, rounds)
        except ImportError:
            print(f"not measured: {name} is not installed")
    _print(f"{device.name}, {device.driver}, {side} x {side} RGBA float32, best ms", results)
    return list(_targets(results))


def _ours(session: Session, results: Iterable[Result], rounds: int) -> None:
    for result in results:
        task = session.task(_picture(result.case))
        task.upload()
        task.launch()
        taken = min(task.launch() for _ in range(rounds)) / 1e6
        task.release()
        copy = best_rate(session.copying(result.case.ideal_bytes // 2))
        result.best[OURS] = taken
        result.of_copy = result.case.ideal_bytes / taken / 1e6 / copy
        result.of_peak = result.case.flop / taken / 1e6 / best_rate(session.multiplying())


def _theirs(
    name: str, prepare: Callable[[Picture], Launch], results: Iterable[Result], rounds: int
) -> None:
    for result in results:
        launch = prepare(_picture(result.case))
        launch()
        result.best[name] = min(launch() for _ in range(rounds))


def _torch(torch: Any) -> Callable[[Picture], Launch]:
    """conv2d in full float32, on planes padded before the clock starts."""
    torch.backends.cudnn.allow_tf32 = False
    torch.backends.cudnn.benchmark = True

    def prepare(work: Picture) -> Launch:
        radius = work.taps.shape[1] // 2
        planes = torch.from_numpy(_planes(work))[:, None].cuda()
        padded = torch.nn.functional.pad(planes, (radius,) * 4, mode="replicate")
        passes = [torch.from_numpy(one)[None, None].cuda() for one in _passes(work)]

        def convolve() -> None:
            image = padded
            for weights in passes:
                image = torch.nn.functional.conv2d(image, weights)

        def launch() -> float:
            started, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            started.record()
            convolve()
            ended.record()
            ended.synchronize()
            return float(started.elapsed_time(ended))

        return launch

    return prepare


def _cupyx(ndimage: Any) -> Callable[[Picture], Launch]:
    cupy: Any = importlib.import_module("cupy")

    def prepare(work: Picture) -> Launch:
        image = cupy.asarray(_planes(work))
        passes = [cupy.asarray(one[None]) for one in _passes(work)]

        def convolve() -> None:
            convolved = image
            for weights in passes:
                convolved = ndimage.correlate(convolved, weights, mode="nearest")

        def launch() -> float:
            started, ended = cupy.cuda.Event(), cupy.cuda.Event()
            started.record()
            convolve()
            ended.record()
            ended.synchronize()
            return float(cupy.cuda.get_elapsed_time(started, ended))

        return launch

    return prepare


def _picture(case: Convolution) -> Picture:
    work = make_work(case)
    assert isinstance(work, Picture)
    return work


def _planes(work: Picture) -> Floats:
    return np.ascontiguousarray(np.moveaxis(work.image, 2, 0))


def _passes(work: Picture) -> list[Floats]:
    """Return the two-dimensional weights of each pass."""
    if work.taps.shape[0] != 2:
        return [work.taps]
    row, column = work.taps
    return [np.ascontiguousarray(row[None, :]), np.ascontiguousarray(column[:, None])]


def _print(title: str, results: Iterable[Result]) -> None:
    table = Table(title=title, title_justify="left")
    for heading in ("", OURS, "of copy", "of peak", "PyTorch", "cupyx"):
        table.add_column(heading, justify="left" if not heading else "right")
    for result in results:
        others = (
            f"{result.best[name]:.2f} ({result.best[name] / result.best[OURS]:.1f})"
            if name in result.best
            else "unmeasured"
            for name in ("PyTorch", "cupyx")
        )
        table.add_row(
            f"{result.case.kind} r{result.case.radius}",
            f"{result.best[OURS]:.2f}",
            f"{result.of_copy:.0%}",
            f"{result.of_peak:.0%}",
            *others,
        )
    Console(width=110).print(table)


def _targets(results: Iterable[Result]) -> Iterator[Target]:
    for result in results:
        if result.case.kind is Kind.SEPARABLE:
            what = f"self-test on a GPU: copy / separable r{result.case.radius}"
            yield Target(what, 1 / result.of_copy, 1 / LEAST_OF_COPY)


def main() -> int:
    """Run alone; return 1 if a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gpukernels", description=__doc__)
    parser.add_argument("--side", type=int, default=SIDE, help="pixels each way")
    asked = parser.parse_args()
    targets = compete(asked.side, ROUNDS)
    for target in targets:
        print(target.line)
    return int(any(target.value > target.limit for target in targets))


if __name__ == "__main__":
    sys.exit(main())
