"""A real Slurm: one slurmctld and three slurmd on this machine."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from installer.fanout.asking import Asked, BySlurm
from installer.fanout.fan import fan_out
from installer.fanout.fleet import Fleet
from installer.fanout.nodereport import Verdict
from manifests.errors import NotInstallableHere, UsageError
from tests.installer.fanout.reports import REPORT
from tests.support.slurm import Slurm

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[3]
PRINT = ("cat", str(REPORT))


def fan(
    *command: str,
    nodes: tuple[str, ...] = (),
    way: BySlurm | None = None,
    reports: Path | None = None,
) -> Fleet:
    asked = Asked(command=command, nodes=nodes, minutes=1, reports=reports)
    return fan_out(asked, way or BySlurm(wait_s=20), lambda _: None)


def codes(fleet: Fleet) -> dict[str, str]:
    return {one.node: " ".join(why.code for why in one.troubles) for one in fleet.outcomes}


def sh(script: str) -> tuple[str, ...]:
    return ("sh", "-c", script)


def test_all_nodes_of_the_partition_report_and_are_kept(slurm: Slurm, tmp_path: Path) -> None:
    fleet = fan(*PRINT, reports=tmp_path / "new" / "reports")
    assert codes(fleet) == dict.fromkeys(slurm.nodes, "")
    assert fleet.verdict is Verdict.PASS
    kept = sorted((tmp_path / "new" / "reports").iterdir())
    assert [path.name for path in kept] == [f"{node}.json" for node in slurm.nodes]
    assert kept[0].read_bytes() == REPORT.read_bytes()


@pytest.mark.usefixtures("slurm")
def test_real_self_test_runs_on_the_nodes_that_are_named() -> None:
    command = (sys.executable, "-m", "selftest", "--json", "--device", "numpy")
    with contextlib.chdir(ROOT):
        fleet = fan(*command, nodes=("moon3", "moon1"))
    assert codes(fleet) == {"moon3": "", "moon1": ""}
    reports = [one.report for one in fleet.outcomes if one.report]
    assert len({one.host.slurm_job for one in reports}) == 1
    assert all(one.verdict is Verdict.PASS and one.host.slurm_job for one in reports)


@pytest.mark.usefixtures("slurm")
def test_long_lines_come_whole_although_srun_breaks_them(tmp_path: Path) -> None:
    report = json.loads(REPORT.read_text())
    report["findings"] = [{"verdict": "pass", "code": "note", "text": "y" * 5000}] * 4
    (tmp_path / "long.json").write_text(json.dumps(report))
    fleet = fan("cat", str(tmp_path / "long.json"), reports=tmp_path / "kept")
    assert fleet.verdict is Verdict.PASS
    assert json.loads((tmp_path / "kept" / "moon1.json").read_text()) == report


def test_one_partition_can_be_meant(slurm: Slurm) -> None:
    assert codes(fan(*PRINT, way=BySlurm(partition="first"))) == {slurm.nodes[0]: ""}


@pytest.mark.usefixtures("slurm")
def test_each_node_is_judged_by_itself() -> None:
    script = f"""case $SLURMD_NODENAME in
        moon1) echo not a report;;
        moon2) echo lost >&2; kill -9 $$;;
        *) cat {REPORT};;
    esac"""
    fleet = fan(*sh(script))
    assert codes(fleet) == {"moon1": "report-malformed", "moon2": "command-killed", "moon3": ""}
    assert fleet.outcomes[0].troubles[0].evidence == ("not a report",)
    assert "lost" in fleet.outcomes[1].troubles[0].evidence


@pytest.mark.usefixtures("slurm")
def test_what_is_not_there_is_named() -> None:
    fleet = fan("/opt/nowhere/python", "-m", "selftest", nodes=("moon1",))
    (why,) = fleet.outcomes[0].troubles
    assert why.code == "command-missing"
    assert "/opt/nowhere/python" in why.text
    fleet = fan(sys.executable, "-m", "no_selftest_here", nodes=("moon1",))
    assert codes(fleet) == {"moon1": "module-missing"}


@pytest.mark.usefixtures("slurm")
def test_granted_gpus_that_are_not_there_are_missed() -> None:
    script = f'[ "$CUDA_VISIBLE_DEVICES" = 0 ] && cat {REPORT}'
    fleet = fan(*sh(script), way=BySlurm(gres="gpu:1", wait_s=20))
    assert set(codes(fleet).values()) == {"gpus-missing"}


@pytest.mark.usefixtures("slurm")
def test_what_slurm_refuses_is_told_in_its_words() -> None:
    fleet = fan(*PRINT, way=BySlurm(gres="gpu:4", wait_s=5))
    assert set(codes(fleet).values()) == {"not-started"}
    assert any("configuration is not available" in line for line in fleet.talk)


def test_drained_node_is_told_and_the_others_are_asked(slurm: Slurm) -> None:
    slurm.run("scontrol", "update", "NodeName=moon2", "State=drain", "Reason=bad | dimm")
    try:
        fleet = fan(*PRINT)
    finally:
        slurm.run("scontrol", "update", "NodeName=moon2", "State=resume")
        slurm.await_idle()
    assert codes(fleet) == {"moon1": "", "moon2": "node-away", "moon3": ""}
    assert "drained: bad | dimm" in fleet.outcomes[1].troubles[0].text
    assert fleet.verdict is Verdict.FAIL


def test_busy_nodes_are_not_waited_for_longer_than_asked(slurm: Slurm) -> None:
    holding = subprocess.Popen(["srun", "--nodelist=moon1", "--mpi=none", "sleep", "20"])
    try:
        while "RUNNING" not in slurm.jobs():
            time.sleep(0.05)
        fleet = fan(*PRINT, way=BySlurm(wait_s=1))
    finally:
        holding.terminate()
        holding.wait()
    assert set(codes(fleet).values()) == {"not-started"}, fleet.outcomes
    assert any("busy" in line for line in fleet.talk)
    assert "moonlift-selftest" not in slurm.jobs()


@pytest.mark.usefixtures("slurm")
def test_nodes_of_the_job_that_it_runs_in_are_meant() -> None:
    program = (
        "from tests.installer.fanout.test_real_slurm import *\n"
        "print(codes(fan(*PRINT)), codes(fan(*PRINT, nodes=('moon2',))))\n"
        "try:\n    fan(*PRINT, nodes=('moon1',))\n"
        "except UsageError as error:\n    print(error.code)\n"
    )
    words = ["salloc", "--quiet", "--nodelist=moon[2-3]", "--nodes=2", sys.executable, "-c"]
    done = subprocess.run(
        [*words, program], cwd=ROOT, check=False, capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "{'moon2': '', 'moon3': ''} {'moon2': ''}\nnode-unknown\n", done.stderr


def test_interrupt_ends_the_job(slurm: Slurm) -> None:
    program = (
        "from tests.installer.fanout.test_real_slurm import *\n"
        "try:\n    fan('sleep', '60')\n"
        "except KeyboardInterrupt:\n    raise SystemExit(130)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    while "moonlift-selftest RUNNING" not in slurm.jobs():
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 130
    deadline = time.monotonic() + 10
    while "moonlift-selftest" in slurm.jobs():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.usefixtures("slurm")
def test_unknown_node_is_refused_before_anything_runs() -> None:
    with pytest.raises(UsageError) as refused:
        fan(*PRINT, nodes=("moon1", "mars1"))
    assert refused.value.code == "node-unknown"


def test_slurm_that_does_not_answer_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "slurm_load_partitions: Unable to contact slurm controller (connect failure)"
    for name, script in (("srun", "exit 1"), ("sinfo", f"echo '{said}' >&2; exit 1")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with pytest.raises(NotInstallableHere, match="Unable to contact slurm controller") as refused:
        fan(*PRINT)
    assert refused.value.code == "slurm-unreachable"


def test_machine_without_slurm_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotInstallableHere) as refused:
        fan(*PRINT)
    assert refused.value.code == "slurm-missing"
    assert "--ssh" in refused.value.hint
