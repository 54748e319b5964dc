"""CUDA as a backend: NVIDIA's driver through pycuda, and without it where only pycuda is broken.

Finds devices and opens them. No compiler is needed where it runs: the kernels are carried as PTX,
which the driver itself compiles for its device.
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Sequence
from contextlib import suppress

from selftest.backends.base import BackendError, Missing
from selftest.backends.cudabinding import Binding, Context
from selftest.backends.cudactypes import CtypesBinding
from selftest.backends.cudagroups import Copy, PassTask, Peak, ProductTask, make_task
from selftest.backends.cudaimage import PTX, choose, load_image, read_manifest
from selftest.backends.cudalibrary import CudaFailure, Facts, Library
from selftest.backends.cudanames import WITHOUT_PYCUDA
from selftest.backends.cudapycuda import PycudaBinding
from selftest.backends.cudaqueue import Queue, reported
from selftest.cases import Case, Convolution, Kind, Product, Work, make_work
from selftest.measured import Compiled, Device, DeviceKind, Remark, Verdict
from selftest.plaintext import printable


class CudaBackend:
    """All devices of NVIDIA's driver, in the order of their places on the bus."""

    def __init__(self) -> None:
        self._remarks: tuple[Remark, ...] = ()

    def devices(self) -> Sequence[Device]:
        """Return the devices that the driver finds."""
        library = Library.load()
        count = library.count()
        binding = self._bind(library)
        with reported("cuda-init"):
            return [_describe(library, binding, index) for index in range(count)]

    def remarks(self) -> Sequence[Remark]:
        """Return why the devices that were found are tested without pycuda."""
        return self._remarks

    def open(self, index: int) -> CudaSession:
        """Open a device by its number."""
        library = Library.load()
        count = library.count()
        if index >= count:
            raise BackendError("device-unknown", f"expected 0 to {count - 1}, found {index}")
        binding = self._bind(library)
        with reported("cuda-open"):
            return CudaSession(library, binding.open(index), library.facts(index))

    def _bind(self, library: Library) -> Binding:
        """Return pycuda, or the way without it when it can't be used."""
        if os.environ.get(WITHOUT_PYCUDA):
            return CtypesBinding(library)
        try:
            return PycudaBinding(library)
        except BackendError as error:
            verdict = Verdict.PASS if isinstance(error, Missing) else Verdict.FAIL
            text = f"{error}; CUDA is tested without it"
            self._remarks = (Remark(verdict, error.code, text, error.evidence),)
            return CtypesBinding(library)


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


def _describe(library: Library, binding: Binding, index: int) -> Device:
    facts = library.facts(index)
    return Device(
        backend="cuda",
        index=index,
        kind=DeviceKind.GPU,
        name=facts.name,
        platform=f"CUDA, compute capability {facts.capability[0]}.{facts.capability[1]}",
        driver=library.version(),
        binding=binding.label,
        uuid=facts.uuid,
        memory_bytes=facts.memory_bytes,
        compute_units=facts.units,
        clock_mhz=facts.clock_mhz,
    )
