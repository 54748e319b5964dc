"""A GPU that others use is flagged and its timings are not judged; what nobody tells is no flag."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from selftest.baseline import BaselineError, find_drift, load_baseline, save_baseline
from selftest.cli import main
from selftest.judge import GPU_BUSY, judge_device, judge_neighbours
from selftest.measured import Neighbours, Verdict, Yardsticks
from selftest.model import DeviceReport
from selftest.neighbours import look_around
from tests.selftest.making import CPU, GPU, make_device_report, make_report
from tests.selftest.test_faults import CHILD
from tests.selftest.test_judge import QUIET, at, child

Run: TypeAlias = Callable[[int, int], dict[str, Any]]


@pytest.fixture
def run(
    fake_nvml: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Test a GPU that others use; return its report."""

    def start(busy_pct: int, processes: int) -> dict[str, Any]:
        monkeypatch.setenv("FAULT", "others")
        monkeypatch.setenv("LD_LIBRARY_PATH", str(fake_nvml))
        monkeypatch.setenv("FAKE_BUSY", str(busy_pct))
        monkeypatch.setenv("FAKE_PROCESSES", str(processes))
        assert main(["--device", "opencl", "--json"], CHILD) == 0
        (device,) = json.loads(capsys.readouterr().out)["devices"]
        found: dict[str, Any] = device
        return found

    return start


@pytest.mark.parametrize(
    ("busy_pct", "processes", "flagged"), [(40, 0, True), (0, 2, True), (5, 0, False)]
)
def test_who_uses_a_gpu_is_told_by_the_driver(
    run: Run, busy_pct: int, processes: int, flagged: bool
) -> None:
    device = run(busy_pct, processes)
    assert device["neighbours"] == {"busy_pct": busy_pct, "processes": processes}
    notes = [one for one in device["findings"] if one["code"] == "gpu-busy"]
    assert len(notes) == flagged
    for note in notes:
        assert f"{processes} processes, busy {busy_pct}% of the time" in note["text"]
        assert (note["verdict"], "nvidia-smi" in note["remedy"]) == ("pass", True)


def test_a_gpu_that_others_use_is_not_called_slow() -> None:
    slow = at(50.0, Yardsticks(100.0, 100.0, 1000.0))
    assert judge_device(GPU, child(*slow), QUIET).verdict is Verdict.WARN
    report = judge_device(GPU, child(Neighbours(90, 1), *slow), QUIET)
    assert (report.verdict, [one.code for one in report.findings]) == (Verdict.PASS, [GPU_BUSY])


@pytest.mark.parametrize("told", [None, Neighbours(None, None), Neighbours(9, 0)])
def test_what_nobody_tells_is_no_flag(told: Neighbours | None) -> None:
    assert judge_neighbours(told) == []


def test_no_library_no_answer() -> None:
    assert look_around(GPU) is None
    assert look_around(CPU) is None


def test_figures_of_a_gpu_that_others_use_are_neither_kept_nor_compared(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    busy = flagged(make_device_report(GPU, ms=20.0))
    with pytest.raises(BaselineError, match="others use opencl:0"):
        save_baseline(path, make_report(make_device_report(CPU), busy), None)
    save_baseline(path, make_report(make_device_report(GPU)), None)
    baseline = load_baseline(path, None)
    assert find_drift(baseline, make_report(make_device_report(GPU, ms=20.0)))
    assert not find_drift(baseline, make_report(busy))


def flagged(report: DeviceReport) -> DeviceReport:
    return dataclasses.replace(report, findings=tuple(judge_neighbours(Neighbours(50, 1))))
