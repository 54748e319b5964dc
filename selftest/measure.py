"""Runs cases on an opened device: proves them, times them. Judges nothing but right or wrong bits.

A wrong result is computed again in float64, so that the report can say where it is wrong and how.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Final

import numpy as np

from selftest.arithmetic import compute, convolve_window
from selftest.backends.base import Session, Task, Yardstick
from selftest.cases import (
    Case,
    Convolution,
    Floats,
    Mode,
    Picture,
    Work,
    digest,
    make_work,
    tolerance,
)
from selftest.measured import CaseResult, Difference, Timing

REPEATS: Final = 2
"""Launches of each exact case: a device that computes has no reason to differ from itself."""

_MOST_LAUNCHES: Final = 50
_LEAST_LAUNCHES: Final = 2
_BAND: Final = 16  # rows or columns along each edge of a timed picture that are proved
_CENTRE: Final = 256  # pixels each way in its middle


def prove(session: Session, case: Case, expected: str | None) -> CaseResult:
    """Run a case and compare it: by digest where it is exact, else within its tolerance."""
    work = make_work(case)
    task = session.task(work)
    try:
        task.upload()
        if isinstance(case, Convolution) and case.mode is Mode.FLOAT:
            return _within_tolerance(case, task, work)
        results = [_result(task) for _ in range(REPEATS)]
    finally:
        task.release()
    digests = tuple(map(digest, results))
    wrong = next((one for one, found in zip(results, digests, strict=True) if found != expected), 0)
    difference = None if isinstance(wrong, int) else _compare(work, case, wrong)
    return CaseResult(case.name, digests, expected, difference=difference)


def time_case(
    session: Session, case: Convolution, budget_s: float, expected: str | None
) -> tuple[CaseResult, Timing]:
    """Time a case, and prove its result: by digest, or else the four edges and the middle."""
    work = make_work(case)
    if not isinstance(work, Picture):
        raise TypeError(case)
    task = session.task(work)
    try:
        task.upload()
        task.poison()
        first = task.launch() / 1e6
        before = task.download()
        launches = _launches(task, budget_s)
        task.poison()
        moves, after = _end_to_end(task)
    finally:
        task.release()
    timing = _timing(case, launches, first, moves, task.effort)
    return _proved(case, work, (before, after), expected), timing


def best_rate(yardstick: Yardstick, budget_s: float = 0.05) -> float:
    """Return the yardstick's best amount in billions per second."""
    yardstick.launch()
    taken = [yardstick.launch() for _ in range(_LEAST_LAUNCHES)]
    while sum(taken) < budget_s * 1e9 and len(taken) < _MOST_LAUNCHES:
        taken.append(yardstick.launch())
    yardstick.release()
    return yardstick.amount / max(min(taken), 1)


def _result(task: Task) -> Floats:
    task.poison()
    task.launch()
    return task.download()


def _launches(task: Task, budget_s: float) -> list[float]:
    taken = [task.launch() / 1e6 for _ in range(_LEAST_LAUNCHES)]
    while sum(taken) < budget_s * 1e3 and len(taken) < _MOST_LAUNCHES:
        taken.append(task.launch() / 1e6)
    return taken


def _end_to_end(task: Task) -> tuple[tuple[float, float, float], Floats]:
    """Return the milliseconds of upload, of download and of all, and the result."""
    started = time.perf_counter()
    task.upload()
    uploaded = time.perf_counter()
    task.launch()
    launched = time.perf_counter()
    result = task.download()
    ended = time.perf_counter()
    moves = (uploaded - started, ended - launched, ended - started)
    return (moves[0] * 1e3, moves[1] * 1e3, moves[2] * 1e3), result


def _timing(
    case: Convolution,
    launches: Sequence[float],
    first: float,
    moves: tuple[float, float, float],
    effort: float,
) -> Timing:
    least, median = max(min(launches), 1e-6), statistics.median(launches)
    upload, download, end_to_end = moves
    return Timing(
        case=case.name,
        n=len(launches),
        first_launch_ms=first,
        kernel_ms_min=least,
        kernel_ms_median=median,
        kernel_ms_mad=statistics.median(abs(one - median) for one in launches),
        upload_ms=upload,
        download_ms=download,
        end_to_end_ms=end_to_end,
        gflops=case.flop / least / 1e6,
        effort=effort,
        gbps=case.ideal_bytes / least / 1e6,
    )


