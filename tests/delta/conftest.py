"""Fixtures of the tests of difference bundles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bundler.builds import Workplace
from tests.delta.site import Site
from tests.installer.conftest import Host
from tests.installer.fake_engine import FakeEngine, run_fake_engine
from tests.support.bundles import new_key


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    key = new_key(tmp_path / "key")
    place = Workplace(tmp_path / "building", key.path)
    place.root.mkdir()
    host = Host(tmp_path / "host", key)
    host.root.mkdir()
    host.trust.add_on_first_use(key.public, "release@acme")
    with host.closing:
        yield Site(place, host)


@pytest.fixture(params=["graph", "containerd"])
def fake(request: pytest.FixtureRequest) -> Iterator[FakeEngine]:
    """An engine of each store."""
    with run_fake_engine(request.param) as engine:
        yield engine
