"""What a node's words come to: a report that is believed, or why there is none."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installer.fanout.framing import Said
from installer.fanout.nodereport import Verdict, read_report
from installer.fanout.outcome import REMEDIES, judge_connection, judge_node
from manifests.errors import MalformedInput
from tests.installer.fanout.reports import as_bytes, make_report

COMMAND = ("/opt/moon/python", "-m", "selftest")
GOOD = as_bytes(make_report())


def judge(said: Said, gpus: int | None = None, *, late: bool = False) -> tuple[Verdict, str]:
    outcome = judge_node("n1", said, COMMAND, gpus, late=late)
    return outcome.verdict, " ".join(one.code for one in outcome.troubles)


def said(report: bytes = b"", status: int | None = 0, aside: str = "") -> Said:
    return Said("n1", report, status, cut=False, aside=aside)


def test_good_report_is_believed() -> None:
    assert judge(said(GOOD)) == (Verdict.PASS, "")


@pytest.mark.parametrize(
    ("what", "code"),
    [
        (said(status=127, aside="sh: 5: /opt/moon/python: not found"), "command-missing"),
        (said(status=126, aside="sh: 5: /opt/moon/python: Permission denied"), "command-missing"),
        (said(status=1, aside="/x/python: No module named selftest"), "module-missing"),
        (said(status=1, aside="ModuleNotFoundError: No module named 'numpy'"), "module-missing"),
        (said(status=2, aside="unrecognized arguments: --json"), "command-refused"),
        (said(status=137, aside="Killed"), "command-killed"),
        (said(status=255, aside=""), "command-killed"),
        (said(status=1, aside="Traceback"), "no-report"),
        (said(status=0), "no-report"),
        (said(status=124), "timeout"),
        (said(status=None, aside="slurmstepd: error: gone"), "broken-off"),
        (said(b"hello", 0), "report-malformed"),
        (said(b"{}", 0), "report-malformed"),
        (Said("n1", b"", 0, cut=True), "report-too-large"),
        (said(GOOD, 1), "report-disagrees"),
        (said(GOOD, 13), "report-disagrees"),
    ],
)
def test_each_failure_has_a_code_and_a_remedy(what: Said, code: str) -> None:
    outcome = judge_node("n1", what, COMMAND, None)
    (why,) = outcome.troubles
    assert (outcome.verdict, why.code) == (Verdict.FAIL, code)
    assert why.text
    assert why.remedy == REMEDIES[code]
    if what.aside:
        assert why.evidence == (what.aside,)


def test_what_is_missing_is_named() -> None:
    (why,) = judge_node("n1", said(status=127), COMMAND, None).troubles
    assert "/opt/moon/python" in why.text
    (why,) = judge_node("n1", said(status=1, aside="No module named numpy"), COMMAND, None).troubles
    assert "numpy" in why.text


def test_node_whose_time_is_over_is_late_not_broken() -> None:
    assert judge(said(status=None), late=True) == (Verdict.FAIL, "timeout")


def test_failed_self_test_fails_the_node() -> None:
    report = make_report()
    report["verdict"] = report["devices"][0]["verdict"] = "fail"
    assert judge(said(as_bytes(report), 13)) == (Verdict.FAIL, "")


def test_report_that_plays_a_failed_case_down_fails() -> None:
    report = make_report()
    report["devices"][0]["cases"][0] |= {"verdict": "fail", "code": "flipped-bit"}
    assert judge(said(as_bytes(report))) == (Verdict.FAIL, "")


@pytest.mark.parametrize(
    ("granted", "seen", "wanted"),
    [
        (2, 2, (Verdict.PASS, "")),
        (None, 2, (Verdict.PASS, "")),
        (2, 1, (Verdict.FAIL, "gpus-missing")),
        (1, 2, (Verdict.WARN, "gpus-extra")),
    ],
)
def test_gpus_are_as_many_as_were_granted(
    granted: int | None, seen: int, wanted: tuple[Verdict, str]
) -> None:
    report = as_bytes(make_report(kind="gpu", devices=seen))
    assert judge(said(report), granted) == wanted


def test_gpus_that_two_backends_see_are_counted_once() -> None:
    report = make_report(kind="gpu", devices=2)
    for one in report["devices"]:
        one["device"] |= {"uuid": "GPU-1", "index": 0}
    report["devices"][1]["device"]["backend"] = "cuda"
    assert read_report(as_bytes(report)).gpus == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("Host key verification failed.", "ssh-host-key"),
        ("me@n1: Permission denied (publickey).", "ssh-denied"),
        ("ssh: Could not resolve hostname n1: Name or service not known", "ssh-unknown"),
        ("ssh: connect to host n1 port 22: Connection refused", "ssh-unreachable"),
        ("ssh: connect to host n1 port 22: No route to host", "ssh-unreachable"),
        ("Bad configuration option: nope", "ssh-failed"),
    ],
)
def test_connection_that_fails_says_what_to_do(words: str, code: str) -> None:
    why = judge_connection(255, Said(aside=words), late=False)
    assert (why.code, why.evidence) == (code, (words,))
    assert why.remedy


def test_host_without_a_shell_and_one_that_is_late_are_told_apart() -> None:
    assert judge_connection(127, Said(), late=False).code == "shell-missing"
    assert judge_connection(-15, Said(), late=True).code == "timeout"


def _without(key: str) -> Callable[[dict[str, Any]], object]:
    return lambda report: report.pop(key)


@pytest.mark.parametrize(
    "spoil",
    [
        _without("host"),
        _without("devices"),
        lambda report: report.update(schema=2),
        lambda report: report.update(schema=True),
        lambda report: report.update(verdict="fine"),
        lambda report: report.update(wall_s=-1),
        lambda report: report.update(wall_s="1"),
        lambda report: report.update(devices=report["devices"] * 1000),
        lambda report: report["devices"][0]["device"].update(kind="toaster"),
        lambda report: report["devices"][0]["device"].update(index=-1),
        lambda report: report["devices"][0]["yardsticks"].update(copy_gbps_before=1e300),
        lambda report: report["devices"][0].update(cases={}),
    ],
)
def test_report_that_is_none_is_refused(spoil: Callable[[dict[str, Any]], object]) -> None:
    report = make_report()
    spoil(report)
    with pytest.raises(MalformedInput):
        read_report(as_bytes(report))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{",
        b"NaN",
        b'{"schema":NaN}',
        b'{"a":1,"a":2}',
        b"[" * 5000,
        b"\xff",
        b"{}" * 9,
    ],
)
def test_bytes_that_are_no_document_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedInput):
        read_report(data)


def test_newer_self_test_may_say_more() -> None:
    report = make_report()
    report["mood"] = report["devices"][0]["mood"] = "good"
    assert read_report(as_bytes(report)).verdict is Verdict.PASS


@pytest.mark.property
@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["host", "noise", "devices", "findings", "verdict", "wall_s"]), st.data())
def test_any_value_in_a_report_is_taken_or_refused(key: str, data: st.DataObject) -> None:
    scalar = st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
    value = data.draw(
        st.recursive(
            scalar | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
            ),
            max_leaves=5,
        )
    )
    report = {**make_report(), key: value}
    try:
        read_report(as_bytes(report))
    except MalformedInput:
        return


def test_foreign_text_is_made_safe_to_show() -> None:
    report = make_report()
    report["devices"][0]["device"]["name"] = "GPU\x1b]0;owned\x07\u202e" + "x" * 10000
    report["findings"] = [{"verdict": "warn", "code": "c\x1b", "text": "a\nb\x1b[2J"}]
    read = read_report(as_bytes(report))
    shown = read.devices[0].device.name + read.findings[0].text + read.findings[0].code
    assert shown.isprintable()
    assert len(shown) < 400


def test_what_todays_self_test_prints_can_be_read() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "selftest", "--json", "--device", "numpy:99"],
        capture_output=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    report = read_report(done.stdout)
    assert json.loads(done.stdout)["verdict"] == report.verdict
    outcome = judge_node("n1", Said("n1", done.stdout, done.returncode), COMMAND, None)
    assert outcome.verdict is Verdict.FAIL
    assert outcome.troubles == ()
