"""numpy as a device, with whatever numpy a distribution has."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from selftest import arithmetic
from selftest.backends.cpu import NumpyBackend, NumpySession, NumpyTask
from selftest.cases import Convolution, Floats, Kind, Work, digest, make_work
from selftest.measure import time_case
from tests.selftest import reference


def test_the_library_that_multiplies_is_named() -> None:
    (device,) = NumpyBackend().devices()
    assert device.driver.split()[0].isprintable()


@pytest.mark.parametrize(
    ("told", "named"), [({"libraries": ["blas", "cblas", "blas"]}, "blas, cblas"), ({}, "no BLAS")]
)
def test_a_numpy_that_only_prints_how_it_was_built_is_asked_otherwise(
    monkeypatch: pytest.MonkeyPatch, told: Mapping[str, object], named: str
) -> None:
    monkeypatch.setattr(np, "show_config", lambda: None)
    monkeypatch.setattr("numpy.__config__.get_info", lambda _: told, raising=False)
    (device,) = NumpyBackend().devices()
    assert device.driver == named


def test_many_cores_compute_what_one_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    work = make_work(Convolution(Kind.SEPARABLE, 15, 1, 83, 301))
    found = set()
    for cores in (1, 2, 7, 100):
        monkeypatch.setattr(arithmetic, "usable_cores", lambda cores=cores: cores)
        found.add(digest(arithmetic.compute(work).astype(np.float32)))
    assert len(found) == 1


class OneWrong(NumpyTask):
    """Far from the edges and from the middle of a large picture, one pixel is wrong."""

    def download(self) -> Floats:
        result = super().download().copy()
        result[100, 200, 3] += 2
        return result


class OneWrongSession(NumpySession):
    def task(self, work: Work) -> NumpyTask:
        return OneWrong(work)


def test_a_timed_case_with_a_digest_is_proved_to_the_last_pixel() -> None:
    case = next(one for one in reference.TIMED if one.kind is Kind.SEPARABLE)
    result, _ = time_case(OneWrongSession(), case, 0.0, reference.shipped()[case.name])
    assert result.difference is not None
    assert (result.difference.wrong, result.difference.first) == (1, (100, 200, 3))
    result, _ = time_case(NumpySession(), case, 0.0, reference.shipped()[case.name])
    assert result.difference is None
