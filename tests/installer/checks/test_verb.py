"""`installer check` as a person and a program see it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from installer.checks.cudaversion import CudaVersion, floor_of, parse_driver
from installer.checks.finding import Cause, Severity
from installer.checks.sources import Sources
from installer.cli import app
from installer.verbs import check as checkverb
from installer.verbs.check import Asked
from tests.installer.checks.hosts import PLAIN, WITH_GPU, FakeHost
from tests.support.commandline import CliRunner


def run(host: FakeHost, root: Path, *options: str) -> tuple[int, str]:
    """Run the verb on a host that is not there; return status and output."""

    def sources(asked: Asked) -> Sources:
        wanted = checkverb.wanted(asked)
        return host.having(wanted=wanted).sources(root)

    with patch("installer.verbs.check.sources_of", sources):
        found = CliRunner().invoke(app, ["--state-dir", str(root / "state"), "check", *options])
    return found.exit_code, found.stdout


def test_a_host_on_which_all_is_well(tmp_path: Path) -> None:
    code, output = run(PLAIN, tmp_path)
    assert code == 0
    assert "ok       sys.kernel: Linux 6.1.0-18-amd64, with overlay\n" in output
    assert "there is no NVIDIA GPU here" in output
    assert "gpu.xid" not in output
    assert output.splitlines()[-1].startswith("fit to install: ")


def test_a_failure_ends_with_11_and_says_what_to_do(tmp_path: Path) -> None:
    code, output = run(WITH_GPU, tmp_path, "--cuda", "13.0", "--only", "gpu.driver_min")
    assert code == 11
    assert output == (
        "fail     gpu.driver_min: driver 550.54.14, CUDA 13.0\n"
        "         -> CUDA 13.0 needs driver 580 or later, installed is 550.54.14: install\n"
        "            one, or take images that were built for an older CUDA.\n"
        "not fit to install: 1 fail\n"
    )


def test_warnings_do_not_fail(tmp_path: Path) -> None:
    code, output = run(PLAIN.with_engine(driver="vfs"), tmp_path)
    assert code == 0
    assert "warn     docker.storage: vfs on extfs" in output


def test_json_for_programs(tmp_path: Path) -> None:
    code, output = run(PLAIN, tmp_path, "--room", "600", "--json")
    found = json.loads(output)
    assert code == 11
    assert (found["schema"], found["fit"], found["counts"]["fail"]) == (1, False, 1)
    space = next(one for one in found["checks"] if one["id"] == "docker.space")
    (finding,) = space["findings"]
    assert (space["severity"], finding["cause"]) == ("fail", "short")
    assert finding["remedy"].startswith("Free 100 GiB under /var/lib/docker")
    xid = next(one for one in found["checks"] if one["id"] == "gpu.xid")
    assert (xid["left_out"], xid["severity"]) == (True, "note")


def test_the_list_of_checks_runs_none(tmp_path: Path) -> None:
    bare = PLAIN.having(files={})
    code, output = run(bare, tmp_path, "--list", "--only", "gpu.pci")
    assert code == 0
    assert output.startswith("gpu.pci: vendor and class of /sys/bus/pci/devices/*\n")
    listed = json.loads(run(bare, tmp_path, "--list", "--json")[1])["checks"]
    assert len(listed) > 50
    assert listed[0]["causes"][0]["remedy"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["--only", "gpu.warp"], "check-unknown"),
        (["--cuda", "twelve"], "cuda-version"),
        (["--engine", "rkt"], "engine-unknown"),
    ],
)
def test_what_can_not_be_asked(options: list[str], code: str, tmp_path: Path) -> None:
    root = ["--state-dir", str(tmp_path), "check", "--json"]
    found = CliRunner().invoke(app, [*root, *options])
    assert found.exit_code == 2
    assert json.loads(found.stdout)["error"]["code"] == code


def test_a_gpu_that_must_be_there(tmp_path: Path) -> None:
    code, output = run(PLAIN, tmp_path, "--gpu", "--only", "gpu.pci")
    assert code == 11
    assert "Reseat the card" in output
    assert run(WITH_GPU, tmp_path / "gpu", "--gpu")[0] == 0


def test_a_gpu_that_is_of_no_interest(tmp_path: Path) -> None:
    broken = WITH_GPU.without("/dev/nvidia")
    assert run(broken, tmp_path)[0] == 11
    code, output = run(broken, tmp_path / "again", "--no-gpu")
    assert code == 0
    assert "GPUs are of no interest (--no-gpu)" in output


def test_no_line_is_wider_than_a_terminal(tmp_path: Path) -> None:
    _, output = run(WITH_GPU.without("/dev", "/usr/bin", "/etc"), tmp_path)
    assert max(map(len, output.splitlines())) <= 80


def test_the_clock_is_measured_against_what_was_accepted_here(tmp_path: Path) -> None:
    later = datetime(2030, 1, 1, tzinfo=UTC)
    with patch("installer.verbs.check.last_known_time", lambda _: later):
        code, output = run(PLAIN, tmp_path, "--only", "sys.time")
    assert code == 11
    assert "which is before 2030-01-01" in " ".join(output.split())


def test_an_ordinary_user_is_told_what_could_not_be_read(tmp_path: Path) -> None:
    """A first run as root imports all, for the interpreter may be out of another user's reach."""
    if os.geteuid():
        pytest.skip("only root can become another user")
    state, bundle = tmp_path / "state", tmp_path / "bundle"
    for folder in (tmp_path.parent, tmp_path):
        folder.chmod(0o755)
    for folder in (state, bundle):
        folder.mkdir(mode=0o700)
    homes = ["--state-dir", str(state), "--trust-dir", str(state)]
    words = [*homes, "check", "--engine", "layout:/nowhere", "--only", "sys.time"]
    probe = (
        "import os; from typer.testing import CliRunner; from installer.cli import app;"
        f"CliRunner().invoke(app, {words!r}); CliRunner().invoke(app, {[*words, str(bundle)]!r});"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534);"
        f"print(CliRunner().invoke(app, {words!r}).output);"
        f"print(CliRunner().invoke(app, {[*words, str(bundle)]!r}).output)"
    )
    done = subprocess.run(
        [sys.executable, "-c", probe], check=True, capture_output=True, text=True, timeout=120
    )
    said = " ".join(done.stdout.split())
    assert "unknown sys.time: this clock says" in said
    assert f"{state} can't be used: Permission denied" in said
    assert "sudo installer check" in said
    assert "trust-io" in said
    assert "run it as root" in said


