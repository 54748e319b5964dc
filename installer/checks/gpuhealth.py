"""Has a GPU lost bits, rows, lanes or clocks: what the driver counts.

Source: nvml.h; clock reasons 0x8 hardware slowdown, 0x20 and 0x40 heat, 0x80 power brake.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from installer.checks.finding import Cause, Check, Finding, Severity, Topic
from installer.checks.gpuanswers import asked_of_gpus
from installer.checks.nvml import NvmlGpu, Question
from installer.checks.sources import Sources

UNCORRECTED: Final = Cause(
    "uncorrected",
    Severity.FAIL,
    "uncorrected memory errors since the driver was loaded",
    "Stop what runs on it, reset the GPU (nvidia-smi --gpu-reset -i {index}), run again; if they"
    " come back, have it replaced.",
)
UNCORRECTED_BEFORE: Final = Cause(
    "uncorrected-before",
    Severity.NOTE,
    "uncorrected memory errors in the card's life, none since the driver was loaded",
    "Nothing now; a number that grows from visit to visit is a card that is failing.",
)
REMAP_FAILED: Final = Cause(
    "failed",
    Severity.FAIL,
    "the card has no spare rows left for bad memory",
    "Have the GPU replaced.",
)
REMAP_PENDING: Final = Cause(
    "pending",
    Severity.WARN,
    "a bad row of memory waits for a reset to be replaced",
    "Reset the GPU with nothing using it: nvidia-smi --gpu-reset -i {index}",
)
RETIRED: Final = Cause(
    "pending",
    Severity.WARN,
    "bad pages of memory wait for a reboot to be retired",
    "Reboot, or reload the driver.",
)
SLOW_SLOT: Final = Cause(
    "slow-slot",
    Severity.NOTE,
    "the slot is of an older PCIe generation than the card",
    "Copies to and from this card take longer than its makers promise: use a faster slot, or look"
    " in the firmware's setup for the slot's speed.",
)
REPLAYS: Final = Cause(
    "replays",
    Severity.NOTE,
    "transfers had to be repeated since the driver was loaded",
    "If the number grows under load, the riser, cable or slot is bad: reseat the card.",
)
THROTTLED: Final = Cause(
    "throttled",
    Severity.WARN,
    "clocks are held down by heat, or by the power supply",
    "Look at fans, filters and air flow; for a power brake at the power supply and its cables.",
)
HOT: Final = Cause(
    "hot",
    Severity.WARN,
    "within 5 degrees of where the card slows down",
    "Look at fans, filters and air flow before the app gives it work.",
)
_REASONS: Final = ((0x8, "hardware"), (0x20, "heat"), (0x40, "heat"), (0x80, "power brake"))
_MARGIN_C: Final = 5


def _ecc(_sources: Sources, gpu: NvmlGpu) -> Iterator[Finding]:
    now, ever = gpu.value(Question.ECC_VOLATILE), gpu.value(Question.ECC_AGGREGATE)
    if now:
        yield UNCORRECTED.found(f"{gpu}: {now} uncorrected errors", index=gpu.index)
    elif ever:
        yield UNCORRECTED_BEFORE.found(f"{gpu}: {ever} uncorrected errors in its life")


def _remap(_sources: Sources, gpu: NvmlGpu) -> Iterator[Finding]:
    corrected, uncorrected, pending, failed = gpu.values(Question.REMAPPED_ROWS, 4) or (0, 0, 0, 0)
    evidence = f"{gpu}: {corrected + uncorrected} rows replaced"
    if failed:
        yield REMAP_FAILED.found(f"{evidence}, replacing failed")
    elif pending:
        yield REMAP_PENDING.found(f"{evidence}, more pending", index=gpu.index)


def _retired(_sources: Sources, gpu: NvmlGpu) -> Iterator[Finding]:
    if gpu.value(Question.RETIRED_PENDING):
        yield RETIRED.found(f"{gpu}: pages are pending")


def _generation(_sources: Sources, gpu: NvmlGpu) -> Iterator[Finding]:
    slot, card = gpu.value(Question.LINK_GENERATION_MAX), gpu.value(Question.GPU_GENERATION_MAX)
    if slot and card and slot < card:
        yield SLOW_SLOT.found(f"{gpu}: PCIe generation {slot} of {card}")


def _replays(_sources: Sources, gpu: NvmlGpu) -> Iterator[Finding]:
    if count := gpu.value(Question.LINK_REPLAYS):
        yield REPLAYS.found(f"{gpu}: {count} replays")


def _throttle(_sources: Sources, gpu: NvmlGpu) -> Iterator[Finding]:
    bits = gpu.value(Question.CLOCK_REASONS) or 0
    reasons = dict.fromkeys(name for bit, name in _REASONS if bits & bit)
    if reasons:
        yield THROTTLED.found(f"{gpu}: held down by {', '.join(reasons)} (0x{bits:x})")


def _temperature(_sources: Sources, gpu: NvmlGpu) -> Iterator[Finding]:
    now, limit = gpu.value(Question.TEMPERATURE), gpu.value(Question.SLOWDOWN_AT)
    if now and limit and now >= limit - _MARGIN_C:
        yield HOT.found(f"{gpu}: {now} \u00b0C, slows down at {limit} \u00b0C")


CHECKS: Final = (
    Check(
        "gpu.ecc",
        Topic.GPU_DRIVER,
        "libnvidia-ml: uncorrected memory errors",
        (UNCORRECTED, UNCORRECTED_BEFORE),
        asked_of_gpus(_ecc, "no uncorrected memory errors"),
    ),
    Check(
        "gpu.remap",
        Topic.GPU_DRIVER,
        "libnvidia-ml: remapped rows",
        (REMAP_FAILED, REMAP_PENDING),
        asked_of_gpus(_remap, "no row is waiting to be replaced"),
    ),
    Check(
        "gpu.retired",
        Topic.GPU_DRIVER,
        "libnvidia-ml: retired pages",
        (RETIRED,),
        asked_of_gpus(_retired, "no page is waiting to be retired"),
    ),
    Check(
        "gpu.pcie_gen",
        Topic.GPU_DRIVER,
        "libnvidia-ml: PCIe generation of slot and card (the link itself is slow while idle)",
        (SLOW_SLOT,),
        asked_of_gpus(_generation, "the slot is as fast as the card"),
    ),
    Check(
        "gpu.pcie_replay",
        Topic.GPU_DRIVER,
        "libnvidia-ml: PCIe replays",
        (REPLAYS,),
        asked_of_gpus(_replays, "no transfer had to be repeated"),
    ),
    Check(
        "gpu.throttle",
        Topic.GPU_DRIVER,
        "libnvidia-ml: why clocks are held down",
        (THROTTLED,),
        asked_of_gpus(_throttle, "nothing holds the clocks down"),
    ),
    Check(
        "gpu.temp",
        Topic.GPU_DRIVER,
        "libnvidia-ml: temperature",
        (HOT,),
        asked_of_gpus(_temperature, "cool enough"),
    ),
)
