"""Counts the graphics processors that this process can see, in every way that it can see them.

A container must see what it was granted and nothing more; an image that asks for all of them, or a
job that is not held by its control group, shows here.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from selftest.host import ROOT
from selftest.measured import Device, DeviceKind, Verdict
from selftest.model import Finding
from selftest.remedies import remedy

_NODE: Final = re.compile(r"nvidia[0-9]+")


@dataclass(frozen=True, slots=True)
class Count:
    """How many graphics processors are seen.

    Attributes:
        way: how they are seen.
        gpus: how many.
    """

    way: str
    gpus: int


def judge_count(
    expected: int, devices: Sequence[Device], asked: Container[str], root: Path = ROOT
) -> Iterator[Finding]:
    """Yield what differs from the number that was granted.

    Args:
        expected: that number.
        devices: that were found.
        asked: the backends that were asked for theirs.
        root: where the file system begins.
    """
    for count in count_gpus(devices, asked, root):
        if count.gpus != expected:
            code = "gpus-missing" if count.gpus < expected else "gpus-extra"
            wanted = "1 GPU" if expected == 1 else f"{expected} GPUs"
            text = f"expected {wanted}, found {count.gpus} by {count.way}"
            yield Finding(Verdict.FAIL, code, text, (), remedy(code))


def count_gpus(
    devices: Sequence[Device], asked: Container[str], root: Path = ROOT
) -> Iterator[Count]:
    """Yield the count of each way there is; NVIDIA's ways only where there is one of its GPUs."""
    nodes, cuda = nvidia_nodes(root), _gpus("cuda", devices)
    if "opencl" in asked or "cuda" not in asked:
        yield Count("OpenCL", _gpus("opencl", devices))
    if "cuda" in asked and (nodes or cuda):
        yield Count("CUDA", cuda)
    if "nvml" in asked:
        yield Count("NVML", _gpus("nvml", devices))
    if nodes:
        yield Count("device nodes in /dev", nodes)


def _gpus(backend: str, devices: Sequence[Device]) -> int:
    found = (one for one in devices if one.backend == backend and one.kind is DeviceKind.GPU)
    return len({one.uuid or one.address for one in found})


def nvidia_nodes(root: Path = ROOT) -> int:
    """Return how many device nodes of NVIDIA's GPUs there are."""
    try:
        return sum(bool(_NODE.fullmatch(path.name)) for path in (root / "dev").iterdir())
    except OSError:
        return 0
