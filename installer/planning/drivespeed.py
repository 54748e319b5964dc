"""Measures how fast the drive gives a bundle's bytes: a bounded sample, read and thrown away.

Owns what is read and for how long. The system is asked to drop what it holds of the files before,
so that the drive answers and not the memory; where it can't, the figure is that of the memory.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from installer.stream.jobs import Job
from manifests.bundle.medium import Medium
from manifests.errors import BundleRefused
from manifests.release import BlobRecord

SAMPLE_BYTES: Final = 64 * 1024 * 1024
"""Bytes of a whole sample."""
SAMPLE_SECONDS: Final = 1.0
"""After so long no more is read."""
SMALLEST: Final = 1024 * 1024
"""Bytes below which a sample says nothing."""
PATIENCE_SECONDS: Final = 10.0
"""After so long a drive that does not answer is left alone."""
_PIECE: Final = 1024 * 1024
_FILES: Final = 8


@dataclass(frozen=True, slots=True)
class DriveSample:
    """What was read, and how long it took.

    Attributes:
        size: bytes.
        seconds: that reading them took.
    """

    size: int
    seconds: float

    @property
    def rate(self) -> float:
        """Bytes a second."""
        return self.size / max(self.seconds, 1e-6)


def measure_drive(
    medium: Medium, layers: Sequence[BlobRecord], budget: int = SAMPLE_BYTES
) -> DriveSample | None:
    """Read some of the layers; None where nothing can be said.

    A pipe can't be asked, a drive that fails is found out by what reads it next.

    Args:
        medium: the bundle.
        layers: that will be read.
        budget: bytes that are read at most.
    """
    if medium.sequential or sum(layer.size for layer in layers) < SMALLEST or budget < SMALLEST:
        return None
    sampling = _Sampling(medium, layers, min(budget, SAMPLE_BYTES))
    job = Job("drive", sampling.run)
    job.start()
    try:
        ended = job.ends_within(PATIENCE_SECONDS)
    except (OSError, BundleRefused):
        return None
    return sampling.sample if ended and sampling.sample.size >= SMALLEST else None


class _Sampling:
    def __init__(self, medium: Medium, layers: Sequence[BlobRecord], budget: int) -> None:
        self._medium = medium
        self._largest = sorted(layers, key=lambda layer: -layer.size)[:_FILES]
        self._budget = budget
        self._view = memoryview(bytearray(_PIECE))
        self.sample = DriveSample(0, 0.0)

    def run(self) -> None:
        """Read the beginnings of the largest files, each its share."""
        for left, layer in zip(range(len(self._largest), 0, -1), self._largest, strict=True):
            self._read(layer.name, (self._budget - self.sample.size) // left)

    def _read(self, name: str, share: int) -> None:
        self._medium.forget(name)
        with self._medium.open(name) as stream:
            while share >= _PIECE and self.sample.seconds < SAMPLE_SECONDS:
                start = time.perf_counter()
                count = stream.readinto(self._view) or 0
                spent = time.perf_counter() - start
                self.sample = DriveSample(self.sample.size + count, self.sample.seconds + spent)
                share -= count
                if not count:
                    return
