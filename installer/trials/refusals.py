"""What an engine's refusal means, where only a container that asks for GPUs meets it; pure.

All else is in `installer.checks.diagnosis`, which is asked first.

Source: texts as seen on Docker 26, and of libnvidia-container.
"""

from __future__ import annotations

from typing import Final

from installer.checks import cdi
from installer.checks.diagnosis import Diagnosis, diagnose

UNKNOWN: Final = Diagnosis(
    "engine-refused",
    "The engine did not start the container.",
    "See the engine's log: journalctl -u docker",
    ("docker.answer",),
)
_STALE: Final = Diagnosis(
    "cdi-stale",
    "A CDI specification names a device or file that is not there.",
    cdi.MISSING.remedy,
    ("cdi.stale", "gpu.dev_nodes"),
)
_NO_SUCH_GPU: Final = Diagnosis(
    "gpu-unknown",
    "The driver has no GPU of that number or UUID.",
    "nvidia-smi -L lists numbers and UUIDs; give one of them with --gpu.",
    ("gpu.nvml",),
)
_TABLE: Final = (
    ("failed to stat cdi host device", _STALE),
    ("unknown device", _NO_SUCH_GPU),
)


def explain(words: str) -> Diagnosis:
    """Return what an engine's words mean; `UNKNOWN` when nobody knows."""
    low = words.lower()
    ours = next((found for text, found in _TABLE if text in low), None)
    return diagnose(words) or ours or UNKNOWN
