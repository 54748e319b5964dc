"""The cases: what they hold can be exact, the shipped digests are right, numpy reaches them."""

from __future__ import annotations

import numpy as np
import pytest

from selftest.arithmetic import compute, convolve_window
from selftest.cases import (
    EXACT_LIMIT,
    RADII,
    Case,
    Convolution,
    Factors,
    Kind,
    Mode,
    Product,
    digest,
    float_cases,
    make_work,
    timed_cases,
    tolerance,
)
from tests.selftest import reference

CASES = reference.CASES
TAPS = [[-5, 25, -24], [-26, 16, 10], [21, -5, -17]]


def names(case: Case) -> str:
    return case.name


def test_digests_are_shipped_for_every_case_and_no_other() -> None:
    assert list(reference.shipped()) == [case.name for case in CASES]


@pytest.mark.parametrize("case", CASES, ids=names)
def test_the_shipped_digest_is_what_integers_give(case: Case) -> None:
    assert reference.shipped()[case.name] == reference.right_digest(case)


@pytest.mark.parametrize("case", CASES, ids=names)
def test_numpy_is_exact(case: Case) -> None:
    shipped = reference.shipped()[case.name]
    work = make_work(case)
    assert digest(compute(work)) == shipped
    assert digest(compute(work, np.float64).astype(np.float32)) == shipped


def test_cases_cover_what_is_promised() -> None:
    convolutions = [case for case in CASES if isinstance(case, Convolution)]
    for kind in Kind:
        for channels in (1, 4):
            found = [one for one in convolutions if (one.kind, one.channels) == (kind, channels)]
            assert {one.radius for one in found} == set(RADII)
            assert {(1, 1), (1021, 769)} <= {(one.width, one.height) for one in found}
            assert any(2 * one.radius + 1 > one.width > 1 for one in found)
    assert any(isinstance(case, Product) for case in CASES)


@pytest.mark.parametrize("case", CASES, ids=names)
def test_no_sum_in_any_order_leaves_the_exact_integers(case: Case) -> None:
    work = make_work(case)
    if isinstance(work, Factors):
        assert (np.abs(work.left) @ np.abs(work.right)).max() < EXACT_LIMIT
        return
    # Twice the largest sum: kernels may add pairs of pixels and of weights before they multiply.
    weights = np.abs(work.taps)
    dense = weights.shape[0] == weights.shape[1]
    gain = weights.sum() if dense else weights[0].sum() * weights[1].sum()
    pairs = 2 if dense else 1
    assert 255 * gain * pairs < EXACT_LIMIT
    assert work.image.min() >= 0
    assert work.image.max() <= 255
    assert np.array_equal(work.image, np.rint(work.image))


def test_inputs_are_the_same_on_every_machine() -> None:
    work = make_work(Convolution(Kind.DENSE, 1, 4, 5, 3))
    assert not isinstance(work, Factors)
    assert digest(work.image).startswith("5eea54a8fe14b876")
    assert work.taps.tolist() == TAPS


@pytest.mark.parametrize("case", list(float_cases()), ids=names)
def test_numpy_is_well_within_the_tolerance_and_a_coarser_float_is_not(case: Convolution) -> None:
    assert case.mode is Mode.FLOAT
    work = make_work(case)
    assert not isinstance(work, Factors)
    right = compute(work, np.float64)
    allowed = tolerance(work)
    assert np.abs(compute(work) - right).max() < allowed
    assert np.abs(right.astype(np.float16) - right).max() > 10 * allowed


def test_a_window_is_what_the_whole_shows_there() -> None:
    (case, *_) = timed_cases(96, (7,))
    work = make_work(case)
    assert not isinstance(work, Factors)
    whole = compute(work, np.float64)
    for rows, columns in ((slice(0, 5), slice(0, 96)), (slice(90, 96), slice(3, 4))):
        assert np.array_equal(convolve_window(work, (rows, columns)), whole[rows, columns])


def test_minus_zero_and_zero_have_one_digest() -> None:
    assert digest(np.array([-0.0], np.float32)) == digest(np.array([0.0], np.float32))