def _within_tolerance(case: Case, task: Task, work: Work) -> CaseResult:
    if not isinstance(work, Picture):
        raise TypeError(work)
    found = _result(task)
    allowed = tolerance(work)
    error = np.abs(found - compute(work, np.float64))
    if not np.isfinite(error).all() or error.max() > allowed:
        difference = _compare(work, case, found, allowed)
        largest = float(error.max()) if np.isfinite(error).all() else None
        return CaseResult(case.name, (), None, largest, allowed, difference)
    return CaseResult(case.name, (), None, float(error.max()), allowed)


def _proved(
    case: Convolution, work: Picture, results: tuple[Floats, Floats], expected: str | None
) -> CaseResult:
    """Compare a timed result exactly, whole or in windows, and the first with the last."""
    same = np.array_equal(*results)
    digests = tuple(map(digest, results[:1] if same else results))
    if expected is not None:
        difference = _compare(work, case, results[0]) if digests[0] != expected else None
        return CaseResult(case.name, digests, expected, difference=difference)
    for window in _windows(case):
        right = convolve_window(work, window, np.float64)
        found = results[0][window]
        if not np.array_equal(found, right):
            place = (window[0].start, window[1].start)
            return CaseResult(case.name, digests, difference=_difference(case, found, right, place))
    return CaseResult(case.name, digests, max_abs_err=0.0, tolerance=0.0)


def _windows(case: Convolution) -> list[tuple[slice, slice]]:
    height, width = case.height, case.width
    rows, columns = slice(0, height), slice(0, width)
    middle = (max(0, (height - _CENTRE) // 2), max(0, (width - _CENTRE) // 2))
    return [
        (slice(0, min(_BAND, height)), columns),
        (slice(max(0, height - _BAND), height), columns),
        (rows, slice(0, min(_BAND, width))),
        (rows, slice(max(0, width - _BAND), width)),
        (
            slice(middle[0], min(height, middle[0] + _CENTRE)),
            slice(middle[1], min(width, middle[1] + _CENTRE)),
        ),
    ]


def _compare(work: Work, case: Case, found: Floats, allowed: float = 0.0) -> Difference | None:
    return _difference(case, found, compute(work, np.float64), (0, 0), allowed)


def _difference(
    case: Case,
    found: Floats,
    right: np.ndarray[tuple[int, ...], np.dtype[np.floating]],
    place: tuple[int, int],
    allowed: float = 0.0,
) -> Difference | None:
    """Return where `found`, which begins at row and column `place`, differs from what is right."""
    with np.errstate(invalid="ignore"):
        wrong = ~(np.abs(found - right) <= allowed)
    at = np.argwhere(wrong)
    if not len(at):
        return None
    first = tuple(int(one) for one in at[0])
    value = float(found[first])
    places = at[:, :2] + np.asarray(place)
    return Difference(
        wrong=len(at),
        total=found.size,
        not_numbers=int((~np.isfinite(found)).sum()),
        at_border=_at_border(case, places),
        one_bit=len(at) == 1 and _one_bit(found[first], np.float32(right[first])),
        first=(first[0] + place[0], first[1] + place[1], *first[2:]),
        expected=float(right[first]),
        found=value if np.isfinite(value) else None,
    )


def _at_border(case: Case, places: np.ndarray[tuple[int, ...], np.dtype[np.intp]]) -> bool:
    """Tell whether all places lie near the edge, in a picture that has a middle."""
    if not isinstance(case, Convolution):
        return False
    sizes = np.array([case.height, case.width])
    if (sizes <= 2 * case.radius).any():
        return False
    near = (places < case.radius) | (places >= sizes - case.radius)
    return bool(near.any(axis=1).all())


def _one_bit(found: np.float32, right: np.float32) -> bool:
    return (int(found.view(np.uint32)) ^ int(right.view(np.uint32))).bit_count() == 1
