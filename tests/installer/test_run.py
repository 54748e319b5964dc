"""Runs: the law of the stream, damage that never reaches an engine, names moved all or none."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from installer.events import (
    Advanced,
    Event,
    NameSet,
    Noted,
    Outcome,
    RunFinished,
    RunRecord,
    Stage,
    StageFailed,
    StageFinished,
    StageStarted,
    to_json,
)
from installer.run import run
from manifests.errors import BundleRefused, ExitCode, MoonliftError
from manifests.strictjson import canonical
from tests.installer.conftest import APP, IMAGES, NAMES, Host, piped
from tests.installer.fake_engine import FakeEngine, Faults, Store, run_fake_engine
from tests.support.bundles import Bundle, Facts
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.tamper import EACH_FILE, add, copy_of, files_of, flip, swap

NOISE = (LayerSpec.random(1, 30_000_000), LayerSpec.random(2, 9_000_000))
LARGE = {NAMES[0]: ImageSpec(tuple(layer.stored_as("zstd", 1) for layer in NOISE))}


def stages(events: list[Event]) -> list[str]:
    return [str(event.stage) for event in events if isinstance(event, StageStarted)]


def upgrade_of(host: Host) -> Bundle:
    images = {name: spec.plus(LayerSpec({"new": b"1"})) for name, spec in _specs().items()}
    return host.bundle(images, Facts(sequence=2, version="2"))


def _specs() -> dict[str, ImageSpec]:
    return {name: spec for name, spec in IMAGES.items() if isinstance(spec, ImageSpec)}


def assert_lawful(events: list[Event]) -> RunRecord:
    """Hold a whole stream against the law in `installer.events`."""
    last = events[-1]
    assert isinstance(last, RunFinished)
    assert sum(isinstance(event, RunFinished) for event in events) == 1
    running: Stage | None = None
    done = 0
    for event in events:
        match event:
            case StageStarted():
                assert running is None
                running, done = event.stage, 0
            case Advanced():
                assert event.stage is running
                assert done <= event.done <= event.total
                done = event.done
            case StageFinished() | StageFailed():
                assert event.stage is running
                running = None
            case _:
                pass
        canonical(to_json(event))
    assert running is None
    return last.record


def test_stages_come_in_order(host: Host, fake: FakeEngine) -> None:
    events = host.events(host.bundle().path, fake.url)
    assert stages(events) == ["check", "load", "tag", "record"]
    record = assert_lawful(events)
    assert (record.outcome, record.images_loaded, record.exit_code) == (Outcome.DONE, 2, 0)
    assert record.names_set == NAMES
    assert set(fake.names) == set(NAMES)


def test_second_run_does_nothing(host: Host, fake: FakeEngine) -> None:
    bundle = host.bundle()
    host.install(bundle.path, fake.url)
    before, history = list(fake.loads), host.ledger.history()
    events = host.events(bundle.path, fake.url)
    assert assert_lawful(events).outcome is Outcome.NOTHING_TO_DO
    assert [event.code for event in events if isinstance(event, Noted)] == ["nothing-to-do"]
    assert fake.loads == before
    assert host.ledger.history() == history


def test_is_written_down_before_the_engine_is_touched_and_after(
    host: Host, fake: FakeEngine
) -> None:
    bundle = host.bundle()
    stream = run(host.plan(bundle.path, fake.url), threading.Event())
    seen = [(len(host.ledger.state().accepted), fake.load_calls) for _ in stream]
    assert all(accepted or not loads for accepted, loads in seen)
    (kept,) = host.ledger.releases()
    assert kept.raw == bundle.files["release.json"]
    history = host.ledger.history()
    assert [entry.what for entry in history] == ["accepted", "installed", *["name-moved"] * 2]
    assert [entry.facts["name"] for entry in history[2:]] == list(NAMES)


@pytest.mark.parametrize("kind", EACH_FILE)
def test_nothing_damaged_reaches_the_engine(host: Host, fake: FakeEngine, kind: str) -> None:
    """At most the images that have nothing of the damaged file are there, and none has a name."""
    bundle = host.bundle(facts=Facts(files={"compose.yaml": b"services: {}\n"}))
    for number, name in enumerate(files_of(bundle.path)):
        damaged = copy_of(bundle.path, host.root / f"{kind}-{number}")
        EACH_FILE[kind](damaged / name)
        assert refused(host, damaged, fake), name
        whole = [one for one in bundle.release.images if name not in {b.name for b in one.blobs}]
        assert {one.diff_ids[-1] for one in fake.images.values()} <= {
            str(one.diff_ids[-1]) for one in whole
        }
        assert bool(fake.images) == bool(host.ledger.state().accepted)
        assert fake.names == {}
        assert host.ledger.app("viz") is None
        _reset(host)
        fake.images.clear()
        fake.blobs.clear()


def test_extra_and_swapped_files_leave_the_engine_untouched(host: Host, fake: FakeEngine) -> None:
    bundle = host.bundle({NAMES[0]: APP})
    layers = [layer.name for image in bundle.release.images for layer in image.layers]
    extra, swapped = (copy_of(bundle.path, host.root / name) for name in ("extra", "swapped"))
    add(extra)
    swap(swapped / layers[0], swapped / layers[1])
    for damaged in (extra, swapped):
        assert refused(host, damaged, fake)
    assert fake.load_calls == 0


def refused(host: Host, path: Path, fake: FakeEngine) -> bool:
    try:
        record = host.install(path, fake.url)
    except BundleRefused:
        return True
    return record.failure is not None and record.exit_code is ExitCode.BUNDLE_REFUSED


@pytest.mark.parametrize("form", ["pipe", "one-pass"])
def test_damage_in_one_pass_never_gets_committed(host: Host, fake: FakeEngine, form: str) -> None:
    bundle = host.bundle(LARGE)
    data = bytearray(bundle.tar())
    data[-2_000_000] ^= 1
    path = host.root / "damaged.tar"
    path.write_bytes(data)
    if form == "pipe":
        with piped(bytes(data), host.root / "pipe") as pipe:
            record = host.install(pipe, fake.url)
    else:
        record = host.install(path, fake.url, one_pass=True)
    assert record.failure is not None
    assert record.failure.code == ("chunk-damaged" if form == "pipe" else "bundle-damaged")
    assert (fake.broken_off, fake.loads, fake.images) == (1, [], {})


def test_a_medium_that_changes_after_it_was_checked_is_found_out(
    host: Host, fake: FakeEngine
) -> None:
    bundle = host.bundle(LARGE)
    events: list[Event] = []
    for event in run(host.plan(bundle.path, fake.url), threading.Event()):
        events.append(event)
        if isinstance(event, StageFinished) and event.stage is Stage.CHECK:
            flip(bundle.path / bundle.release.images[0].layers[1].name)
    record = assert_lawful(events)
    assert record.failure is not None
    assert record.failure.code == "bundle-damaged"
    assert (fake.broken_off, fake.images) == (1, {})


def test_cancel_before_and_at_every_event(host: Host, fake: FakeEngine) -> None:
    bundle = host.bundle(LARGE)
    total = len(host.events(bundle.path, "layout:" + str(host.root / "dry")))
    with host.ledger.locked() as ledger:
        ledger.forget_app(bundle.release.product)
    for stop_at in range(total):
        cancel = threading.Event()
        events: list[Event] = []
        made = host.plan(bundle.path, fake.url)
        for number, event in enumerate(run(made, cancel)):
            events.append(event)
            if number == stop_at:
                cancel.set()
        record = assert_lawful(events)
        assert record.outcome in Outcome
        if record.outcome is Outcome.CANCELLED:
            assert record.exit_code is ExitCode.INTERRUPTED
            assert fake.names == {}
    assert host.install(bundle.path, fake.url).exit_code is ExitCode.DONE


def test_closing_the_stream_early_stops_the_work(host: Host, fake: FakeEngine) -> None:
    bundle = host.bundle(LARGE)
    stream = run(host.plan(bundle.path, fake.url), threading.Event())
    assert isinstance(stream, Generator)
    for event in stream:
        if isinstance(event, Advanced) and event.stage is Stage.LOAD:
            break
    stream.close()
    assert fake.names == {}
    assert host.install(bundle.path, fake.url).exit_code is ExitCode.DONE


@pytest.mark.parametrize("fail_at", [1, 2])
def test_a_name_that_can_not_be_set_leaves_all_names_as_they_were(
    host: Host, fake: FakeEngine, fail_at: int
) -> None:
    host.install(host.bundle().path, fake.url)
    before = dict(fake.names)
    upgrade = upgrade_of(host)
    fake._tags = 0
    fake.faults.fail_tag = len(IMAGES) + fail_at
    events = host.events(upgrade.path, fake.url)
    record = assert_lawful(events)
    assert record.failure is not None
    assert record.failure.code == "engine-tag"
    assert record.exit_code is ExitCode.ENGINE_FAILED
    assert record.names_set == ()
    assert fake.names == before
    fake.faults.fail_tag = 0
    done = host.install(upgrade.path, fake.url)
    assert (done.outcome, done.images_loaded) == (Outcome.DONE, 0)


def test_new_names_are_removed_again_when_others_fail(host: Host, fake: FakeEngine) -> None:
    fake.faults.fail_tag = len(IMAGES) + 2
    assert host.install(host.bundle().path, fake.url).outcome is Outcome.FAILED
    assert fake.names == {}


def test_names_move_only_after_every_image_is_there(host: Host, fake: FakeEngine) -> None:
    host.install(host.bundle().path, fake.url)
    before = dict(fake.names)
    for event in run(host.plan(upgrade_of(host).path, fake.url), threading.Event()):
        if isinstance(event, NameSet):
            assert set(fake.names.values()).isdisjoint(before.values())
            break
        if not isinstance(event, StageFinished) or event.stage is not Stage.TAG:
            assert fake.names == before


def test_two_installers_do_not_meet(host: Host, fake: FakeEngine) -> None:
    made = host.plan(host.bundle().path, fake.url)
    with host.ledger.locked():
        events = list(run(made, threading.Event()))
    record = assert_lawful(events)
    assert record.failure is not None
    assert record.failure.code == "ledger-busy"
    assert fake.load_calls == 0


def test_failures_are_written_down(host: Host, fake: FakeEngine) -> None:
    fake.faults.error_line = "no space left on device"
    host.install(host.bundle().path, fake.url)
    last = host.ledger.history()[-1]
    assert (last.what, last.facts["code"]) == ("install-failed", "engine-no-space")


def test_an_accepted_release_can_be_finished_after_a_failure(host: Host, fake: FakeEngine) -> None:
    bundle = host.bundle()
    fake.faults.error_line = "boom"
    assert host.install(bundle.path, fake.url).outcome is Outcome.FAILED
    fake.faults.error_line = ""
    assert host.install(bundle.path, fake.url).outcome is Outcome.DONE


faults = st.builds(
    Faults,
    wrong_id=st.booleans(),
    wrong_layers=st.booleans(),
    error_line=st.sampled_from(["", "", "boom"]),
    answer_nothing=st.booleans(),
    drop_after=st.sampled_from([-1, -1, 0, 600, 20_000]),
    early_error=st.sampled_from(["", "disk full"]),
    refuse_parts=st.booleans(),
    fail_tag=st.integers(0, 6),
    fail_inspect=st.booleans(),
)


@pytest.mark.property
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    fault=faults,
    store=st.sampled_from(["graph", "containerd"]),
    stop_at=st.integers(0, 25),
    upgrade=st.booleans(),
)
def test_the_law_holds_whatever_goes_wrong(
    host: Host, fault: Faults, store: Store, stop_at: int, upgrade: bool
) -> None:
    """Every stream is lawful; names are all old or all new; a clean run afterwards finishes."""
    first, second = _two_bundles(host)
    with run_fake_engine(store) as fake:
        _reset(host)
        if upgrade:
            host.install(first.path, fake.url)
        before, path = dict(fake.names), (second if upgrade else first).path
        fake.faults, fake._tags = fault, 0
        events = _stopped_run(host, path, fake, stop_at)
        if events:
            record = assert_lawful(events)
            if record.outcome in (Outcome.FAILED, Outcome.CANCELLED):
                assert fake.names == before
        fake.faults = Faults()
        assert host.install(path, fake.url).exit_code is ExitCode.DONE
        assert set(fake.names) == set(NAMES)
        assert host.plan(path, fake.url).nothing_to_do


def _stopped_run(host: Host, path: Path, fake: FakeEngine, stop_at: int) -> list[Event]:
    cancel = threading.Event()
    events: list[Event] = []
    try:
        for event in run(host.plan(path, fake.url), cancel):
            events.append(event)
            if len(events) == stop_at:
                cancel.set()
    except MoonliftError:
        return []
    return events


def _two_bundles(host: Host) -> tuple[Bundle, Bundle]:
    found = host.__dict__.get("two")
    if found is None:
        found = host.__dict__["two"] = (host.bundle(), upgrade_of(host))
    return found


def _reset(host: Host) -> None:
    for path in sorted((host.root / "state").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
