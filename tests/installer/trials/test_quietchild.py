"""The host's self-test in the background of an install: its report, its end, its deadline."""

from __future__ import annotations

import sys
import threading

import pytest

from installer.events import Advanced, DeviceTested, Event, Noted
from installer.running.proof import Proof, ProofMode
from installer.stream.jobs import Halted
from installer.trials import quietchild
from installer.trials.quietchild import report_of_child
from manifests.errors import ExitCode, SelftestFailed
from tests.installer.trials.making import finding, raw_report


def saying(text: str, status: int = 0) -> tuple[str, ...]:
    return (sys.executable, "-c", f"print({text!r}); raise SystemExit({status})")


def test_its_report_is_read_whatever_it_came_to() -> None:
    passed = report_of_child((), 30, threading.Event(), saying(raw_report().decode()))
    assert passed.verdict == "pass"
    bad = raw_report(findings=[finding("wrong-result")]).decode()
    assert report_of_child((), 30, threading.Event(), saying(bad, 13)).verdict == "fail"


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import os, sys; sys.stderr.write('no numpy'); sys.exit(1)", "ended with 1: no numpy"),
        ("import os; os.abort()", "ended with -6"),
        ("import time; time.sleep(60)", "did not end in time"),
    ],
)
def test_a_self_test_that_breaks_or_hangs_is_a_failure(program: str, words: str) -> None:
    with pytest.raises(SelftestFailed, match=words) as caught:
        report_of_child((), 1, threading.Event(), (sys.executable, "-c", program))
    assert caught.value.code == "selftest-broken"


def test_it_is_ended_when_the_install_is_cancelled() -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Halted):
        report_of_child((), 30, cancel, (sys.executable, "-c", "import time; time.sleep(60)"))


def proof_events(
    monkeypatch: pytest.MonkeyPatch, mode: ProofMode, command: tuple[str, ...]
) -> list[Event]:
    monkeypatch.setattr(quietchild.report_of_child, "__defaults__", (command,))
    return list(Proof(mode, None, "").events(threading.Event()))


def test_a_host_that_computes_may_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    events = proof_events(monkeypatch, ProofMode.REQUIRED, saying(raw_report().decode()))
    *tested, noted, advanced = events
    assert [type(one) for one in tested] == [DeviceTested, DeviceTested]
    assert isinstance(noted, Noted)
    assert noted.code == "selftest-pass"
    assert "numpy:0 Some device: pass" in noted.text
    assert isinstance(advanced, Advanced)


def test_a_host_that_does_not_is_stopped_or_warned(monkeypatch: pytest.MonkeyPatch) -> None:
    command = saying(raw_report(findings=[finding("wrong-result", text="bad bit")]).decode(), 13)
    with pytest.raises(SelftestFailed, match="bad bit") as caught:
        proof_events(monkeypatch, ProofMode.REQUIRED, command)
    assert (caught.value.code, caught.value.exit_code) == (
        "selftest-failed",
        ExitCode.SELFTEST_FAILED,
    )
    assert "--accept-failed-selftest" in caught.value.hint
    *_, last = proof_events(monkeypatch, ProofMode.WARN, command)
    assert isinstance(last, Noted)
    assert "accepted all the same" in last.text
