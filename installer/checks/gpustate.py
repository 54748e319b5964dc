"""How the GPUs are set up: persistence, MIG, compute mode, who uses them, the fabric.

Source: enumerations of nvml.h: compute mode 1 and 3 exclusive, 2 prohibited; fabric state 1 not
started, 2 in progress, 3 completed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from installer.checks.finding import Cause, Check, Finding, Severity, Topic
from installer.checks.gpuanswers import asked_of_gpus
from installer.checks.nvml import NvmlGpu, Question
from installer.checks.sources import Sources
from manifests.quantities import bytes_text

PERSISTENCE_OFF: Final = Cause(
    "off",
    Severity.WARN,
    "persistence is off and nvidia-persistenced is not running",
    "systemctl enable --now nvidia-persistenced: without it the driver is loaded anew for each"
    " program, and starting a container can time out.",
)
MIG_PENDING: Final = Cause(
    "pending",
    Severity.WARN,
    "a change of MIG mode waits for a reset",
    "Reset the GPU: nvidia-smi --gpu-reset -i {index}, with nothing using it.",
)
MIG_EMPTY: Final = Cause(
    "empty",
    Severity.FAIL,
    "MIG is on and there is no instance: CUDA sees no device",
    "Make instances: nvidia-smi mig -i {index} -cgi PROFILE -C (nvidia-smi mig -lgip lists the"
    " profiles), or turn MIG off: nvidia-smi -i {index} -mig 0",
)
PROHIBITED: Final = Cause(
    "prohibited",
    Severity.FAIL,
    "compute mode prohibits computing",
    "nvidia-smi -i {index} -c 0",
)
EXCLUSIVE: Final = Cause(
    "exclusive",
    Severity.WARN,
    "compute mode lets only one process in at a time",
    "If the app has several processes: nvidia-smi -i {index} -c 0",
)
BUSY: Final = Cause(
    "busy",
    Severity.NOTE,
    "other programs use the GPU: processes, a tenth of its time, or a tenth of its memory",
    "Stop what need not run before you measure: nvidia-smi shows who it is. The self-test does not"
    " judge timings of a GPU that others use.",
)
FABRIC: Final = Cause(
    "fabric",
    Severity.FAIL,
    "an NVSwitch machine whose fabric is not up (CUDA error 802)",
    "systemctl enable --now nvidia-fabricmanager, of exactly the driver's version {driver}.",
)
_BUSY_PCT: Final = 10
_EXCLUSIVE: Final = (1, 3)
_PROHIBITED: Final = 2
_FABRIC_COMPLETED: Final = 3
_SOCKET: Final = "/run/nvidia-persistenced/socket"


def _persistence(sources: Sources, gpu: NvmlGpu) -> Iterator[Finding]:
    if gpu.value(Question.PERSISTENCE) == 0 and not sources.files.exists(_SOCKET):
        yield PERSISTENCE_OFF.found(f"{gpu}: persistence is off, and there is no {_SOCKET}")


def _mig(_sources: Sources, gpu: NvmlGpu) -> Iterator[Finding]:
    modes = gpu.values(Question.MIG_MODE, 2)
    if modes is None:
        return
    now, then = modes
    if now != then:
        evidence = f"{gpu}: MIG is {_on(now)}, after a reset {_on(then)}"
        yield MIG_PENDING.found(evidence, index=gpu.index)
    elif now and gpu.value(Question.MIG_DEVICES) == 0:
        yield MIG_EMPTY.found(f"{gpu}: MIG is on, no instance", index=gpu.index)


def _compute_mode(_sources: Sources, gpu: NvmlGpu) -> Iterator[Finding]:
    mode = gpu.value(Question.COMPUTE_MODE)
    if mode == _PROHIBITED:
        yield PROHIBITED.found(f"{gpu}: compute mode prohibited", index=gpu.index)
    elif mode in _EXCLUSIVE:
        yield EXCLUSIVE.found(f"{gpu}: compute mode exclusive", index=gpu.index)


def _busy(_sources: Sources, gpu: NvmlGpu) -> Iterator[Finding]:
    used, total = gpu.values(Question.MEMORY, 2) or (0, 0)
    processes = gpu.value(Question.PROCESSES) or 0
    busy = gpu.value(Question.UTILIZATION) or 0
    if processes or busy >= _BUSY_PCT or used * 10 > total:
        taken = f"{bytes_text(used)} of {bytes_text(total)} taken"
        yield BUSY.found(f"{gpu}: {processes} processes, busy {busy}% of the time, {taken}")


def _fabric(sources: Sources, gpu: NvmlGpu) -> Iterator[Finding]:
    state, status = gpu.values(Question.FABRIC, 2) or (0, 0)
    if state and (state != _FABRIC_COMPLETED or status):
        evidence = f"{gpu}: fabric state {state}, status {status}"
        yield FABRIC.found(evidence, driver=sources.nvml.driver)


def _on(mode: int) -> str:
    return "on" if mode else "off"


CHECKS: Final = (
    Check(
        "gpu.persistence",
        Topic.GPU_DRIVER,
        "libnvidia-ml: persistence mode; /run/nvidia-persistenced/socket",
        (PERSISTENCE_OFF,),
        asked_of_gpus(_persistence, "kept loaded"),
    ),
    Check(
        "gpu.mig",
        Topic.GPU_DRIVER,
        "libnvidia-ml: MIG mode and instances",
        (MIG_PENDING, MIG_EMPTY),
        asked_of_gpus(_mig, "MIG is off, or has instances"),
    ),
    Check(
        "gpu.compute_mode",
        Topic.GPU_DRIVER,
        "libnvidia-ml: compute mode",
        (PROHIBITED, EXCLUSIVE),
        asked_of_gpus(_compute_mode, "any process may compute"),
    ),
    Check(
        "gpu.busy",
        Topic.GPU_DRIVER,
        "libnvidia-ml: processes, utilization, memory",
        (BUSY,),
        asked_of_gpus(_busy, "nobody computes"),
    ),
    Check(
        "gpu.fabric",
        Topic.GPU_DRIVER,
        "libnvidia-ml: fabric state",
        (FABRIC,),
        asked_of_gpus(_fabric, "no fabric, or it is up"),
    ),
)
