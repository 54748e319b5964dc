"""The `srun` call: one task on each of some nodes, in one job or one step of a job.

Pure. Options are those of Slurm 20.11 to 25; each is given, so that the environment's defaults
(`SLURM_NTASKS`, `SLURM_CPUS_PER_TASK`, `WaitTime`) don't change what is run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from manifests.errors import UsageError

JOB_NAME: Final = "moonlift-selftest"
ARGUMENT_LIMIT: Final = 120_000
"""Bytes of one argument: Linux takes 128 KiB (execve(2), MAX_ARG_STRLEN)."""
_NODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,252}")
_GPU_GRES: Final = re.compile(r"(?:gres[:/])?gpu(?::[A-Za-z][^:=]*)?(?:[:=](?P<count>[0-9]{1,4}))?")


@dataclass(frozen=True, slots=True)
class SlurmJob:
    """What Slurm is asked for.

    Attributes:
        nodes: one task on each.
        gres: generic resources of each node, such as `gpu:1`; empty for none.
        partition: where; empty for the default one.
        minutes: that the job may run.
        wait_s: seconds that it may wait for the nodes to be free.
        inside: whether it is a step of a job that runs already.
        options: further words for `srun`.
    """

    nodes: tuple[str, ...]
    gres: str = ""
    partition: str = ""
    minutes: int = 5
    wait_s: int = 300
    inside: bool = False
    options: tuple[str, ...] = ()


def srun_argv(job: SlurmJob, words: Sequence[str]) -> list[str]:
    """Return the words of the call.

    Args:
        job: what is asked for.
        words: what each task runs; handed over as they are, no shell reads them.

    Raises:
        UsageError: `node-malformed`, `nodelist-too-long`.
    """
    count = len(job.nodes)
    return [
        "srun",
        f"--job-name={JOB_NAME}",
        f"--nodelist={_joined(job.nodes)}",
        f"--nodes={count}",
        f"--ntasks={count}",
        "--ntasks-per-node=1",
        *([f"--gres={job.gres}"] if job.gres else []),
        *([f"--partition={job.partition}"] if job.partition and not job.inside else []),
        f"--time={job.minutes}",
        f"--immediate={job.wait_s}",
        *(["--overlap"] if job.inside else []),
        "--label",
        "--input=none",
        "--mpi=none",
        "--wait=0",  # the first that ends does not end the others,
        "--kill-on-bad-exit=0",  # nor does one that fails,
        "--no-kill",  # nor a node that dies
        *job.options,
        *words,
    ]


def count_gpus(gres: str) -> int | None:
    """Return how many GPUs of a node generic resources ask for; None when it is not about GPUs."""
    found = [
        int(match["count"] or 1)
        for one in gres.split(",")
        if (match := _GPU_GRES.fullmatch(one.strip()))
    ]
    return sum(found) if found else None


def _joined(nodes: Sequence[str]) -> str:
    for node in nodes:
        if not _NODE.fullmatch(node):
            raise UsageError(
                "node-malformed", f"expected a node's name as Slurm knows it, found {node[:80]!r}"
            )
    text = ",".join(nodes)
    if len(text) > ARGUMENT_LIMIT:
        raise UsageError(
            "nodelist-too-long",
            f"expected at most {ARGUMENT_LIMIT} characters of nodes' names, found {len(text)}",
            hint="ask for fewer nodes at once: --nodes",
        )
    return text
