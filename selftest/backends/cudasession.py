"""One device of NVIDIA's driver, opened: its kernels, tasks and yardsticks."""

from __future__ import annotations

import atexit
import time
from contextlib import suppress

from selftest.backends.base import BackendError
from selftest.backends.cudabinding import Context
from selftest.backends.cudagroups import Copy, PassTask, Peak, ProductTask, make_task
from selftest.backends.cudaimage import PTX, choose, load_image, read_manifest
from selftest.backends.cudalibrary import CudaFailure, Facts, Library, reported
from selftest.backends.cudaqueue import Queue
from selftest.cases import Case, Convolution, Kind, Product, Work, make_work
from selftest.measured import Compiled
from selftest.plaintext import printable


class CudaSession:
    """An opened device: a context and, after `compile`, kernels."""

    def __init__(self, library: Library, context: Context, facts: Facts) -> None:
        self._library = library
        self._context = context
        self._facts = facts
        self._queue = Queue(context)
        atexit.register(self._leave)

    def compile(self) -> Compiled:
        """Load the kernels and launch each once, for drivers finish some things only then."""
        artefact = choose(read_manifest().artefacts, self._facts.capability)
        image = load_image(artefact)
        started = time.perf_counter()
        try:
            log = self._queue.load(image)
        except BackendError as error:
            major, minor = self._facts.capability
            here = f"compute capability {major}.{minor}, {self._library.version()}"
            text = f"{error}: {artefact.words} on {here}"
            raise BackendError(error.code, text, error.evidence) from error
        self._warm_up()
        return Compiled(
            compile_ms=(time.perf_counter() - started) * 1e3,
            source_sha256=artefact.source_sha256,
            log=printable(log),
            load_path="ptx-jit" if artefact.kind == PTX else "cubin",
            artefact_sha256=artefact.sha256,
        )

    def _warm_up(self) -> None:
        """Launch every kernel of the cases on the smallest work there is."""
        small: list[Case] = [Product(1, 1, 1)]
        small += [Convolution(kind, radius, 1, 1, 1) for kind in Kind for radius in (1, 15)]
        for case in small:
            task = self.task(make_work(case))
            task.upload()
            task.launch()
            task.release()

    def task(self, work: Work) -> PassTask | ProductTask:
        """Return the task that computes a case's input."""
        return make_task(self._queue, work)

    def copying(self, size: int) -> Copy:
        """Return a copy of about `size` bytes."""
        return Copy(self._queue, size)

    def multiplying(self) -> Peak:
        """Return independent fused multiply-adds on all multiprocessors."""
        return Peak(self._queue, self._facts.units)

    def close(self) -> None:
        """Leave the device."""
        with reported("cuda-launch"):
            self._context.close()

    def _leave(self) -> None:
        """Leave the device however things went; what went wrong has been told."""
        with suppress(CudaFailure):
            self._context.close()
