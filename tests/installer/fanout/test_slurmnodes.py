"""What sinfo says: which nodes are meant, and which would take a job."""

from __future__ import annotations

import pytest

from installer.fanout.slurmnodes import allocated_nodes, choose_nodes, read_sinfo
from manifests.errors import UsageError

SINFO = """\
n1|idle|main*|none
n1|idle|long|none
n2|drained|main*|bad | dimm
n3|mixed|long|none
n4|down*|main*|Not responding
not a line of sinfo
"""
NODES = read_sinfo(SINFO)


def test_nodes_are_read_once_with_all_their_partitions() -> None:
    assert list(NODES) == ["n1", "n2", "n3", "n4"]
    assert NODES["n1"].partitions == {"main", "long"}
    assert (NODES["n2"].state, NODES["n2"].reason) == ("drained", "bad | dimm")


@pytest.mark.parametrize(
    ("state", "usable"),
    [
        ("idle", True),
        ("mixed", True),
        ("allocated", True),
        ("completing", True),
        ("idle~", True),
        ("reserved", True),
        ("down", False),
        ("down*", False),
        ("idle*", False),
        ("drained", False),
        ("draining@", False),
        ("DRAINED", False),
        ("unknown*", False),
        ("powering_down", False),
        ("maint", False),
        ("fail", False),
    ],
)
def test_only_nodes_that_take_jobs_are_asked(state: str, usable: bool) -> None:
    assert read_sinfo(f"n|{state}|main*|none\n")["n"].usable is usable


def names(wanted: tuple[str, ...] = (), partition: str = "") -> list[str]:
    return [one.name for one in choose_nodes(NODES, wanted, partition)]


def test_without_a_list_all_nodes_of_the_partition_are_meant() -> None:
    assert names() == ["n1", "n2", "n4"]
    assert names(partition="long") == ["n1", "n3"]
    assert names(("n3", "n1")) == ["n3", "n1"]


@pytest.mark.parametrize(
    ("wanted", "partition", "code"),
    [
        (("n1", "n9"), "", "node-unknown"),
        (("n2",), "long", "node-unknown"),
        ((), "short", "partition-unknown"),
    ],
)
def test_what_slurm_does_not_know_is_refused(
    wanted: tuple[str, ...], partition: str, code: str
) -> None:
    with pytest.raises(UsageError) as refused:
        names(wanted, partition)
    assert refused.value.code == code
    assert "sinfo" in refused.value.hint


def test_cluster_without_a_default_partition_needs_a_name() -> None:
    with pytest.raises(UsageError, match="no default partition"):
        choose_nodes(read_sinfo("n1|idle|main|none\n"), (), "")


def test_job_that_runs_already_is_recognised() -> None:
    assert allocated_nodes({}) == ()
    job = {"SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "n[1-2]"}
    assert allocated_nodes(job) == ("n1", "n2")
    assert allocated_nodes({"SLURM_JOB_NODELIST": "n[1-2]"}) == ()
