"""Every fault of a device is caught and named, and none takes the self-test along."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from selftest.cli import main
from selftest.judge import judge_ending
from selftest.measured import Verdict
from selftest.runner import Deadline, Runner
from selftest.wire import Job

CHILD = (sys.executable, "-X", "faulthandler", "-m", "tests.selftest.faultychild")
Report: TypeAlias = dict[str, Any]
Run: TypeAlias = Callable[..., tuple[int, Report]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the self-test on a device with a fault; return exit status and report."""

    def start(fault: str, *arguments: str) -> tuple[int, Report]:
        monkeypatch.setenv("FAULT", fault)
        status = main(["--device", "numpy", "--json", *arguments], CHILD)
        return status, json.loads(capsys.readouterr().out)

    return start


def test_a_device_without_fault_passes(run: Run) -> None:
    status, report = run("none")
    assert (status, report["verdict"]) == (0, "pass")
    (device,) = report["devices"]
    assert device["verdict"] == "pass"
    assert {case["verdict"] for case in device["cases"]} == {"pass"}


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("bit", "flipped-bit", "at row 20, column 30, channel 0 expected"),
        ("border", "wrong-border", "all of them near the border: at row 0, column 0"),
        ("nan", "not-a-number", "1 values are no numbers: at row 5, column 6, channel 0"),
        ("shift", "wrong-result", "values are wrong: at row 0, column 0"),
        ("flaky", "not-deterministic", "different results: at row 7, column 8"),
        ("half", "out-of-tolerance", "values are wrong by more than"),
    ],
)
def test_wrong_pixels_are_named(run: Run, fault: str, code: str, words: str) -> None:
    status, report = run(fault)
    assert (status, report["verdict"]) == (13, "fail")
    (device,) = report["devices"]
    faults = [case for case in device["cases"] if case["verdict"] == "fail"]
    assert code in {case["code"] for case in faults}
    assert any(words in case["text"] for case in faults if case["code"] == code)
    passed = [case["case"] for case in device["cases"] if case["verdict"] == "pass"]
    assert "dense-r15-rgba-1x1" in passed


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("segfault", "crashed", "crashed (SIGSEGV) while running separable-r1-rgba-61x47"),
        ("abort", "aborted", "aborted the process while running separable-r1-rgba-61x47"),
        ("killed", "killed", "ended by signal 9 while running"),
        ("exit", "ended", "ended early with status 3 while running"),
        ("refused", "opencl-launch", "out of resources while running separable-r1-rgba-61x47"),
        ("build", "opencl-build", "the compiler refused while compiling kernels"),
        ("no-memory", "out-of-memory", "not enough memory while running"),
        ("nothing", "launch-failed", "numpy left no result while running"),
    ],
)
def test_a_broken_driver_is_a_finding(run: Run, fault: str, code: str, words: str) -> None:
    status, report = run(fault)
    assert status == 13
    (device,) = report["devices"]
    (finding,) = device["findings"]
    assert (device["verdict"], finding["verdict"], finding["code"]) == ("fail", "fail", code)
    assert words in finding["text"]
    assert finding["remedy"]


def test_other_digests_than_those_that_are_shipped_are_named(run: Run) -> None:
    status, report = run("digests")
    faults = [one for one in report["devices"][0]["cases"] if one["verdict"] == "fail"]
    assert (status, {one["code"] for one in faults}) == (13, {"wrong-digest"})
    assert {one["difference"] for one in faults} == {None}


def test_a_device_that_goes_away_between_two_looks_is_named(tmp_path: Path) -> None:
    gone = Runner(tmp_path).run(Job("numpy", 3, "quick"), Deadline.of(None))
    (finding,) = judge_ending(gone)
    assert (finding.code, finding.verdict) == ("device-unknown", Verdict.FAIL)
    assert "numpy:3" in finding.text


