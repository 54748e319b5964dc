"""Runs the self-test on many nodes and returns how they compare: `fan_out`."""

from __future__ import annotations

from installer.fanout.asking import Asked, BySlurm, BySsh, Tell
from installer.fanout.fleet import Fleet
from installer.fanout.gather import make_folder
from installer.fanout.slurmway import over_slurm
from installer.fanout.sshway import over_ssh


def fan_out(asked: Asked, way: BySlurm | BySsh, tell: Tell) -> Fleet:
    """Run the self-test on every node, and compare what came of each.

    Args:
        asked: what is to run where.
        way: how to get there.
        tell: takes a line of talk as each node answers.

    Raises:
        UsageError: a list or name that can't be; `node-unknown`, `partition-unknown`,
            `reports-unwritable`.
        NotInstallableHere: `slurm-missing`, `slurm-unreachable`, `ssh-missing`.
        KeyboardInterrupt: someone asked to stop; every call was ended before.
    """
    make_folder(asked.reports)
    return over_slurm(asked, way, tell) if isinstance(way, BySlurm) else over_ssh(asked, way, tell)
