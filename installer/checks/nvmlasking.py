"""Asks NVIDIA's management library through `nvmlprobe`, and reads what that writes.

Why ctypes and no binding from elsewhere: two dozen calls are needed, a host may have any driver of
ten years, and the process that makes them must start without this package. See `nvmlprobe`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from installer.checks import nvmlprobe
from installer.checks.children import Ended, run_probe
from installer.checks.nvml import Nvml, NvmlGpu, Question, Trouble

SECONDS: Final = 30.0
"""Loading the driver without nvidia-persistenced takes seconds for each GPU."""

_QUOTED: Final = 200


def ask_nvml(environment: Mapping[str, str] | None = None, seconds: float = SECONDS) -> Nvml:
    """Return what the library says, or why it says nothing; raises nothing."""
    probe = Path(nvmlprobe.__file__)
    return read_answer(run_probe(probe, seconds=seconds, environment=environment), seconds)


def read_answer(ended: Ended, seconds: float = SECONDS) -> Nvml:
    """Return what the probe wrote."""
    if ended.status is None:
        return Nvml(Trouble.HUNG, f"no answer within {seconds:g} s")
    if ended.reason_not_started:
        return Nvml(Trouble.NOT_ASKED, ended.reason_not_started)
    if ended.crash:
        return Nvml(Trouble.CRASHED, f"ended by {ended.crash}")
    try:
        return _nvml(json.loads(ended.output))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        said = ended.output[:_QUOTED].decode("utf-8", errors="replace")
        return Nvml(Trouble.GARBLED, f"exit status {ended.status}, {error}, said: {said}")


def _nvml(document: Any) -> Nvml:
    return Nvml(
        code=int(document["code"]),
        text=str(document.get("text", "")),
        driver=str(document.get("driver", "")),
        gpus=tuple(_gpu(index, one) for index, one in enumerate(document.get("gpus", ()))),
    )


def _gpu(index: int, document: Any) -> NvmlGpu:
    answers = {
        Question(name): tuple(map(int, numbers)) for name, numbers in document["answers"].items()
    }
    return NvmlGpu(
        index,
        str(document.get("address", "")),
        str(document.get("name", "")),
        answers,
        code=int(document.get("code", 0)),
    )
