"""Which nodes Slurm has and whether it would give them, as `sinfo` tells; and where we are.

Reads what `sinfo` prints, strictly; the call itself is made in `fan`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from installer.fanout.nodelist import MAX_NODES, expand
from manifests.errors import UsageError
from manifests.safetext import safe_line

SINFO: Final = ("sinfo", "--noheader", "--Node", "--format=%N|%T|%P|%E")
_AWAY: Final = re.compile(
    r"down|drain|fail|error|unknown|inval|future|maint|perfctrs|power(?:ing|ed)_down|reboot",
    re.IGNORECASE,
)
_NO_ANSWER: Final = "*"
_NO_REASON: Final = "none"


@dataclass(frozen=True, slots=True)
class SlurmNode:
    """A node as Slurm sees it.

    Attributes:
        name: its own.
        state: such as `idle`, `allocated`, `drained*`.
        reason: that an administrator or Slurm gave; empty for none.
        partitions: that it is in.
        by_default: whether the default partition is among them.
    """

    name: str
    state: str
    reason: str
    partitions: frozenset[str]
    by_default: bool

    @property
    def usable(self) -> bool:
        """Whether Slurm gives it to a job, now or when it is free."""
        return not (_AWAY.match(self.state) or self.state.endswith(_NO_ANSWER))


def read_sinfo(text: str) -> dict[str, SlurmNode]:
    """Return the nodes that `sinfo` lists, by name."""
    nodes: dict[str, SlurmNode] = {}
    for line in text.splitlines():
        fields = [field.strip() for field in line.split("|", 3)]
        if len(fields) == 4 and fields[0]:
            node = _node(fields[0], fields[1], fields[2], fields[3])
            nodes[node.name] = _merged(nodes.get(node.name), node)
    return nodes


def _node(name: str, state: str, partition: str, reason: str) -> SlurmNode:
    return SlurmNode(
        name=name,
        state=safe_line(state, limit=60),
        reason="" if reason == _NO_REASON else safe_line(reason, limit=200),
        partitions=frozenset({partition.removesuffix("*")}),
        by_default=partition.endswith("*"),
    )


def _merged(known: SlurmNode | None, node: SlurmNode) -> SlurmNode:
    if known is None:
        return node
    partitions = known.partitions | node.partitions
    by_default = known.by_default or node.by_default
    return SlurmNode(node.name, node.state, node.reason, partitions, by_default)


def choose_nodes(
    known: Mapping[str, SlurmNode], wanted: Sequence[str], partition: str
) -> tuple[SlurmNode, ...]:
    """Return the nodes that are meant: those wanted, else all of the partition.

    Raises:
        UsageError: `node-unknown`, `partition-unknown`, `nodelist-too-long`.
    """
    if partition and not any(partition in one.partitions for one in known.values()):
        raise UsageError(
            "partition-unknown",
            f"expected a partition of this cluster, found {partition[:80]!r}",
            hint="sinfo --summarize",
        )
    if wanted:
        return tuple(_known_node(known, name, partition) for name in wanted)
    nodes = tuple(one for one in known.values() if _within(one, partition))
    if not nodes:
        raise UsageError(
            "node-unknown", "this cluster has no default partition", hint="name one: --partition"
        )
    if len(nodes) > MAX_NODES:
        raise UsageError(
            "nodelist-too-long", f"expected at most {MAX_NODES} nodes, found {len(nodes)}"
        )
    return nodes


def allocated_nodes(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the nodes of the job that this process runs in; none outside of one.

    Raises:
        UsageError: `nodelist-malformed`.
    """
    if not environment.get("SLURM_JOB_ID"):
        return ()
    text = environment.get("SLURM_JOB_NODELIST") or environment.get("SLURM_NODELIST") or ""
    return expand(text, "SLURM_JOB_NODELIST") if text else ()


def _within(node: SlurmNode, partition: str) -> bool:
    return partition in node.partitions if partition else node.by_default


def _known_node(known: Mapping[str, SlurmNode], name: str, partition: str) -> SlurmNode:
    node = known.get(name)
    if node is None or (partition and partition not in node.partitions):
        where = f"partition {partition}" if partition else "this cluster"
        raise UsageError(
            "node-unknown", f"expected a node of {where}, found {name[:80]!r}", hint="sinfo --Node"
        )
    return node
