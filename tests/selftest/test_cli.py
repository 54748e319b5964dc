"""The command line: what it prints for people and for programs, and what it leaves alone."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from selftest.cli import main, report_schema
from selftest.jsonform import MalformedRecord, from_json, to_json
from selftest.model import Report
from tests.selftest.making import make_report
from tests.selftest.quickchild import CHILD

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "selftest/report.schema.json"
ARGV = [sys.executable, "-m", "selftest", "--device", "numpy"]
SMALL = f"import sys; from selftest.cli import main; sys.exit(main(sys.argv[1:], {CHILD!r}))"
FEW = [sys.executable, "-c", SMALL, "--device", "numpy"]
HEAVY = ("manifests", "bundler", "installer", "pydantic", "rich", "typer", "pyopencl", "PIL")


def run(
    *arguments: str, argv: Sequence[str] = FEW, **environ: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line, of a few small cases unless `argv` says otherwise."""
    return subprocess.run(
        [*argv, *arguments],
        cwd=ROOT,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def on_terminal(*arguments: str, **environ: str) -> str:
    """Run on a pseudo terminal; return all that it shows."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(ROOT)
        os.execve(sys.executable, [*FEW, *arguments], {**os.environ, **environ})
    shown = b""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 1)[0]:
            try:
                data = os.read(terminal, 1 << 16)
            except OSError:
                break
            shown += data
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return shown.decode()


def test_the_published_schema_is_the_reports() -> None:
    assert json.loads(PUBLISHED.read_text()) == report_schema()
    Draft202012Validator.check_schema(report_schema())


def test_a_report_fits_the_schema_and_comes_back_whole() -> None:
    done = run("--json")
    document = json.loads(done.stdout)
    Draft202012Validator(report_schema()).validate(document)
    assert to_json(from_json(Report, document)) == document
    assert document["host"]["cores"] == len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": "1"}, "Report.schema: expected int, found str"),
        ({"verdict": "good"}, "Report.verdict: expected one of pass"),
        ({"verdict": []}, "Report.verdict: expected Verdict, found list"),
        ({"wall_s": float("inf")}, "Report.wall_s: expected a finite number"),
        ({"devices": [1]}, r"Report.devices\[0\]: expected DeviceReport, found int"),
        ({"extra": 1}, "Report: unknown or missing: extra"),
    ],
)
def test_what_is_no_report_is_refused(change: dict[str, object], words: str) -> None:
    with pytest.raises(MalformedRecord, match=words):
        from_json(Report, {**to_json(make_report()), **change})


def test_every_field_has_a_meaning_in_the_schema() -> None:
    for name, record in report_schema()["$defs"].items():
        for field, described in record["properties"].items():
            assert described.get("description"), f"{name}.{field}"


def test_the_table_goes_to_a_pipe_plain_and_without_picture() -> None:
    done = run(argv=ARGV)
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr
    assert "\u2580" not in done.stdout
    assert re.search(r"^numpy:0 .* PASS +86/86 +4/4", done.stdout, re.MULTILINE)
    assert "PASS: one device, every bit right" in done.stdout


def test_a_terminal_is_shown_the_picture_in_its_colours() -> None:
    shown = on_terminal(TERM="xterm-256color", COLORTERM="truecolor", LANG="C.UTF-8")
    assert len(re.findall("\x1b\\[38;2;", shown)) > 200
    assert "original, blur and edges, computed by numpy:0" in shown
    plain = on_terminal(TERM="xterm-256color", NO_COLOR="1", LANG="C.UTF-8")
    assert "\x1b[38" not in plain
    assert "\u2588" in plain
    old = on_terminal("--size", "64", TERM="vt100", LANG="C.UTF-8")
    assert "\u2580" not in old
    assert "@" in old
    none = on_terminal("--no-picture", TERM="xterm-256color", LANG="C.UTF-8")
    assert "computed by" not in none


def test_an_ascii_terminal_is_served() -> None:
    done = run(PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.returncode == 0
    assert done.stdout.isascii()


def test_pictures_are_written_at_the_size_asked_for(tmp_path: Path) -> None:
    done = run("--json", "--pictures", str(tmp_path / "new"), "--size", "96")
    written = json.loads(done.stdout)["pictures"]
    assert [Path(path).name for path in written] == [
        "red-panda-original.png",
        "red-panda-blur.png",
        "red-panda-edges.png",
    ]
    pictures = [Image.open(path) for path in written]
    assert {picture.size for picture in pictures} == {(96, 96)}
    assert len({picture.tobytes() for picture in pictures}) == 3


def test_pictures_that_can_not_be_written_fail_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run("--json", "--pictures", str(tmp_path / "file"))
    report = json.loads(done.stdout)
    assert (done.returncode, report["verdict"]) == (0, "pass")
    assert "picture-failed" in {one["code"] for one in report["findings"]}


def test_without_pillow_all_is_tested_but_the_picture(tmp_path: Path) -> None:
    (tmp_path / "PIL").mkdir()
    (tmp_path / "PIL/__init__.py").write_text("raise ImportError('no Pillow here')\n")
    environ = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = run("--json", "--pictures", str(tmp_path / "out"), **environ)
    report = json.loads(done.stdout)
    assert (done.returncode, report["pictures"]) == (0, [])
    assert "no picture: no Pillow here" in {one["text"] for one in report["findings"]}


def test_the_report_is_written_beside_the_table(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    done = run("--report", str(path), "--save-baseline", str(tmp_path / "baseline.json"))
    assert "one device" in done.stdout or "FAIL baseline-noisy" in done.stdout
    assert json.loads(path.read_text())["mode"] == "quick"


def test_a_baseline_that_is_not_there_is_a_failure(tmp_path: Path) -> None:
    done = run("--baseline", str(tmp_path / "none"))
    assert done.returncode == 13
    assert "FAIL baseline-missing" in done.stdout


def test_devices_are_listed() -> None:
    done = run("--list")
    assert done.returncode == 0
    assert done.stdout.startswith("numpy:0  cpu  ")
    (device,) = json.loads(run("--list", "--json").stdout)["devices"]
    assert device["backend"] == "numpy"


def test_too_many_gpus_are_asked_for() -> None:
    done = run("--expect-gpus", "64")
    assert done.returncode == 13
    assert "expected 64 GPUs, found 0 by OpenCL" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--device", "vulkan"],
        ["--size", "15"],
        ["--size", "huge"],
        ["--deadline", "0"],
        ["--deadline", "nan"],
        ["--expect-gpus", "-1"],
        ["--nonsense"],
    ],
)
def test_nonsense_is_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m selftest" in capsys.readouterr().err


def test_a_reader_that_goes_away_is_no_failure() -> None:
    line = f"{sys.executable} -m selftest --schema | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_it_runs_from_anywhere_and_loads_nothing_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("raise SystemExit('planted')\n")
    probe = (
        "import sys; from selftest.cli import main; status = main(['--device', 'numpy']);"
        f"print([name for name in {HEAVY!r} if name in sys.modules]); sys.exit(status)"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", probe],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "[]"
