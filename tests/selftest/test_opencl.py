"""OpenCL on a real PoCL: exact in every layout of the kernels; and its loader's failures, named."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import pytest

from selftest.backends.opencltiles import native_lanes
from selftest.backends.opencltileshape import TileShape
from selftest.cases import EXACT_LIMIT, exact_cases, float_cases
from selftest.cli import main
from tests.selftest.quickchild import CHILD as QUICK

CHILD = (sys.executable, "-m", "tests.selftest.layoutchild")
Report: TypeAlias = dict[str, Any]
Run: TypeAlias = Callable[..., tuple[int, Report]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the self-test, of a few small cases; return exit status and report."""

    def start(*arguments: str, worker: Sequence[str] = QUICK) -> tuple[int, Report]:
        status = main(["--json", *arguments], worker)
        return status, json.loads(capsys.readouterr().out)

    return start


@pytest.fixture(scope="module")
def both(request: pytest.FixtureRequest) -> Report:
    """The report on PoCL and numpy, of all cases."""
    request.getfixturevalue("pocl")
    devices = ("--device", "opencl:0", "--device", "numpy")
    argv = [sys.executable, "-m", "selftest", "--json", *devices]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=240)
    report: Report = json.loads(done.stdout)
    assert (done.returncode, report["verdict"]) == (0, "pass")
    return report


def test_pocl_is_exact_in_every_case(both: Report) -> None:
    _, device = both["devices"]
    assert device["device"]["kind"] == "cpu"
    judged = {case["case"]: case for case in device["cases"]}
    assert {case.name for case in (*exact_cases(), *float_cases())} <= set(judged)
    for case in judged.values():
        assert case["verdict"] == "pass"
        assert len(set(case["digests"])) <= 1
    assert device["compiled"]["compile_ms"] > 0
    assert len(device["compiled"]["source_sha256"]) == 64


def test_timings_stand_beside_the_devices_limits(both: Report) -> None:
    numpy, opencl = both["devices"]
    assert [one["case"] for one in numpy["timings"]] == ["separable-r7-rgba-1024x1024"]
    for timing in opencl["timings"]:
        assert timing["n"] >= 2
        assert 0 < timing["kernel_ms_min"] <= timing["kernel_ms_median"]
        assert timing["end_to_end_ms"] > 0
        assert timing["fraction_of_peak"] > 0
        assert timing["fraction_of_copy"] > 0
    (ratio,) = both["ratios"]
    assert (ratio["device"], ratio["reference"]) == ("opencl:0", "numpy:0")
    assert ratio["reference_cores"] == len(os.sched_getaffinity(0))
    assert ratio["kernel"] > 1


@pytest.mark.usefixtures("pocl")
@pytest.mark.parametrize(
    "layout", ["groups", "lanes=4", pytest.param("lanes=8", marks=pytest.mark.long), "room=32768"]
)
def test_every_layout_of_the_kernels_is_exact(
    run: Run, monkeypatch: pytest.MonkeyPatch, layout: str
) -> None:
    monkeypatch.setenv("LAYOUT", layout)
    status, report = run("--device", "opencl:0", worker=CHILD)
    faults = [case for case in report["devices"][0]["cases"] if case["verdict"] != "pass"]
    assert (status, faults) == (0, [])


def test_tiles_fit_the_memory_of_a_work_group() -> None:
    for lanes in (4, 8, 16):
        for radius in (1, 7, 15):
            for rows in (2, 2 * radius + 1):
                for room in (32 * 1024, 64 * 1024, 1 << 20):
                    shape = TileShape.find(lanes, 4, (rows, 2 * radius + 1), room)
                    tile = shape.choose(8192, 2048, room)
                    assert 4 * tile.scratch <= room
                    assert tile.columns % (4 * lanes) == 0
                    assert tile.rows % shape.rows_at_once == 0


def test_large_dense_kernels_are_done_in_parts_where_there_is_room() -> None:
    assert TileShape.find(16, 4, (31, 31), 512 * 1024).parts == 9
    assert TileShape.find(16, 4, (31, 31), 32 * 1024).parts == 1
    assert TileShape.find(16, 4, (7, 7), 512 * 1024).parts == 1
    assert TileShape.find(16, 4, (2, 31), 512 * 1024).parts == 1


