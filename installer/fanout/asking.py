"""What a person asks of many nodes: what is to run, on which, and how to get there. Pure data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TypeAlias

Tell: TypeAlias = Callable[[str], object]
"""Takes a line of talk."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to run where.

    Attributes:
        command: what each node runs; it prints one JSON report.
        nodes: names, expanded; none for all that Slurm gives.
        minutes: that it may take on a node.
        reports: folder for the nodes' whole reports; None to keep none.
    """

    _: KW_ONLY
    command: tuple[str, ...]
    nodes: tuple[str, ...]
    minutes: int = 5
    reports: Path | None = None


@dataclass(frozen=True, slots=True)
class BySlurm:
    """Over `srun`.

    Attributes:
        gres: generic resources of each node, such as `gpu:1`; empty for none.
        partition: where; empty for the default one.
        wait_s: seconds to wait for nodes that are busy.
        options: further words for `srun`.
    """

    gres: str = ""
    partition: str = ""
    wait_s: int = 300
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BySsh:
    """Over `ssh`.

    Attributes:
        options: `KEY=VALUE` as in ssh_config(5).
    """

    options: tuple[str, ...] = ()
