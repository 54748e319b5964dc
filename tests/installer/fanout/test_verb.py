"""`installer selftest --slurm` and `--ssh`, as a person types them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from installer.cli import app
from tests.installer.fanout.reports import REPORT
from tests.support.commandline import CliRunner
from tests.support.forked import Done, Where, run_installer
from tests.support.slurm import Slurm
from tests.support.sshd import HOSTS, SshServer

ROOT = Path(__file__).parents[3]
PRINT = f"sh -c 'cat {REPORT}' sh"


def selftest(*words: str) -> Done:
    return run_installer(("selftest", *words), Where(os.environ, ROOT), timeout_s=120)


def through(server: SshServer) -> list[str]:
    return [f"--ssh-option={option}" for option in server.options()]


@pytest.mark.engine
def test_slurm_shows_one_table(slurm: Slurm, tmp_path: Path) -> None:
    done = selftest("--slurm", f"--command={PRINT}", "--time=1", f"--reports={tmp_path}")
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[:2] for row in rows[1:4]] == [[node, "numpy:0"] for node in slurm.nodes]
    assert done.stdout.endswith("PASS: 3 nodes, every bit right\n")
    assert "3 of 3" in done.stderr
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.engine
@pytest.mark.usefixtures("slurm")
def test_one_node_that_fails_is_exit_13_and_one_document() -> None:
    script = f"sh -c '[ $SLURMD_NODENAME = moon1 ] && cat {REPORT}' sh"
    done = selftest("--slurm", "--nodes=moon[1-2]", f"--command={script}", "--json")
    assert done.returncode == 13, done.stderr
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert document["verdict"] == "fail"
    assert [one["reported"] for one in document["nodes"]] == [True, False]
    assert document["nodes"][1]["troubles"][0]["code"] == "no-report"


@pytest.mark.engine
def test_ssh_runs_this_pythons_self_test_there(ssh_server: SshServer, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text(f"{HOSTS[0]}  # the only one\n")
    words = ["--ssh", f"@{hosts}", *through(ssh_server), "--device=numpy", "--json"]
    done = selftest(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    (node,) = json.loads(done.stdout)["nodes"]
    assert node["node"] == HOSTS[0]
    assert [one["device"]["backend"] for one in node["report"]["devices"]] == ["numpy"]


@pytest.mark.engine
def test_python_that_is_not_there_is_told_with_what_to_do(ssh_server: SshServer) -> None:
    done = selftest("--ssh", "127.0.0.[1-2]", *through(ssh_server), "--python=/opt/none/python")
    assert done.returncode == 13
    assert "FAIL command-missing: 127.0.0.1, 127.0.0.2: expected /opt/none/python" in done.stdout
    assert "--python PATH" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--slurm --ssh a", "--ssh can't be given with --slurm"),
        ("--nodes a", "--nodes can't be given without --slurm"),
        ("--ssh a --gres gpu:1", "--gres can't be given without --slurm"),
        ("--slurm --ssh-option a=b", "--ssh-option can't be given without --ssh"),
        ("--time 5", "--time can't be given without --slurm or --ssh"),
        ("--ssh a --python b --command c", "--python can't be given with --command"),
        ("--ssh a --command ''", "--command: expected a command"),
        ("--ssh a --pictures p", "--pictures can't be given with --slurm or --ssh"),
        ("--ssh a --in-container", "--ssh can't be given with --in-container"),
        ("--ssh a --image i", "--image can't be given without --in-container"),
        ("--ssh a[1-", "list of nodes, column 2: expected a comma"),
        ("--ssh -Fproxies", "expected HOST or USER@HOST"),
        ("--ssh @none", "none: No such file or directory"),
    ],
)
def test_options_that_make_no_sense_are_refused(words: str, message: str) -> None:
    given = [word if word != "''" else " " for word in words.split()]
    done = CliRunner().invoke(app, ["selftest", *given])
    assert (done.exit_code, message in done.stderr) == (2, True), done.stderr
