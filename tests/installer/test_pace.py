"""Bars' figures: rate, time left, which image, and all of the run."""

from __future__ import annotations

import io

import pytest

from installer.events import Advanced, Stage, StageStarted, Unit
from installer.stream import bars
from installer.stream.bars import Lines, view_text
from installer.stream.pace import Outline, Pace, Portion, outline_of
from tests.installer.conftest import Host
from tests.installer.fake_engine import FakeEngine

MIB = 1024 * 1024
OUTLINE = Outline(
    ((Stage.CHECK, 30 * MIB), (Stage.LOAD, 30 * MIB)),
    (Portion("acme/app:1", 10 * MIB), Portion("acme/web:1", 20 * MIB)),
)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def load(done: int) -> Advanced:
    return Advanced(Stage.LOAD, done * MIB, 30 * MIB, "acme/app:1")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pace(clock: Clock) -> Pace:
    made = Pace(OUTLINE, clock)
    made.start(StageStarted(Stage.LOAD, 30 * MIB, Unit.BYTES))
    return made


def test_rate_and_time_left_follow_the_last_seconds(pace: Pace, clock: Clock) -> None:
    assert pace.advance(load(0)).rate is None
    clock.now += 2
    view = pace.advance(load(4))
    assert (view.rate, view.seconds_left) == (2 * MIB, 13)
    for _ in range(20):  # it stands still: an old rate must not be promised on
        clock.now += 1
        view = pace.advance(load(4))
    assert view.rate == 0
    assert view.seconds_left is None


@pytest.mark.parametrize(
    ("done", "number", "of_image"), [(0, 1, 0), (10, 1, 10), (11, 2, 1), (30, 2, 20)]
)
def test_knows_at_which_image_it_is(pace: Pace, done: int, number: int, of_image: int) -> None:
    image = pace.advance(load(done)).image
    assert image is not None
    assert (image.number, image.count, image.done) == (number, 2, of_image * MIB)


def test_all_of_the_run_goes_on_from_stage_to_stage(pace: Pace, clock: Clock) -> None:
    view = pace.advance(load(15))
    assert (view.all_done, view.all_total) == (45 * MIB, 60 * MIB)
    clock.now += 5
    later = pace.advance(load(20))
    assert (later.seconds_left, later.all_seconds_left) == (2.5, 2.5)


def test_the_words_have_bytes_rate_time_left_image_and_all(pace: Pace, clock: Clock) -> None:
    clock.now += 4
    words = view_text(pace.advance(load(12)))
    assert words == "12.0 MiB of 30.0 MiB, 3.00 MiB/s, 6.0 s left, image 2 of 2, 70% of all"


def test_without_a_terminal_lines_come_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bars, "INTERVAL", 0.0)
    stream = io.StringIO()
    lines = Lines(stream, OUTLINE)
    lines.start(StageStarted(Stage.LOAD, 30 * MIB, Unit.BYTES))
    lines.advance(load(12))
    assert stream.getvalue().startswith("load         12.0 MiB of 30.0 MiB")


def test_an_outline_is_that_of_the_plan(host: Host, graph: FakeEngine) -> None:
    plan = host.plan(host.bundle().path, graph.url)
    outline = outline_of(plan)
    assert dict(outline.bytes)[Stage.LOAD] == plan.read_bytes
    assert sum(one.size for one in outline.images) == plan.read_bytes
    assert outline.total == plan.read_bytes + plan.checked_bytes
