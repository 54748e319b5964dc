"""CUDA and driver versions, and which driver a CUDA version needs.

Source: NVIDIA's CUDA Toolkit Release Notes, docs.nvidia.com/cuda/cuda-toolkit-release-notes: those
of 13.2 Update 2, tables "CUDA Toolkit and Corresponding Driver Versions" (each version's first
general release) and "CUDA Toolkit and Minimum Required Driver Version for CUDA Minor Version
Compatibility" with its note on 450.80.02; for 13.3 and 13.4, of which only the driver's branch is
told, those of 13.4. Compared in November 2026. Linux on x86-64. There is no CUDA 12.7.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

DriverVersion: TypeAlias = tuple[int, ...]

_PAIRED: Final[tuple[tuple[tuple[int, int], DriverVersion], ...]] = (
    ((7, 0), (346, 46)),
    ((7, 5), (352, 31)),
    ((8, 0), (367, 48)),
    ((9, 0), (384, 81)),
    ((9, 1), (390, 46)),
    ((9, 2), (396, 26)),
    ((10, 0), (410, 48)),
    ((10, 1), (418, 39)),
    ((10, 2), (440, 33)),
    ((11, 0), (450, 51, 5)),
    ((11, 1), (455, 23)),
    ((11, 2), (460, 27, 3)),
    ((11, 3), (465, 19, 1)),
    ((11, 4), (470, 42, 1)),
    ((11, 5), (495, 29, 5)),
    ((11, 6), (510, 39, 1)),
    ((11, 7), (515, 43, 4)),
    ((11, 8), (520, 61, 5)),
    ((12, 0), (525, 60, 13)),
    ((12, 1), (530, 30, 2)),
    ((12, 2), (535, 54, 3)),
    ((12, 3), (545, 23, 6)),
    ((12, 4), (550, 54, 14)),
    ((12, 5), (555, 42, 2)),
    ((12, 6), (560, 28, 3)),
    ((12, 8), (570, 26)),
    ((12, 9), (575, 51, 3)),
    ((13, 0), (580, 65, 6)),
    ((13, 1), (590, 44, 1)),
    ((13, 2), (595, 45, 4)),
    ((13, 3), (610,)),
    ((13, 4), (615,)),
)
"""The driver that a toolkit came with: what its PTX needs. Sorted."""
_ANY_MINOR: Final[dict[int, DriverVersion]] = {11: (450, 80, 2), 12: (525, 60, 13), 13: (580,)}
"""The driver from which every minor version of a major one runs, compiled kernels only."""
_VERSION: Final = re.compile(r"(\d{1,4})\.(\d{1,4})")
_DRIVER: Final = re.compile(r"\d{1,6}(?:\.\d{1,6}){1,3}")


@dataclass(frozen=True, slots=True, order=True)
class CudaVersion:
    """Such as 12.4."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"

    @classmethod
    def parse(cls, text: str) -> CudaVersion | None:
        """Return the version that `text` begins with, None when there is none."""
        found = _VERSION.match(text.strip())
        return cls(int(found[1]), int(found[2])) if found else None


@dataclass(frozen=True, slots=True)
class Floor:
    """What a CUDA version needs of the driver.

    Attributes:
        runs: from here its compiled kernels run; None when it is newer than this table.
        compiles: from here its PTX is taken, too; None as above.
    """

    runs: DriverVersion | None
    compiles: DriverVersion | None


def floor_of(cuda: CudaVersion) -> Floor:
    """Return the lowest drivers for a CUDA version.

    A minor version that the table does not have needs at least what the one before it needs.
    """
    below = [
        driver
        for version, driver in _PAIRED
        if version[0] == cuda.major and version[1] <= cuda.minor
    ]
    if not below:
        return Floor(None, None)
    return Floor(min(below[-1], _ANY_MINOR.get(cuda.major, below[-1])), below[-1])


def parse_driver(text: str) -> DriverVersion:
    """Return a driver's version as numbers, `()` when there is none in `text`."""
    found = _DRIVER.search(text)
    return tuple(map(int, found[0].split("."))) if found else ()


def driver_text(version: DriverVersion) -> str:
    """Return a version as NVIDIA writes it: 550.54.14, 450.80.02."""
    head, *rest = version
    return ".".join((str(head), *(f"{part:02d}" for part in rest)))
