"""The way over Slurm: who `sinfo` says is there, one `srun` call, and what its tasks say."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from typing import Final

from installer.fanout import remote
from installer.fanout.asking import Asked, BySlurm, Tell
from installer.fanout.fleet import Fleet
from installer.fanout.framing import Frame, Labelled
from installer.fanout.gather import keep_and_judge, tell_node
from installer.fanout.launch import Call, Ended, need_program, run_calls
from installer.fanout.outcome import NodeOutcome, trouble
from installer.fanout.remote import Mark
from installer.fanout.slurmnodes import SINFO, SlurmNode, allocated_nodes, choose_nodes, read_sinfo
from installer.fanout.srun import SlurmJob, count_gpus, srun_argv
from installer.frozen import portable_environ
from manifests.errors import NotInstallableHere, UsageError
from manifests.safetext import safe_line

SINFO_S: Final = 60
SINFO_LIMIT: Final = 16 * 1024 * 1024
GRACE_S: Final = 60
"""Seconds beyond what the job may wait and take, before the call is ended."""
TALK_LINES: Final = 20
_MISSING: Final = "run this where jobs are submitted from, or use --ssh"


def over_slurm(asked: Asked, way: BySlurm, tell: Tell) -> Fleet:
    """Run the self-test in one job on all nodes that are meant and that Slurm gives.

    Raises:
        UsageError: `node-unknown`, `partition-unknown`, `nodelist-too-long`.
        NotInstallableHere: `slurm-missing`, `slurm-unreachable`.
        KeyboardInterrupt: someone asked to stop; the job was ended before.
    """
    need_program("srun", "slurm-missing", _MISSING)
    allocated = allocated_nodes(os.environ)
    meant = _allocated(allocated, asked.nodes) if allocated else _listed(asked, way)
    job = SlurmJob(
        nodes=tuple(one.name for one in meant if one.usable),
        gres=way.gres,
        partition=way.partition,
        minutes=asked.minutes,
        wait_s=way.wait_s,
        inside=bool(allocated),
        options=way.options,
    )
    gathered = _SlurmRun(asked, job, tell)
    if job.nodes:
        gathered.run()
    outcomes = [gathered.outcome(one.name) if one.usable else _away(one) for one in meant]
    return Fleet.of("slurm", outcomes, gathered.talk)


class _SlurmRun:
    """One `srun` call, and what its tasks say."""

    def __init__(self, asked: Asked, job: SlurmJob, tell: Tell) -> None:
        self._asked, self._job, self._tell = asked, job, tell
        self._gpus = count_gpus(job.gres)
        self._mark = Mark.new()
        self._streams = Labelled(self._mark, len(job.nodes))
        self._outcomes: dict[str, NodeOutcome] = {}
        self._nodes = frozenset(job.nodes)
        self._late = False

    @property
    def talk(self) -> tuple[str, ...]:
        """The last of what `srun` itself said."""
        lines = [safe_line(line, limit=300) for line in self._streams.talk.splitlines()]
        return tuple(lines[-TALK_LINES:])

    def run(self) -> None:
        """Run the call to its end."""
        argv = srun_argv(self._job, remote.as_words(self._mark, self._asked.command))
        seconds = self._job.wait_s + 60 * self._job.minutes + GRACE_S
        self._tell(f"asking Slurm for nodes: {len(self._job.nodes)}")
        call = Call(argv, b"", seconds, self._output, self._streams.errors, self._ended)
        run_calls([call], 1)
        for frame in self._streams.frames:
            if frame.name is not None and not frame.judged:
                self._judge(frame)

    def outcome(self, node: str) -> NodeOutcome:
        """Return what came of a node."""
        if node in self._outcomes:
            return self._outcomes[node]
        name = re.compile(rf"(?<![\w.-]){re.escape(node)}(?![\w.-])")
        said = "\n".join(line for line in self.talk if name.search(line))
        text = "expected a task on this node, Slurm started none"
        return NodeOutcome(node, None, (trouble("not-started", text, said),))

    def _output(self, line: bytes) -> None:
        frame = self._streams.output(line)
        if frame is not None and frame.whole and not frame.judged:
            self._judge(frame)  # at once, so that its bytes need not be kept

    def _ended(self, ended: Ended) -> None:
        self._late = ended.late or self._streams.time_over

    def _judge(self, frame: Frame) -> None:
        said = self._streams.take(frame)
        node = said.name or ""
        if node not in self._nodes:
            return
        outcome = keep_and_judge(self._asked, node, said, self._gpus, late=self._late)
        if node in self._outcomes:
            text = "expected one task on this node, found two that say they are it"
            outcome = NodeOutcome(node, None, (trouble("two-answers", text),))
        self._outcomes[node] = outcome
        tell_node(self._tell, outcome, len(self._outcomes), len(self._job.nodes))


def _listed(asked: Asked, way: BySlurm) -> tuple[SlurmNode, ...]:
    """Return the nodes that `sinfo` knows and that are meant."""
    need_program("sinfo", "slurm-missing", _MISSING)
    known = read_sinfo(_sinfo())
    return choose_nodes(known, asked.nodes, way.partition)


def _sinfo() -> str:
    try:
        done = subprocess.run(  # noqa: S603 - fixed words
            SINFO,
            env={**portable_environ(os.environ), "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SINFO_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise _unreachable(f"no answer in {SINFO_S} s") from error
    if done.returncode or len(done.stdout) > SINFO_LIMIT:
        raise _unreachable(done.stderr[:2000].decode("utf-8", errors="replace").strip())
    return done.stdout.decode("utf-8", errors="replace")


def _unreachable(found: str) -> NotInstallableHere:
    return NotInstallableHere(
        "slurm-unreachable",
        f"sinfo: expected a list of nodes, found: {found}",
        hint="scontrol ping",
    )


def _allocated(allocated: Sequence[str], wanted: Sequence[str]) -> tuple[SlurmNode, ...]:
    """Return the nodes of the job that this runs in, or those of them that are wanted."""
    for name in wanted:
        if name not in allocated:
            raise UsageError(
                "node-unknown",
                f"expected a node of this job, found {name[:80]!r}",
                hint="leave --nodes out for all of them, or leave the job: exit",
            )
    return tuple(
        SlurmNode(name, "allocated", "", frozenset(), by_default=True)
        for name in wanted or allocated
    )


def _away(node: SlurmNode) -> NodeOutcome:
    reason = f": {node.reason}" if node.reason else ""
    text = f"expected a node that takes jobs, found it {node.state}{reason}"
    return NodeOutcome(node.name, None, (trouble("node-away", text),))
