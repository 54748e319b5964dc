"""numpy as a device, with whatever numpy a distribution has."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from selftest.backends.cpu import NumpyBackend


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
