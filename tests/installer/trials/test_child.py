"""`installer selftest` on the host: a child process with its own words and our exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from installer.trials.child import child_environment, run_child
from manifests.errors import ExitCode, SelftestFailed
from tests.support.forked import Done, Where, run_installer

ROOT = Path(__file__).parents[3]


def python(text: str) -> tuple[str, ...]:
    return (sys.executable, "-c", text)


@pytest.mark.parametrize("status", [0, 2, 13, 130])
def test_what_the_self_test_comes_to_is_what_the_command_comes_to(status: int) -> None:
    assert run_child((), python(f"raise SystemExit({status})")) is ExitCode(status)


@pytest.mark.parametrize(
    ("text", "ending"),
    [("raise SystemExit(1)", "1"), ("import os; os.abort()", "signal 6")],
)
def test_any_other_end_is_a_failure_of_its_own(text: str, ending: str) -> None:
    with pytest.raises(SelftestFailed, match=f"ended with {ending}$") as caught:
        run_child((), python(text))
    assert caught.value.code == "selftest-broken"


def test_the_package_is_found_beside_ours_before_anything_else() -> None:
    assert child_environment({"PYTHONPATH": "/else"})["PYTHONPATH"] == f"{ROOT}:/else"


def installer(*options: str, cwd: Path) -> Done:
    return run_installer(("selftest", *options), Where(os.environ, cwd))


def test_the_report_is_the_only_output_with_json(tmp_path: Path) -> None:
    """Also from a folder that holds something else of that name, and when it fails."""
    (tmp_path / "selftest.py").write_text("raise SystemExit('the wrong one')")
    options = ("--json", "--device=numpy", "--quick", "--expect-gpu=1000", "--deadline=60")
    done = installer(*options, cwd=tmp_path)
    assert done.returncode == ExitCode.SELFTEST_FAILED, done.stderr
    report = json.loads(done.stdout)
    assert (report["schema"], report["mode"], report["verdict"]) == (1, "quick", "fail")
    assert [one["device"]["backend"] for one in report["devices"]] == ["numpy"]
    assert "gpus-missing" in {one["code"] for one in report["findings"]}


def test_options_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    done = installer("--gpu=0", cwd=tmp_path)
    assert (done.returncode, "selftest-options" in done.stderr) == (2, True)
    done = installer("--in-container", "--pictures=x", cwd=tmp_path)
    assert (done.returncode, "--pictures can't be given" in done.stderr) == (2, True)
    done = installer("--in-container", "--engine=layout:x", "--image=x", cwd=tmp_path)
    assert (done.returncode, "engine-needed" in done.stderr) == (2, True)


def test_told_to_end_it_takes_the_self_test_along(tmp_path: Path) -> None:
    waiting = "import time, pathlib; pathlib.Path('there').touch(); time.sleep(60)"
    ours = f"from installer.trials.child import run_child; run_child((), {python(waiting)!r})"
    argv, environ = [sys.executable, "-c", ours], {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(argv, cwd=tmp_path, env=environ, stderr=subprocess.DEVNULL) as process:
        while not (tmp_path / "there").exists():
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    assert process.returncode
