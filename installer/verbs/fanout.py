"""What `installer selftest --slurm` and `--ssh` do: many nodes, one table, one verdict.

Owns what is asked by default and which options go together. Works through a Console, so it prints
nothing itself.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from installer.console import Console
from manifests.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from installer.fanout.asking import BySlurm, BySsh

QUICK_MINUTES: Final = 5
FULL_MINUTES: Final = 60
WAIT_MINUTES: Final = 5.0
_MODULE: Final = ("-P", "-m", "selftest")


@dataclass(frozen=True, slots=True)
class OnNodes:
    """What was asked of the self-test on other machines.

    Attributes:
        slurm: over Slurm.
        nodes: its nodes, as on the command line; empty for all of the partition.
        gres: generic resources of each node, such as `gpu:1`.
        partition: empty for the default one.
        wait_minutes: for nodes that are busy; None for the usual.
        srun_options: further words for `srun`.
        ssh: hosts, as on the command line; empty for Slurm.
        ssh_options: `KEY=VALUE` as in ssh_config(5).
        minutes: that it may take on a node; None for the usual.
        python: the interpreter there; empty for ours.
        command: the whole command there, as a shell would split it; empty for the interpreter's.
        reports: folder for the nodes' whole reports.
    """

    _: KW_ONLY
    slurm: bool = False
    nodes: str = ""
    gres: str = ""
    partition: str = ""
    wait_minutes: float | None = None
    srun_options: tuple[str, ...] = ()
    ssh: str = ""
    ssh_options: tuple[str, ...] = ()
    minutes: int | None = None
    python: str = ""
    command: str = ""
    reports: Path | None = None

    @property
    def wanted(self) -> bool:
        """Whether it is to run on other machines at all."""
        return self.slurm or bool(self.ssh)

    def refuse_mixed(self) -> None:
        """Refuse options that mean nothing without another, or beside another.

        Raises:
            UsageError: `selftest-options`.
        """
        if self.slurm and self.ssh:
            raise UsageError("selftest-options", "--ssh can't be given with --slurm")
        if self.python and self.command:
            raise UsageError("selftest-options", "--python can't be given with --command")
        if not self.slurm:
            _refuse_without("--slurm", self._for_slurm())
        if not self.ssh:
            _refuse_without("--ssh", {"--ssh-option": self.ssh_options})
        if not self.wanted:
            _refuse_without("--slurm or --ssh", self._for_both())

    def _for_slurm(self) -> Mapping[str, object]:
        return {
            "--nodes": self.nodes,
            "--gres": self.gres,
            "--partition": self.partition,
            "--wait": self.wait_minutes,
            "--srun-option": self.srun_options,
        }

    def _for_both(self) -> Mapping[str, object]:
        return {
            "--time": self.minutes,
            "--python": self.python,
            "--command": self.command,
            "--reports": self.reports,
        }


def _refuse_without(needed: str, given: Mapping[str, object]) -> None:
    names = [name for name, value in given.items() if value]
    if names:
        raise UsageError("selftest-options", f"{', '.join(names)} can't be given without {needed}")


def prove_nodes(
    console: Console, asked: OnNodes, options: tuple[str, ...], *, full: bool
) -> ExitCode:
    """Run the self-test on the nodes, and show how they compare.

    Args:
        console: where.
        asked: what, on which nodes.
        options: of the self-test there, `--json` among them.
        full: whether it is the run that takes minutes.

    Raises:
        UsageError: `selftest-options`, or as `fan_out` and `read_nodes`.
        NotInstallableHere: `slurm-missing`, `slurm-unreachable`, `ssh-missing`.
        KeyboardInterrupt: someone asked to stop; nothing runs on the nodes any more.
    """
    from installer.fanout.asking import Asked  # noqa: PLC0415 - not on the host
    from installer.fanout.fan import fan_out  # noqa: PLC0415
    from installer.fanout.fleetjson import fleet_json  # noqa: PLC0415
    from installer.fanout.nodelist import read_nodes  # noqa: PLC0415
    from installer.fanout.nodereport import Verdict  # noqa: PLC0415
    from installer.fanout.table import fleet_lines  # noqa: PLC0415

    nodes = asked.ssh or asked.nodes
    wanted = Asked(
        command=(*_command(asked), *options),
        nodes=read_nodes(nodes) if nodes else (),
        minutes=asked.minutes or (FULL_MINUTES if full else QUICK_MINUTES),
        reports=asked.reports,
    )
    fleet = fan_out(wanted, _way(asked), console.say)
    console.lines(fleet_lines(fleet))
    console.document("selftest", fleet_json(fleet))
    return ExitCode.SELFTEST_FAILED if fleet.verdict is Verdict.FAIL else ExitCode.DONE


def _way(asked: OnNodes) -> BySlurm | BySsh:
    from installer.fanout.asking import BySlurm, BySsh  # noqa: PLC0415 - not on the host

    if asked.ssh:
        return BySsh(asked.ssh_options)
    minutes = WAIT_MINUTES if asked.wait_minutes is None else asked.wait_minutes
    wait_s = max(2, round(60 * minutes))  # srun takes 1 for "at once", without a queue
    return BySlurm(asked.gres, asked.partition, wait_s, asked.srun_options)


def _command(asked: OnNodes) -> tuple[str, ...]:
    """Return what starts the self-test on a node.

    Raises:
        UsageError: `selftest-options`: no command.
    """
    if not asked.command:
        return (asked.python or sys.executable, *_MODULE)
    try:
        words = shlex.split(asked.command)
    except ValueError as error:
        raise UsageError("selftest-options", f"--command {asked.command!r}: {error}") from error
    if not words:
        raise UsageError("selftest-options", "--command: expected a command, found none")
    return tuple(words)
