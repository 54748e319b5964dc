"""Makes a check of a question that is put to each GPU that the driver's library sees."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from installer.checks.finding import Finding, Reader, or_fine
from installer.checks.nvml import NvmlGpu
from installer.checks.sources import Sources

OneGpu = Callable[[Sources, NvmlGpu], Iterator[Finding]]


def asked_of_gpus(judge: OneGpu, well: str) -> Reader:
    """Return the reader that yields what `judge` says of each GPU, or `well` when it is silent."""

    def read(sources: Sources) -> Iterator[Finding]:
        told = (one for gpu in sources.nvml.gpus for one in judge(sources, gpu))
        yield from or_fine(told, well)

    return read