def test_what_the_driver_said_is_quoted(run: Run) -> None:
    _, report = run("refused")
    assert report["devices"][0]["findings"][0]["evidence"] == ["driver: no"]
    _, report = run("segfault")
    assert any("Segmentation fault" in one for one in evidence(report))


def evidence(report: Report) -> list[str]:
    return [line for one in report["devices"][0]["findings"] for line in one["evidence"]]


def test_a_hang_ends_at_the_deadline(run: Run) -> None:
    started = time.monotonic()
    status, report = run("hang", "--deadline", "6")
    assert status == 13
    (finding,) = report["devices"][0]["findings"]
    assert finding["code"] == "timeout"
    assert "did not answer for 6 s while running separable-r1-rgba-61x47" in finding["text"]
    assert time.monotonic() - started < 120


def test_a_crash_while_listing_is_a_finding_of_the_run(run: Run) -> None:
    status, report = run("listing")
    assert status == 13
    assert [one["code"] for one in report["findings"]][:2] == ["aborted", "no-devices"]
    assert "while listing devices" in report["findings"][0]["text"]


def test_what_was_asked_for_and_is_missing_is_a_failure(run: Run) -> None:
    status, report = run("missing")
    assert status == 13
    first = report["findings"][0]
    assert (first["code"], first["verdict"]) == ("opencl-no-device", "fail")


def test_a_child_that_talks_nonsense_is_not_believed(run: Run) -> None:
    status, report = run("garbage")
    assert status == 13
    assert "garbled" in {one["code"] for one in report["devices"][0]["findings"]}


def test_the_table_tells_faults_and_remedies(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAULT", "bit")
    assert main(["--device", "numpy"], CHILD) == 13
    shown = capsys.readouterr().out
    assert "FAIL flipped-bit: numpy:0: " in shown
    assert "Memory or transfer lost a bit" in shown
    assert "FAIL: don't rely on this machine" in shown
    assert "\x1b" not in shown


def test_devices_that_hang_are_waited_for_together(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAULT", "hang")
    assert main(["--json", "--deadline", "9"], CHILD) == 13
    devices = json.loads(capsys.readouterr().out)["devices"]
    assert [one["device"]["backend"] for one in devices] == ["numpy", "opencl"]
    assert [one["findings"][0]["code"] for one in devices] == ["timeout", "timeout"]


def test_one_device_that_crashes_leaves_the_others_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAULT", "opencl segfault")
    assert main(["--json"], CHILD) == 13
    numpy, opencl = json.loads(capsys.readouterr().out)["devices"]
    assert (numpy["verdict"], len(numpy["timings"])) == ("pass", 1)
    assert opencl["findings"][0]["code"] == "crashed"


@pytest.mark.parametrize("devices", [["--device", "numpy"], []], ids=["one", "two"])
def test_an_interrupt_ends_the_children_too(tmp_path: Path, devices: list[str]) -> None:
    probe = (
        "import signal, sys; from selftest.cli import main;"
        "signal.signal(signal.SIGINT, signal.default_int_handler);"  # a shell's & ignores it
        f"sys.exit(main([*{devices!r}, '--json'], {CHILD!r}))"
    )
    environ = {**os.environ, "FAULT": "hang", "TMPDIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", probe], env=environ)
    try:
        children = wait_for_children(process.pid, len(devices) // 2 or 2)
        process.send_signal(2)
        assert process.wait(20) == 130
    finally:
        process.kill()
        process.wait()
    deadline = time.monotonic() + 10
    while any(child.exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(child.exists() for child in children)
    assert list(tmp_path.iterdir()) == []


def wait_for_children(parent: int, count: int) -> list[Path]:
    """Return the children that run the cases: so many, of all threads."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        time.sleep(0.5)
        tasks = Path(f"/proc/{parent}/task").glob("*/children")
        found = [Path(f"/proc/{child}") for task in tasks for child in task.read_text().split()]
        if len(found) == count:
            return found
    raise AssertionError("no child")
