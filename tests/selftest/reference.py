"""What is right, computed the slow and plain way in int64, and the digests that are shipped.

`python -m tests.selftest.reference` writes selftest/digests.json anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

import selftest
from selftest.cases import (
    Case,
    Factors,
    Integers,
    Picture,
    digest,
    exact_cases,
    make_work,
    timed_cases,
)
from selftest.suite import SUITES

SHIPPED = Path(selftest.__file__).with_name("digests.json")
QUICK = SUITES["quick"]
TIMED = tuple(timed_cases(QUICK.timed_side, QUICK.timed_radii))
CASES: tuple[Case, ...] = (*exact_cases(), *TIMED)

_STRIP = 32
"""Rows that are summed at a time: they stay in a processor's cache."""


def shipped() -> Mapping[str, str]:
    digests: Mapping[str, str] = json.loads(SHIPPED.read_text())
    return digests


def right_digest(case: Case) -> str:
    return digest(right_result(case).astype(np.float32))


def right_result(case: Case) -> Integers:
    """Return a case's result, by shifted sums of integers."""
    work = make_work(case)
    if isinstance(work, Factors):
        return work.left.astype(np.int64) @ work.right.astype(np.int64)
    return convolve(work)


def convolve(picture: Picture) -> Integers:
    image, taps = picture.image.astype(np.int64), picture.taps.astype(np.int64)
    if taps.shape[0] == taps.shape[1]:
        return correlate(image, taps)
    return correlate(correlate(image, taps[:1]), taps[1:].T)


def correlate(image: Integers, taps: Integers) -> Integers:
    above, left = taps.shape[0] // 2, taps.shape[1] // 2
    height, width, _ = image.shape
    padded = np.pad(image, ((above, above), (left, left), (0, 0)), mode="edge")
    total = np.zeros_like(image)
    for top in range(0, height, _STRIP):
        strip = total[top : top + _STRIP]
        product = np.empty_like(strip)
        for y, x in np.ndindex(taps.shape):
            start = top + y
            np.multiply(padded[start : start + len(strip), x : x + width], taps[y, x], out=product)
            strip += product
    return total


if __name__ == "__main__":
    digests = {case.name: right_digest(case) for case in CASES}
    SHIPPED.write_text(json.dumps(digests, indent=1) + "\n")
