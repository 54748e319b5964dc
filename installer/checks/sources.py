"""What the checks read: the host, its GPUs' library, its engine, and what was asked for.

Each source is asked at most once, and only when a check looks at it: `--only sys.time` starts no
child process and no talk with the engine. Tests hand in others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from installer.checks.cudaversion import CudaVersion
from installer.checks.enginefacts import EngineFacts
from installer.checks.gpuasks import GpuAsk
from installer.checks.hostfiles import HostFiles
from installer.checks.kernellog import KernelLog
from installer.checks.libraries import Loading
from installer.checks.nvml import Nvml
from installer.checks.pcibus import NvidiaDevice, nvidia_devices


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the host is to be fit for.

    Attributes:
        gpu: True when a GPU must be there, False when none is of interest, None to look.
        cuda: the CUDA version that images were built for.
        cuda_of: the image that needs it; empty when a person said so.
        gpu_asks: what services ask for, each.
        older_branches: of drivers, with which that image runs on data-centre cards all the same.
        room: bytes that images will take.
        bundle_room: bytes that a bundle takes where nothing of it is there yet.
        issued: when the newest release known here was made, which no right clock is before.
        ledger_trouble: why that could not be read; empty when it could.
    """

    gpu: bool | None = None
    cuda: CudaVersion | None = None
    cuda_of: str = ""
    gpu_asks: tuple[GpuAsk, ...] = ()
    older_branches: frozenset[int] = frozenset()
    room: int = 0
    bundle_room: int = 0
    issued: datetime | None = None
    ledger_trouble: str = ""


@dataclass(frozen=True)  # without slots: what was asked is kept in the object
class Sources:
    """Everything that a check may read.

    Attributes:
        files: below the host's root.
        ask_nvml: asks the driver's library, in a process of its own.
        ask_engine: asks the container engine.
        read_log: reads the kernel's log.
        load_library: tells whether a shared library can be loaded.
        now: the host's clock.
        environment: of this process.
        wanted: what the host is to be fit for.
    """

    files: HostFiles
    ask_nvml: Callable[[], Nvml]
    ask_engine: Callable[[], EngineFacts]
    read_log: Callable[[], KernelLog]
    load_library: Callable[[str], Loading]
    now: Callable[[], datetime]
    environment: Mapping[str, str] = field(default_factory=dict)
    wanted: Wanted = Wanted()

    @cached_property
    def nvml(self) -> Nvml:
        """What the driver's library says."""
        return self.ask_nvml()

    @cached_property
    def engine(self) -> EngineFacts:
        """What the engine says of itself, or why it says nothing."""
        return self.ask_engine()

    @cached_property
    def log(self) -> KernelLog:
        """The kernel's log since boot."""
        return self.read_log()

    @cached_property
    def gpus(self) -> tuple[NvidiaDevice, ...]:
        """The NVIDIA graphics processors on the PCI bus."""
        return nvidia_devices(self.files)

    @cached_property
    def has_gpu(self) -> bool:
        """Whether the bus or the driver shows a GPU: some boards have none on the bus."""
        return bool(self.gpus or self.files.names("/proc/driver/nvidia/gpus"))