def test_the_program_itself_here() -> None:
    """On this machine, whatever it is: it ends, and says something of every check."""
    options = ["check", "--engine", "layout:/nowhere", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "installer", *options],
        check=False,
        capture_output=True,
        timeout=120,
    )
    found = json.loads(done.stdout)
    assert done.returncode == (0 if found["fit"] else 11)
    assert all(one["findings"] for one in found["checks"])
    assert done.stderr == b""


@pytest.mark.parametrize(
    ("cuda", "runs", "compiles"),
    [
        ("13.0", (580,), (580, 65, 6)),
        ("13.1", (580,), (590, 44, 1)),
        ("13.9", (580,), (615,)),
        ("12.4", (525, 60, 13), (550, 54, 14)),
        ("12.7", (525, 60, 13), (560, 28, 3)),
        ("11.8", (450, 80, 2), (520, 61, 5)),
        ("11.1", (450, 80, 2), (455, 23)),
        ("11.0", (450, 51, 5), (450, 51, 5)),
        ("10.2", (440, 33), (440, 33)),
        ("7.0", (346, 46), (346, 46)),
        ("14.0", None, None),
        ("6.5", None, None),
    ],
)
def test_driver_floors(
    cuda: str, runs: tuple[int, ...] | None, compiles: tuple[int, ...] | None
) -> None:
    version = CudaVersion.parse(cuda)
    assert version is not None
    floor = floor_of(version)
    assert (floor.runs, floor.compiles) == (runs, compiles)


@pytest.mark.parametrize("text", ["", "x", "12", "v12.4", "99999.1"])
def test_no_cuda_version(text: str) -> None:
    assert CudaVersion.parse(text) is None


@pytest.mark.parametrize(
    ("text", "version"),
    [("535.54.03", (535, 54, 3)), ("550.90", (550, 90)), ("none", ()), ("12", ())],
)
def test_driver_versions(text: str, version: tuple[int, ...]) -> None:
    assert parse_driver(text) == version


@pytest.mark.property
@given(st.text(), st.text())
def test_no_foreign_text_breaks_a_finding(evidence: str, fact: str) -> None:
    cause = Cause("x", Severity.WARN, "when", "do {what} now")
    found = cause.found(evidence, what=fact)
    assert found.remedy.startswith("do ")
    assert "\x1b" not in found.evidence + found.remedy
    assert "\n" not in found.evidence + found.remedy
