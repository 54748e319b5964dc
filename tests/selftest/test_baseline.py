"""A machine's own figures: sealed, believed only when whole, compared only when quiet."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from selftest.baseline import (
    BaselineError,
    compare_and_save,
    find_drift,
    judge_drift,
    load_baseline,
    load_key,
    save_baseline,
)
from selftest.measured import Verdict
from tests.selftest.making import CPU, make_device_report, make_report

KEY = b"0123456789abcdef"


def code_of(path: Path, key: bytes | None) -> str:
    with pytest.raises(BaselineError) as caught:
        load_baseline(path, key)
    return caught.value.code


@pytest.mark.parametrize("key", [None, KEY])
def test_what_was_saved_is_believed(tmp_path: Path, key: bytes | None) -> None:
    path = tmp_path / "baseline.json"
    save_baseline(path, make_report(), key)
    baseline = load_baseline(path, key)
    assert find_drift(baseline, make_report()) == ()
    assert {one.name for one in baseline.figures} == {
        "copy, GB/s",
        "peak, GFLOP/s",
        "compile, ms",
        "separable-r7-rgba-1024x1024, ms",
    }
    assert list(tmp_path.iterdir()) == [path]


def test_figures_that_got_worse_are_told(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    save_baseline(path, make_report(make_device_report(CPU, ms=2.0)), KEY)
    slow = make_report(make_device_report(CPU, ms=2.3))
    report = compare_and_save(slow, path, None, None)
    assert report.verdict is Verdict.FAIL
    assert report.findings[0].code == "baseline-key-missing"
    (drift,) = find_drift(load_baseline(path, KEY), slow)
    assert round(drift.change_pct) == 15
    (finding,) = judge_drift((drift,), slow)
    assert (finding.verdict, finding.code) == (Verdict.WARN, "drift")
    assert finding.remedy
    assert "separable-r7-rgba-1024x1024, ms is 15% worse" in finding.text
    faster = make_report(make_device_report(CPU, ms=1.0))
    assert find_drift(load_baseline(path, KEY), faster) == ()


def test_a_busy_machine_neither_judges_nor_saves(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    save_baseline(path, make_report(make_device_report(CPU, ms=2.0)), None)
    busy = make_report(make_device_report(CPU, ms=9.0), reasons=("load 9.0",))
    report = compare_and_save(busy, path, None, None)
    assert (report.verdict, len(report.drifts), report.findings) == (Verdict.PASS, 1, ())
    (finding,) = compare_and_save(busy, None, path, None).findings
    assert (finding.verdict, finding.code) == (Verdict.FAIL, "baseline-noisy")
    assert "not saved: load 9" in finding.text
    assert finding.remedy


def test_any_change_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    save_baseline(path, make_report(), KEY)
    text = path.read_text()
    document = json.loads(text)
    document["baseline"]["figures"][0]["value"] = 1.0
    path.write_text(json.dumps(document))
    assert code_of(path, KEY) == "baseline-damaged"
    path.write_text(text)
    assert code_of(path, b"another key of its own") == "baseline-damaged"
    assert code_of(path, None) == "baseline-key-missing"


def test_a_plain_seal_is_not_taken_for_a_signature(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    save_baseline(path, make_report(), None)
    assert code_of(path, KEY) == "baseline-unsigned"


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "nonsense", '{"baseline": {}, "seal": []}', "[" * 100_000, "\udcff"],
)
def test_what_is_no_baseline_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(text, errors="surrogateescape")
    assert code_of(path, None) == "baseline-unreadable"


def test_a_missing_baseline_is_named(tmp_path: Path) -> None:
    assert code_of(tmp_path / "none", None) == "baseline-missing"


def test_another_machines_baseline_is_not_compared(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    report = make_report()
    save_baseline(path, report, None)
    other = dataclasses.replace(report, host=dataclasses.replace(report.host, machine="other"))
    (finding,) = compare_and_save(other, path, None, None).findings
    assert (finding.verdict, finding.code) == (Verdict.FAIL, "baseline-other-host")
    assert "not of this machine" in finding.text
    assert finding.remedy


def test_keys_have_a_length(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(KEY)
    assert load_key(path) == KEY
    for data in (b"short", b"x" * 5000):
        path.write_bytes(data)
        with pytest.raises(BaselineError, match="expected a key of 16 to 4096 bytes"):
            load_key(path)


def test_a_key_that_is_not_there_is_told_apart_from_a_baseline(tmp_path: Path) -> None:
    report = compare_and_save(make_report(), None, tmp_path / "baseline.json", tmp_path / "key")
    (finding,) = report.findings
    assert (finding.code, finding.text) == (
        "baseline-key-unusable",
        f"{tmp_path / 'key'}: No such file or directory",
    )
    assert "/dev/urandom" in finding.remedy
    assert not (tmp_path / "baseline.json").exists()


def test_a_baseline_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    report = compare_and_save(make_report(), None, tmp_path / "none" / "baseline.json", None)
    (finding,) = report.findings
    assert finding.code == "baseline-unwritable"
    assert "folder that exists" in finding.remedy
