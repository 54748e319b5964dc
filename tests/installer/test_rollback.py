"""Rollback without containers: names move back, what is missing is named, the mark stays."""

from __future__ import annotations

import threading
from contextlib import closing

import pytest

from installer.engines.choose import open_engine
from installer.events import Outcome, RunFinished, RunRecord
from installer.rollback import plan_rollback, roll_back
from installer.running.starting import Starting
from installer.verbs.picking import pick_app, pick_release
from manifests.errors import BundleRefused, NotInstallableHere, UsageError
from tests.installer.conftest import APP, IMAGES, NAMES, Host
from tests.installer.fake_engine import FakeEngine, Faults
from tests.support.bundles import Bundle, Facts
from tests.support.layers import LayerSpec


def releases(host: Host, count: int) -> list[Bundle]:
    found = []
    for number in range(1, count + 1):
        image = APP.plus(LayerSpec({"release": f"{number}".encode()}))
        facts = Facts(sequence=number, version=f"{number}.0")
        found.append(host.bundle({**IMAGES, NAMES[0]: image}, facts))
    return found


def back(host: Host, engine: str, text: str = "", product: str = "") -> RunRecord:
    app = pick_app(host.ledger.state().apps, product)
    starting = Starting(engine=engine, settings=host.root / "settings")
    with closing(open_engine(engine)) as opened:
        plan = plan_rollback(app, pick_release(app, text), opened, host.ledger, starting)
        *_, last = roll_back(plan, threading.Event())
    assert isinstance(last, RunFinished)
    return last.record


@pytest.fixture
def three(host: Host, fake: FakeEngine) -> list[Bundle]:
    found = releases(host, 3)
    for bundle in found:
        assert host.install(bundle.path, fake.url).outcome is Outcome.DONE
    return found


def test_goes_to_the_previous_release(host: Host, fake: FakeEngine, three: list[Bundle]) -> None:
    del three
    app = host.ledger.app("viz")
    assert app is not None
    assert (app.active, app.previous) == (3, 2)
    now = dict(fake.names)
    record = back(host, fake.url)
    assert (record.outcome, record.sequence, record.version) == (Outcome.DONE, 2, "2.0")
    assert record.names_set == (NAMES[0],)
    assert fake.names[NAMES[0]] != now[NAMES[0]]
    assert fake.names[NAMES[1]] == now[NAMES[1]]
    app = host.ledger.app("viz")
    assert app is not None
    assert (app.active, app.previous) == (2, 3)
    last = [one for one in host.ledger.history() if one.what == "rolled-back"][-1]
    assert (last.sequence, last.facts["from"], last.facts["reason"]) == (2, 3, "asked for")


def test_goes_to_a_release_by_number_or_version(
    host: Host, fake: FakeEngine, three: list[Bundle]
) -> None:
    del three
    assert back(host, fake.url, "1").sequence == 1
    assert back(host, fake.url, "2.0").sequence == 2
    assert back(host, fake.url, "2").outcome is Outcome.NOTHING_TO_DO
    with pytest.raises(NotInstallableHere, match=r"found 1\.0 \(1\), 2\.0 \(2\), 3\.0 \(3\)"):
        back(host, fake.url, "9")


def test_the_high_water_mark_stays(host: Host, fake: FakeEngine, three: list[Bundle]) -> None:
    back(host, fake.url)
    with pytest.raises(BundleRefused) as caught:
        host.install(three[0].path, fake.url)
    assert caught.value.code == "downgrade-refused"
    assert host.install(three[2].path, fake.url).outcome is Outcome.DONE
    app = host.ledger.app("viz")
    assert app is not None
    assert (app.active, app.previous) == (3, 2)


def test_an_image_that_is_gone_is_named_with_its_bundle(
    host: Host, fake: FakeEngine, three: list[Bundle]
) -> None:
    gone = three[1].release.images[0]
    for name in tuple(fake.images[identity(fake, gone)].names):
        fake.remove(name)
    with pytest.raises(NotInstallableHere) as caught:
        back(host, fake.url)
    assert caught.value.code == "rollback-images-missing"
    assert NAMES[0] in str(caught.value)
    assert str(three[1].path) in caught.value.hint


def test_an_app_must_be_named_where_there_are_several(host: Host, fake: FakeEngine) -> None:
    with pytest.raises(NotInstallableHere, match="found no app installed here"):
        back(host, fake.url)
    for product in ("viz", "web"):
        host.install(host.bundle(facts=Facts(product=product)).path, fake.url)
    with pytest.raises(UsageError, match="several installed here: viz, web"):
        back(host, fake.url)
    with pytest.raises(NotInstallableHere, match="expected a previous release"):
        back(host, fake.url, product="web")


def test_a_name_that_can_not_be_set_leaves_all_as_it_was(
    host: Host, fake: FakeEngine, three: list[Bundle]
) -> None:
    del three
    before, app = dict(fake.names), host.ledger.app("viz")
    fake._tags, fake.faults.fail_tag = 0, 1
    record = back(host, fake.url)
    assert record.failure is not None
    assert record.failure.code == "engine-tag"
    assert (fake.names, host.ledger.app("viz")) == (before, app)
    assert host.ledger.history()[-1].what == "rollback-failed"


def test_two_do_not_meet(host: Host, fake: FakeEngine, three: list[Bundle]) -> None:
    del three
    with host.ledger.locked():
        record = back(host, fake.url)
    assert record.failure is not None
    assert record.failure.code == "ledger-busy"


def identity(fake: FakeEngine, image: object) -> str:
    store = "image_id" if fake.store == "graph" else "target"
    return str(getattr(image, store))


def test_an_app_whose_first_install_broke_off_is_no_stranger(host: Host, fake: FakeEngine) -> None:
    fake.faults = Faults(drop_after=1000)
    record = host.install(host.bundle().path, fake.url)
    assert record.failure is not None
    state = host.ledger.state()
    for product in ("viz", ""):
        with pytest.raises(NotInstallableHere) as caught:
            pick_app(state.apps, product, state.products)
        assert caught.value.code == "app-unknown"
        assert "of viz no release is left, or its install was broken off" in caught.value.hint
    with pytest.raises(NotInstallableHere) as caught:
        pick_app(state.apps, "other", state.products)
    assert "broken off" not in caught.value.hint
