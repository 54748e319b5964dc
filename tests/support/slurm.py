"""A Slurm cluster on this machine: one slurmctld and several slurmd, each a node of its own.

Own munged, configuration, ports and folders; nothing of the machine's own Slurm is touched.
"""

from __future__ import annotations

import os
import pwd
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.process import POLL_S, run_daemon, short_directory

SBIN = "/usr/sbin:/sbin"


@dataclass(frozen=True)
class Slurm:
    """A running cluster.

    Attributes:
        conf: its `slurm.conf`, for the variable SLURM_CONF.
        nodes: their names; each has one GPU that is none.
    """

    conf: Path
    nodes: tuple[str, ...]

    def run(self, *words: str) -> str:
        """Run one of Slurm's commands; return what it prints."""
        done = subprocess.run(
            words, env=self.environment, check=True, capture_output=True, text=True, timeout=30
        )
        return done.stdout

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SLURM_CONF": str(self.conf)}

    def states(self) -> list[str]:
        done = subprocess.run(
            ["sinfo", "--noheader", "--Node", "--partition=main", "--format=%T"],
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
        )
        return done.stdout.split()

    def is_idle(self) -> bool:
        return self.states() == ["idle"] * len(self.nodes)

    def await_idle(self, most_s: float = 20) -> None:
        """Wait until every node is idle: what `scontrol update` changes is seen a little later."""
        deadline = time.monotonic() + most_s
        while not self.is_idle():
            if time.monotonic() > deadline:
                raise TimeoutError(f"nodes are {self.states()}")
            time.sleep(POLL_S)

    def jobs(self) -> str:
        return self.run("squeue", "--noheader", "--format=%j %T")


@contextmanager
def run_slurm(nodes: Sequence[str]) -> Iterator[Slurm]:
    """Run a cluster until the block ends."""
    with short_directory() as root, ExitStack() as stack:
        cluster = Slurm(root / "slurm.conf", tuple(nodes))
        _configure(root, nodes)
        path = {**cluster.environment, "PATH": f"{os.environ.get('PATH', '')}:{SBIN}"}
        commands = [(["slurmctld", "-D", "-i"], "slurmctld")]
        commands += [(["slurmd", "-D", "-N", node], node) for node in nodes]
        stack.enter_context(_munged(root, path))
        for argv, name in commands[:-1]:
            log = root / f"{name}.log"
            stack.enter_context(run_daemon(argv, log=log, ready=log.exists, env=path))
        argv, name = commands[-1]
        log = root / f"{name}.log"
        stack.enter_context(run_daemon(argv, log=log, ready=cluster.is_idle, env=path))
        yield cluster


@contextmanager
def _munged(root: Path, env: dict[str, str]) -> Iterator[None]:
    key = root / "munge.key"
    key.write_bytes(secrets.token_bytes(1024))
    key.chmod(0o400)
    places = {"socket": "socket", "key-file": "key", "pid-file": "pid"}
    places |= {"log-file": "log", "seed-file": "seed"}
    argv = ["munged", "--foreground", "--force"]
    argv += [f"--{option}={root}/munge.{end}" for option, end in places.items()]
    with run_daemon(
        argv, log=root / "munged.log", ready=(root / "munge.socket").exists, env=env, start_s=20
    ):
        yield


def _configure(root: Path, nodes: Sequence[str]) -> None:
    control, *ports = _free_ports(1 + len(nodes))
    user = pwd.getpwuid(os.getuid()).pw_name
    settings = [
        "ClusterName=moonlift",
        f"SlurmctldHost={socket.gethostname().partition('.')[0]}(127.0.0.1)",
        f"SlurmUser={user}",
        f"SlurmdUser={user}",
        "AuthType=auth/munge",
        f"AuthInfo=socket={root}/munge.socket",
        f"SlurmctldPort={control}",
        f"StateSaveLocation={root}/state",
        f"SlurmctldPidFile={root}/slurmctld.pid",
        f"SlurmdPidFile={root}/slurmd.%n.pid",
        f"SlurmdSpoolDir={root}/spool.%n",
        "ProctrackType=proctrack/pgid",
        "TaskPlugin=task/none",
        "MpiDefault=none",
        "MailProg=/bin/true",
        "ReturnToService=2",
        "SelectType=select/cons_tres",
        "SchedulerParameters=sched_min_interval=10000",
        "GresTypes=gpu",
        "PartitionName=main Nodes=ALL Default=YES State=UP",
        f"PartitionName=first Nodes={nodes[0]} State=UP",
    ]
    for node, port in zip(nodes, ports, strict=True):
        (root / f"spool.{node}").mkdir()
        place = "NodeHostname=localhost NodeAddr=127.0.0.1"
        settings.insert(-2, f"NodeName={node} {place} Port={port} CPUs=1 Gres=gpu:1")
    (root / "state").mkdir()
    (root / "slurm.conf").write_text("\n".join(settings) + "\n")
    gpus = (f"NodeName={node} Name=gpu File=/dev/zero\n" for node in nodes)
    (root / "gres.conf").write_text("".join(gpus))


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