@pytest.mark.parametrize("radius", range(4, 16))
def test_parts_of_any_dense_kernel_stay_exact(radius: int) -> None:
    """The largest weights on the most different pixels: no part leaves the integers below 2^24."""
    side = 2 * radius + 1
    shape = TileShape.find(8, 4, (side, side), 512 * 1024)
    assert shape.parts == 9
    assert shape.effort < 1
    parts = shape.arrange(np.full((side, side), 32, np.float32))[1:].reshape(9, -1)
    pixels = 255 * np.array((2, 1, 2, 1, 1, 1, 2, 1, 2))  # differences of up to four rows
    assert (np.abs(parts).sum(axis=1) * pixels).max() < EXACT_LIMIT


def test_vectors_are_as_wide_as_the_device_says() -> None:
    assert [native_lanes(width) for width in (0, 1, 4, 8, 16, 32)] == [4, 4, 4, 8, 16, 16]


@pytest.mark.usefixtures("binding")
def test_no_driver_is_a_failure_where_opencl_was_asked_for(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OCL_ICD_VENDORS", str(tmp_path))
    status, report = run("--device", "opencl")
    assert status == 13
    first = report["findings"][0]
    assert (first["code"], first["verdict"]) == ("opencl-no-platform", "fail")
    assert any(str(tmp_path) in line for line in first["evidence"])
    assert "pocl-opencl-icd" in first["remedy"]


@pytest.mark.usefixtures("binding")
def test_no_driver_is_skipped_where_it_was_not_asked_for(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OCL_ICD_VENDORS", str(tmp_path))
    status, report = run()
    assert (status, report["verdict"]) == (0, "pass")
    assert [one["device"]["backend"] for one in report["devices"]] == ["numpy"]
    assert report["findings"][0]["verdict"] == "skip"


@pytest.mark.usefixtures("binding")
def test_an_unloadable_driver_is_quoted_and_fails(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "vendor.icd").write_text("libnosuch-opencl.so.1\n")
    monkeypatch.setenv("OCL_ICD_VENDORS", str(tmp_path))
    status, report = run()
    assert status == 13
    first = report["findings"][0]
    assert (first["code"], first["verdict"]) == ("opencl-icd-unloadable", "fail")
    assert any("libnosuch-opencl.so.1: cannot open" in line for line in first["evidence"])


@pytest.mark.parametrize(
    ("fault", "code", "verdict"),
    [
        ("crash", "crashed", "fail"),
        ("abort", "aborted", "fail"),
        ("none", "opencl-no-device", "skip"),
        ("refuse", "opencl-devices", "fail"),
    ],
)
def test_a_driver_that_fails_when_asked_for_devices(
    run: Run, monkeypatch: pytest.MonkeyPatch, fake_icd: Path, fault: str, code: str, verdict: str
) -> None:
    monkeypatch.setenv("OCL_ICD_VENDORS", str(fake_icd))
    monkeypatch.setenv("FAKE_ICD", fault)
    status, report = run()
    first = report["findings"][0]
    assert (first["code"], first["verdict"]) == (code, verdict)
    assert status == (13 if verdict == "fail" else 0)
    assert first["remedy"]


def test_a_driver_that_hangs_when_asked_for_devices(
    run: Run, monkeypatch: pytest.MonkeyPatch, fake_icd: Path
) -> None:
    monkeypatch.setenv("OCL_ICD_VENDORS", str(fake_icd))
    monkeypatch.setenv("FAKE_ICD", "hang")
    status, report = run("--device", "opencl", "--deadline", "3")
    assert status == 13
    assert report["findings"][0]["code"] == "timeout"
    assert "while listing devices" in report["findings"][0]["text"]


def test_without_pyopencl_the_rest_is_tested(tmp_path: Path) -> None:
    """A Python that can't import pyopencl still proves numpy; the command line works there too."""
    (tmp_path / "pyopencl.py").write_text("raise ModuleNotFoundError(name='pyopencl')\n")
    done = subprocess.run(
        [sys.executable, "-m", "selftest", "--json"],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    report = json.loads(done.stdout)
    assert done.returncode == 0
    skipped = [one["code"] for one in report["findings"] if one["verdict"] == "skip"]
    assert "opencl-no-binding" in skipped
