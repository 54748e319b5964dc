"""A damaged bundle and real engines of both stores: the good image is there, the other is not."""

from __future__ import annotations

import pytest

from installer.events import ImageLoaded, Outcome
from manifests.errors import ExitCode
from tests.installer.conftest import Host
from tests.installer.test_engines_real import BASE, NAMES, OTHER, says, url
from tests.installer.test_run import assert_lawful
from tests.support.badmedium import impatient
from tests.support.engine import Engine
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.tamper import flip_last

pytestmark = pytest.mark.engine

LARGE = LayerSpec.random(3, 18_000_000)
HELLO = ImageSpec((BASE, LARGE), cmd=("ls", "/"))


@pytest.fixture(
    params=["docker_engine", pytest.param("containerd_store_engine", marks=pytest.mark.long)]
)
def engine(request: pytest.FixtureRequest) -> Engine:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Engine)
    return found


@pytest.mark.parametrize("one_pass", [False, True], ids=["checked first", "broken off while sent"])
def test_the_good_image_stays_and_the_other_comes_after_a_repair(
    host: Host, engine: Engine, *, one_pass: bool
) -> None:
    bundle = host.bundle({NAMES[0]: HELLO, NAMES[1]: OTHER})
    bad = bundle.path / bundle.release.images[0].layers[1].name
    good = bad.read_bytes()
    flip_last(bad)
    with impatient():
        events = host.events(bundle.path, url(engine), one_pass=one_pass)
    record = assert_lawful(events)
    assert record.failure is not None
    assert record.failure.code == "bundle-damaged"
    assert record.exit_code is ExitCode.BUNDLE_REFUSED
    assert record.images_skipped == (NAMES[0],)
    assert [one.name for one in events if isinstance(one, ImageLoaded)] == [NAMES[1]]
    (only,) = engine.images()
    assert only.startswith("moonlift.local/viz:")
    assert host.ledger.app("viz") is None
    bad.write_bytes(good)
    again = host.events(bundle.path, url(engine))
    assert assert_lawful(again).outcome is Outcome.DONE
    sent = {one.name: one.layers_sent for one in again if isinstance(one, ImageLoaded)}
    assert sent == {NAMES[0]: 1}
    assert says(engine, "acme/other:1") == "other"
