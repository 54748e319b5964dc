"""The law of the stream, for any plan: whatever fails, and at whichever chunk a person stops it.

Every stage that starts ends once; progress only grows and stays within its total; the last event is
the record; every event keeps the published schema; and a report can be made of it.
"""

from __future__ import annotations

import errno
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from installer.events import Event, Outcome, RunFinished, StageFailed, StageStarted, to_json
from installer.planning.outlook import Outlook
from installer.report.before import before_install
from installer.report.reporter import Reporter
from installer.run import run
from installer.stream.jobs import Meter
from installer.stream.schema import events_schema
from manifests.errors import BundleRefused, MoonliftError
from tests.installer.conftest import Host
from tests.installer.fake_engine import Faults, Store, run_fake_engine
from tests.installer.test_run import assert_lawful
from tests.support.badmedium import Fault, opened_with
from tests.support.bundles import Bundle, Facts
from tests.support.images import ImageSpec, Spec
from tests.support.layers import LayerSpec

POOL = (
    *(LayerSpec.random(seed, 40_000 * (seed + 1)) for seed in range(4)),
    LayerSpec.random(9, 9_000_000).stored_as("zstd", 1),
    LayerSpec({}),
)
VALIDATOR = jsonschema.Draft202012Validator(json.loads(events_schema()))

images = st.lists(st.lists(st.sampled_from(POOL), min_size=1, max_size=4), min_size=1, max_size=4)
faults = st.builds(
    Faults,
    wrong_id=st.booleans(),
    error_line=st.sampled_from(["", "", "boom"]),
    answer_nothing=st.booleans(),
    drop_after=st.sampled_from([-1, -1, 600, 200_000]),
    fail_tag=st.integers(0, 9),
    fail_inspect=st.booleans(),
)


class Chunks:
    """Counts chunks as they pass; stops the run or breaks the drive at one of them."""

    def __init__(self, cancel: threading.Event, stop_at: int, break_at: int) -> None:
        self.passed = 0
        self._cancel, self._stop_at, self._break_at = cancel, stop_at, break_at
        self._lock = threading.Lock()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch every meter of a run."""
        real = Meter.add

        def add(meter: Meter, count: int) -> None:
            self._count()
            real(meter, count)

        with patch.object(Meter, "add", add):
            yield

    def _count(self) -> None:
        with self._lock:
            self.passed += 1
            now = self.passed
        if now == self._stop_at:
            self._cancel.set()
        if now == self._break_at:
            raise BundleRefused("medium-gone", "the drive was pulled out")


def specs(layers: list[list[LayerSpec]]) -> Mapping[str, Spec]:
    return {f"docker.io/acme/i{n}:1": ImageSpec(tuple(one)) for n, one in enumerate(layers)}


@pytest.mark.property
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    layers=images,
    store=st.sampled_from(["graph", "containerd"]),
    fault=faults,
    stop_at=st.integers(0, 12),
    break_at=st.sampled_from([0, 0, 0, 1, 2, 3, 5, 8]),
    one_pass=st.booleans(),
    bad=st.sets(st.integers(0, 5), max_size=2),
)
def test_the_law_holds(
    host: Host,
    *,
    layers: list[list[LayerSpec]],
    store: Store,
    fault: Faults,
    stop_at: int,
    break_at: int,
    one_pass: bool,
    bad: set[int],
) -> None:
    bundle = _next_bundle(host, specs(layers))
    names = sorted({one.name for image in bundle.release.images for one in image.layers})
    spoiled = [Fault(names[number], 0, 1, errno.EIO) for number in bad if number < len(names)]
    opening = opened_with("tests.installer.conftest", *spoiled)
    with run_fake_engine(store) as fake, opening:
        fake.faults = fault
        try:
            plan = host.plan(bundle.path, fake.url, one_pass=one_pass)
        except MoonliftError:
            return
        cancel = threading.Event()
        reporter = Reporter(before_install(Outlook(plan.verified, plan), plan))
        with Chunks(cancel, stop_at, break_at).watched():
            events = list(reporter.told(run(plan, cancel)))
        _assert_lawful(events, reporter)


def _assert_lawful(events: list[Event], reporter: Reporter) -> None:
    record = assert_lawful(events)
    started = [one.stage for one in events if isinstance(one, StageStarted)]
    assert len(started) == len(set(started)), "no stage comes twice"
    failed = [one for one in events if isinstance(one, StageFailed)]
    assert len(failed) <= 1
    if failed:
        assert record.failure == failed[0].failure
    assert (record.failure is None) == (record.outcome in (Outcome.DONE, Outcome.NOTHING_TO_DO))
    for event in events:
        _validate(to_json(event))
    report = reporter.report()
    assert report.outcome == record.outcome
    assert [one.stage for one in report.stages] == [str(one) for one in started]
    assert all(one.seconds is not None for one in report.stages)


def _validate(line: Any) -> None:
    VALIDATOR.validate(json.loads(json.dumps(line)))


def _next_bundle(host: Host, made: Mapping[str, Spec]) -> Bundle:
    """A release of its own each time, so that no example depends on one before."""
    number = len(list(host.root.glob("bundle-*"))) + 1
    return host.bundle(made, Facts(sequence=number, version=str(number)))


def test_a_drive_that_is_pulled_out_is_told_as_such(host: Host) -> None:
    bundle = _next_bundle(host, specs([list(POOL[:2])]))
    with run_fake_engine("graph") as fake:
        plan, cancel = host.plan(bundle.path, fake.url), threading.Event()
        with Chunks(cancel, 0, 2).watched():
            events = list(run(plan, cancel))
        last = events[-1]
        assert isinstance(last, RunFinished)
        assert last.record.failure is not None
        assert last.record.failure.code == "medium-gone"
        assert fake.names == {}
        assert host.install(bundle.path, fake.url).outcome is Outcome.DONE
