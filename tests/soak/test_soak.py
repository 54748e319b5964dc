"""The short form of `make soak`: a few kills, one of them of the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import _or_skip
from tests.soak.killable import run_killable_dockerd
from tests.soak.rounds import Soak
from tests.support.bundles import new_key
from tests.support.site import Site

pytestmark = [pytest.mark.engine, pytest.mark.long]

INSTALLER, ENGINE = 5, 1


def test_an_upgrade_survives_kills(tmp_path: Path) -> None:
    with _or_skip(run_killable_dockerd(tmp_path / "engine")) as killable:
        site = Site(killable.engine, tmp_path, new_key(tmp_path / "key"))
        site.trust()
        soak = Soak(site, killable, seed=20261127, selftest=False)
        soak.begin()
        for number in range(INSTALLER + ENGINE):
            (soak.kill_engine if number % 6 == 5 else soak.kill_installer)()
        figures = soak.figures
        assert figures.installer + figures.engine + figures.finished == INSTALLER + ENGINE
        assert figures.installer
