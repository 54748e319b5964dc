"""Devices are proved at once, and each is timed alone."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from selftest import runner
from selftest.measured import Timing
from selftest.runner import Deadline, Runner
from selftest.turns import Turns
from selftest.wire import WAITING, Done, Job, Phase
from tests.selftest.quickchild import CHILD


def test_one_that_wants_the_machine_alone_waits_for_the_others() -> None:
    turns, told, go = Turns(), list[str](), threading.Event()

    def measure() -> None:
        with turns.take() as turn:
            go.set()
            turn.wait_alone()
            told.append("alone")

    with ThreadPoolExecutor(1) as pool:
        with turns.take():
            measuring = pool.submit(measure)
            assert go.wait(10)
            with turns.take():
                told.append("shared")
        measuring.result(10)
    assert told == ["shared", "alone"]


def test_nobody_begins_while_one_has_the_machine_alone() -> None:
    turns, told = Turns(), list[str]()

    def prove() -> None:
        with turns.take():
            told.append("shared")

    with ThreadPoolExecutor(1) as pool:
        with turns.take() as turn:
            turn.wait_alone()
            proving = pool.submit(prove)
            told.append("alone")
        proving.result(10)
    assert told == ["alone", "shared"]


def test_one_that_fails_keeps_nobody_waiting() -> None:
    turns = Turns()
    with pytest.raises(MemoryError), turns.take():
        raise MemoryError
    with turns.take() as turn:
        turn.wait_alone()


def test_a_child_is_timed_when_it_is_its_turn_and_not_before(tmp_path: Path) -> None:
    asked = list[str]()
    run = Runner(tmp_path, CHILD).run(
        Job("numpy", 0, "quick"), Deadline.of(None), await_turn=lambda: asked.append("once")
    )
    waiting = run.messages.index(Phase(WAITING))
    assert asked == ["once"]
    assert not any(isinstance(one, Timing) for one in run.messages[:waiting])
    assert any(isinstance(one, Timing) for one in run.messages[waiting:])


def test_waiting_for_its_turn_is_no_time_of_the_childs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(runner, "time", clock)
    run = Runner(tmp_path, CHILD).run(
        Job("numpy", 0, "quick"), Deadline.of(None), await_turn=clock.skip
    )
    assert run.all(Done)
    assert not run.ending.timed_out
    assert run.wall_s < clock.skipped


class Clock:
    """A clock that runs an hour ahead when it is told to."""

    skipped = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.skipped

    def skip(self) -> None:
        self.skipped = 3600.0
