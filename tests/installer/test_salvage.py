"""Damaged bundles: what is good is loaded and kept, the rest is named, nothing half installed."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer.events import Event, ImageLoaded, Noted, Outcome, RunRecord, Stage, StageFinished
from installer.run import run
from installer.running import salvage
from installer.stream.damageevents import DamageFound, ImageSkipped
from manifests.errors import ExitCode
from manifests.release import ImageRecord
from tests.installer.conftest import APP, BASE, IMAGES, NAMES, Host, piped
from tests.installer.fake_engine import FakeEngine
from tests.installer.test_cli import call, document, lines_of
from tests.installer.test_run import assert_lawful, stages
from tests.support.badmedium import Fault, FaultyMedium, impatient, opened_with
from tests.support.bundles import Bundle, Facts
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.tamper import flip

OPENED = "tests.installer.conftest"
OTHER = ImageSpec((BASE, LayerSpec({"bin/other": b"other" * 900})))


@pytest.fixture(autouse=True)
def _impatient() -> Iterator[None]:
    with impatient():
        yield


def own_layer(image: ImageRecord) -> str:
    """Return the blob that only this image has."""
    return image.layers[-1].name


def refused(record: RunRecord) -> str:
    """Check that a run ended as one of a damaged bundle; return what it says."""
    assert record.failure is not None
    assert (record.outcome, record.exit_code) == (Outcome.FAILED, ExitCode.BUNDLE_REFUSED)
    assert record.failure.code == "bundle-damaged"
    assert "installer repair" in record.failure.hint
    return record.failure.message


def skipped(events: list[Event]) -> list[str]:
    return [event.name for event in events if isinstance(event, ImageSkipped)]


def sent(events: list[Event]) -> dict[str, int]:
    return {e.name: e.layers_sent for e in events if isinstance(e, ImageLoaded)}


def not_installed(host: Host, fake: FakeEngine) -> bool:
    return fake.names == {} and host.ledger.app("viz") is None and host.ledger.releases() == ()


@pytest.mark.parametrize("number", [0, 1])
def test_the_good_image_is_loaded_and_kept_and_the_rest_after_a_repair(
    host: Host, fake: FakeEngine, number: int
) -> None:
    bundle = host.bundle(facts=Facts(files={"compose.yaml": b"services: {}\n"}))
    images = bundle.release.images
    flip(bundle.path / own_layer(images[number]))
    events = host.events(bundle.path, fake.url)
    record = assert_lawful(events)
    message = refused(record)
    assert own_layer(images[number]) in message
    assert "1 image loaded and kept" in message
    assert f"not loaded: {images[number].written}" in message
    assert stages(events) == ["check", "load"]
    assert skipped(events) == [NAMES[number]] == list(record.images_skipped)
    assert sent(events) == {NAMES[1 - number]: 2}, "it brings the base that both share"
    assert not_installed(host, fake)
    flip(bundle.path / own_layer(images[number]))
    repaired = host.events(bundle.path, fake.url)
    assert assert_lawful(repaired).outcome is Outcome.DONE
    assert sent(repaired) == {NAMES[number]: 1}
    assert set(fake.names) == set(NAMES)


def test_each_damaged_place_is_told_with_its_images(host: Host, fake: FakeEngine) -> None:
    bundle = host.bundle({**IMAGES, "docker.io/acme/other:1": OTHER})
    images = bundle.release.images
    faults = (Fault(own_layer(images[0]), 3, 1, errno.EIO), Fault(own_layer(images[1]), 9))
    with opened_with(OPENED, *faults):
        events = host.events(bundle.path, fake.url)
    found = [event for event in events if isinstance(event, DamageFound)]
    assert {(one.file, one.offset, one.code, one.images) for one in found} == {
        (own_layer(images[0]), 0, "medium-unreadable", (NAMES[0],)),
        (own_layer(images[1]), 0, "chunk-damaged", (NAMES[1],)),
    }
    assert all(one.length == bundle.release.sizes()[one.file] for one in found)
    assert {one.stage for one in found} == {Stage.CHECK}
    assert "2 chunks of 2 files" in refused(assert_lawful(events))
    assert list(sent(events)) == ["docker.io/acme/other:1"]


def test_damage_to_what_all_images_need_leaves_everything_untouched(
    host: Host, fake: FakeEngine
) -> None:
    bundle = host.bundle()
    flip(bundle.path / bundle.release.images[0].layers[0].name)
    events = host.events(bundle.path, fake.url)
    assert "0 images loaded" in refused(assert_lawful(events))
    assert (stages(events), skipped(events)) == (["check"], list(NAMES))
    assert (fake.load_calls, host.ledger.state().accepted) == (0, ())


def test_an_image_whose_damaged_layer_is_there_already_is_loaded(
    host: Host, fake: FakeEngine
) -> None:
    host.install(host.bundle({NAMES[0]: APP}).path, fake.url)
    bundle = host.bundle(IMAGES, Facts(sequence=2))
    flip(bundle.path / bundle.release.images[0].layers[0].name)
    assert host.install(bundle.path, fake.url).outcome is Outcome.DONE


def test_damage_to_a_file_of_the_app_loads_the_images_and_places_nothing(
    host: Host, fake: FakeEngine
) -> None:
    bundle = host.bundle(facts=Facts(files={"compose.yaml": b"services: {}\n"}))
    flip(bundle.path / "files/compose.yaml")
    events = host.events(bundle.path, fake.url)
    record = assert_lawful(events)
    assert "files/compose.yaml: bytes 0 to 13" in refused(record)
    assert (stages(events), record.images_loaded) == (["check", "load"], 2)
    assert record.images_skipped == ()
    assert not_installed(host, fake)
    flip(bundle.path / "files/compose.yaml")
    done = host.install(bundle.path, fake.url)
    assert (done.outcome, done.images_loaded) == (Outcome.DONE, 0)


@pytest.mark.parametrize("one_pass", [False, True])
def test_damage_that_shows_only_while_loading(
    host: Host, fake: FakeEngine, *, one_pass: bool
) -> None:
    bundle = host.bundle({NAMES[0]: APP, NAMES[1]: OTHER})
    bad = Fault(own_layer(bundle.release.images[0]), 5, 1, errno.EIO)
    with opened_with(OPENED) as media:
        plan = host.plan(bundle.path, fake.url, one_pass=one_pass)
        media[0].faults += [bad] if one_pass else []
        events: list[Event] = []
        for event in run(plan, threading.Event()):
            events.append(event)
            if isinstance(event, StageFinished) and event.stage is Stage.CHECK:
                media[0].faults.append(bad)
    assert bad.name in refused(assert_lawful(events))
    assert skipped(events) == [NAMES[0]]
    assert sent(events) == {NAMES[1]: 2}, "the base did not come with the image that was lost"
    assert not_installed(host, fake)
    assert fake.broken_off == 1
    repaired = host.events(bundle.path, fake.url)
    assert assert_lawful(repaired).outcome is Outcome.DONE
    assert list(sent(repaired)) == [NAMES[0]]


def test_two_names_of_one_damaged_image(host: Host, fake: FakeEngine) -> None:
    bundle = host.bundle({NAMES[0]: APP, NAMES[1]: APP})
    flip(bundle.path / own_layer(bundle.release.images[0]))
    record = assert_lawful(host.events(bundle.path, fake.url))
    assert "0 images loaded" in refused(record)
    assert fake.load_calls == 0


def test_a_pipe_ends_where_it_is_damaged(host: Host, fake: FakeEngine) -> None:
    bundle = host.bundle({NAMES[0]: APP, NAMES[1]: OTHER})
    data = bytearray(bundle.tar())
    content = bundle.files[own_layer(bundle.release.images[0])]
    data[data.index(content) + 5] ^= 1
    with piped(bytes(data), host.root / "pipe") as pipe:
        record = host.install(pipe, fake.url)
    assert record.failure is not None
    assert record.failure.code == "chunk-damaged"
    assert fake.images == {}


@pytest.mark.parametrize("number", [0, errno.EIO], ids=["other bytes", "error"])
def test_what_comes_right_the_second_time_is_installed_and_told_of(
    host: Host, fake: FakeEngine, number: int
) -> None:
    bundle = host.bundle()
    fault = Fault(own_layer(bundle.release.images[0]), 5, 1, number, times=1)
    with opened_with(OPENED, fault):
        events = host.events(bundle.path, fake.url)
    assert assert_lawful(events).outcome is Outcome.DONE
    assert [event.code for event in events if isinstance(event, Noted)] == ["read-again"]


def test_of_very_many_places_not_each_is_told(
    host: Host, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(salvage, "MAX_TOLD", 2)
    images = {f"docker.io/acme/i{n}:1": ImageSpec((LayerSpec({"n": b"%d" % n}),)) for n in range(5)}
    bundle = host.bundle(images)
    for image in bundle.release.images[1:]:
        flip(bundle.path / own_layer(image))
    events = host.events(bundle.path, fake.url)
    assert sum(isinstance(event, DamageFound) for event in events) == 2
    assert [event.code for event in events if isinstance(event, Noted)] == ["damage-more"]
    assert "4 chunks of 4 files" in refused(assert_lawful(events))
    assert len(skipped(events)) == 4


def layout_words(host: Host, bundle: Bundle, *more: str) -> tuple[str | Path, ...]:
    return ("install", bundle.path, "--yes", "--engine", f"layout:{host.root / 'store'}", *more)


def test_the_command_says_it_to_people_and_to_programs(host: Host) -> None:
    bundle = host.bundle({NAMES[0]: APP, NAMES[1]: OTHER})
    bad = own_layer(bundle.release.images[1])
    flip(bundle.path / bad)
    told = call(host, *layout_words(host, bundle))
    assert told.exit_code == ExitCode.BUNDLE_REFUSED
    assert f"damaged      {bad}: bytes 0 to" in told.stderr
    assert "not loaded   docker.io/acme/web:1: 1 of its layers is damaged" in told.stderr
    assert "code: bundle-damaged" in told.stderr
    assert f"next: mend it: installer repair {bundle.path} --from OTHER" in told.stderr
    record = document(call(host, *layout_words(host, bundle, "--json")))
    assert record["images_skipped"] == [NAMES[1]]
    assert record["error"]["code"] == "bundle-damaged"
    assert record["error"]["context"]["file"] == bad
    lines = lines_of(call(host, *layout_words(host, bundle, "--jsonl")))
    kinds = {line["event"]: line for line in lines}
    assert kinds["damage-found"]["images"] == [NAMES[1]]
    assert kinds["image-skipped"]["files"] == [bad]
    report = document(call(host, "report", "last", "--json"))
    assert [one["file"] for one in report["damages"]] == [bad]
    blobs = {path.name for path in (host.root / "store/blobs/sha256").iterdir()}
    assert bad.rpartition("/")[2] not in blobs


def test_a_drive_that_is_pulled_out_while_loading_ends_the_run(
    host: Host, fake: FakeEngine
) -> None:
    bundle = host.bundle()
    with opened_with(OPENED) as media:
        plan = host.plan(bundle.path, fake.url)
        medium: FaultyMedium = media[0]
        events: list[Event] = []
        for event in run(plan, threading.Event()):
            events.append(event)
            if isinstance(event, ImageLoaded):
                medium.gone_after = 0
    record = assert_lawful(events)
    assert record.failure is not None
    assert record.failure.code == "medium-gone"
    assert record.exit_code is ExitCode.BUNDLE_REFUSED
    assert record.images_loaded == 1
    again = host.events(bundle.path, fake.url)
    assert assert_lawful(again).outcome is Outcome.DONE
    assert list(sent(again)) == [NAMES[1]]
