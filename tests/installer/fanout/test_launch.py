"""Children end when they should, also when nobody waits for them any more."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from installer.fanout.launch import Call, Ended, run_calls
from manifests.errors import UsageError


def call(
    script: str,
    *,
    stdin: bytes = b"",
    deadline_s: float = 30,
    output: Callable[[bytes], object] = lambda _: None,
    ended: Callable[[Ended], object] = lambda _: None,
) -> Call:
    return Call(["sh", "-c", script], stdin, deadline_s, output, lambda _: None, ended)


def test_child_reads_and_is_heard_line_by_line() -> None:
    heard: list[bytes] = []
    ends: list[Ended] = []
    run_calls(
        [call("cat; printf x; exit 3", stdin=b"a\nb\n", output=heard.append, ended=ends.append)], 1
    )
    assert heard == [b"a", b"b", b"x"]
    assert ends == [Ended(3, late=False)]


def test_child_that_does_not_read_is_no_failure() -> None:
    ends: list[Ended] = []
    run_calls([call("exec <&-; exit 0", stdin=b"x" * 500_000, ended=ends.append)], 1)
    assert ends == [Ended(0, late=False)]


def test_late_child_is_ended_with_what_it_started() -> None:
    ends: list[Ended] = []
    began = time.monotonic()
    run_calls([call("sleep 600 & wait", deadline_s=0.3, ended=ends.append)], 1)
    assert ends == [Ended(-signal.SIGTERM, late=True)]
    assert time.monotonic() - began < 120


def test_as_many_as_are_allowed_run_at_once() -> None:
    began = time.monotonic()
    run_calls([call("sleep 0.4") for _ in range(8)], 8)
    at_once = time.monotonic() - began
    assert at_once < 0.4 * 8 / 2


def test_failure_of_one_that_listens_is_passed_on() -> None:
    def refuse(_: Ended) -> None:
        raise UsageError("reports-unwritable", "no room")

    with pytest.raises(UsageError, match="no room"):
        run_calls([call("exit 0", ended=refuse), call("sleep 60")], 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_all_children_first(tmp_path: Path, number: signal.Signals) -> None:
    program = (
        "from installer.fanout.launch import *\n"
        f"say = lambda name: Call(['sh', '-c', f'echo $$ > {tmp_path}/{{name}}; exec sleep 60'],"
        " b'', 60, print, print, print)\n"
        "try:\n    run_calls([say('a'), say('b')], 2)\n"
        "except KeyboardInterrupt:\n    raise SystemExit(130)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=Path(__file__).parents[3])
    files = [tmp_path / "a", tmp_path / "b"]
    while not all(file.exists() and file.read_text().strip() for file in files):
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait(10) == 130
    for file in files:
        with pytest.raises(ProcessLookupError):
            os.kill(int(file.read_text()), 0)
