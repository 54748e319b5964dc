"""What NVIDIA's management library says of the driver and of each GPU; the answers only.

`nvmlasking` asks, in a process of its own. What a driver does not know, or does not tell this
user, is None, never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum


class Question(StrEnum):
    """What is asked of each GPU; the answer is one number or several."""

    CAPABILITY = "capability"
    PERSISTENCE = "persistence"
    COMPUTE_MODE = "compute-mode"
    MIG_MODE = "mig-mode"
    MIG_DEVICES = "mig-devices"
    ECC_MODE = "ecc-mode"
    ECC_VOLATILE = "ecc-volatile"
    ECC_AGGREGATE = "ecc-aggregate"
    REMAPPED_ROWS = "remapped-rows"
    RETIRED_PENDING = "retired-pending"
    LINK_WIDTH = "link-width"
    LINK_WIDTH_MAX = "link-width-max"
    LINK_GENERATION_MAX = "link-generation-max"
    GPU_GENERATION_MAX = "gpu-generation-max"
    LINK_REPLAYS = "link-replays"
    CLOCK_REASONS = "clock-reasons"
    TEMPERATURE = "temperature"
    SLOWDOWN_AT = "slowdown-at"
    MEMORY = "memory"
    PROCESSES = "processes"
    UTILIZATION = "utilization"
    FABRIC = "fabric"


class Trouble(IntEnum):
    """Why the library said nothing: its own return codes, and ours below zero."""

    NONE = 0
    NO_PERMISSION = 4
    DRIVER_NOT_LOADED = 9
    LIBRARY_NOT_FOUND = 12
    VERSION_MISMATCH = 18
    GPU_LOST = 15
    UNKNOWN = 999
    HUNG = -1
    CRASHED = -2
    GARBLED = -3
    NOT_ASKED = -4


@dataclass(frozen=True, slots=True)
class NvmlGpu:
    """One GPU.

    Attributes:
        index: as the driver counts.
        address: on the PCI bus; empty when it was not told.
        name: of the product.
        answers: by question; what was refused is not there.
        code: why nothing could be asked of it; 0 when it could.
    """

    index: int
    address: str = ""
    name: str = ""
    answers: Mapping[Question, tuple[int, ...]] = field(default_factory=dict)
    code: int = 0

    def value(self, question: Question) -> int | None:
        """Return the first number of an answer, None when there is none."""
        numbers = self.values(question, 1)
        return numbers[0] if numbers else None

    def values(self, question: Question, count: int) -> tuple[int, ...] | None:
        """Return the first `count` numbers of an answer, None when there are fewer."""
        numbers = self.answers.get(question, ())
        return numbers[:count] if len(numbers) >= count else None

    def __str__(self) -> str:
        return " ".join(filter(None, (f"GPU {self.index}", self.name, self.address)))


@dataclass(frozen=True, slots=True)
class Nvml:
    """What the library said.

    Attributes:
        code: its return code, or one of `Trouble`; 0 when it answered.
        text: what it or the loader said about that.
        driver: version of the user-space driver; empty when it was not told.
        gpus: in its order.
    """

    code: int = Trouble.NONE
    text: str = ""
    driver: str = ""
    gpus: tuple[NvmlGpu, ...] = ()

    @property
    def answered(self) -> bool:
        """Whether it answered at all."""
        return self.code == Trouble.NONE
