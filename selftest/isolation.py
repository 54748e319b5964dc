"""Counts the graphics processors that this process can see, in every way that it can see them.

A container must see what it was granted and nothing more; an image that asks for all of them, or a
job that is not held by its control group, shows here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
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


def judge_count(expected: int, devices: Sequence[Device], root: Path = ROOT) -> Iterator[Finding]:
    """Yield what differs from the number that was granted."""
    for count in count_gpus(devices, root):
        if count.gpus != expected:
            code = "gpus-missing" if count.gpus < expected else "gpus-extra"
            text = f"expected {expected} GPUs, found {count.gpus} by {count.way}"
            yield Finding(Verdict.FAIL, code, text, (), remedy(code))


def count_gpus(devices: Sequence[Device], root: Path = ROOT) -> Iterator[Count]:
    """Yield the count of each way there is; device nodes only where the vendor has any."""
    for backend in ("opencl", "cuda"):
        found = [one for one in devices if one.backend == backend]
        gpus = {one.uuid or one.address for one in found if one.kind is DeviceKind.GPU}
        if backend == "opencl" or found:
            yield Count({"opencl": "OpenCL", "cuda": "CUDA"}[backend], len(gpus))
    nodes = _nvidia_nodes(root / "dev")
    if nodes:
        yield Count("device nodes in /dev", nodes)


def _nvidia_nodes(folder: Path) -> int:
    try:
        return sum(bool(_NODE.fullmatch(path.name)) for path in folder.iterdir())
    except OSError:
        return 0
