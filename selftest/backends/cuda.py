"""CUDA as a backend: NVIDIA's driver through pycuda, and without it where only pycuda is broken.

Finds devices and opens them. No compiler is needed where it runs: the kernels are carried as PTX,
which the driver itself compiles for its device.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from selftest.backends.base import BackendError, Missing
from selftest.backends.cudalibrary import Library, reported
from selftest.backends.cudanames import WITHOUT_PYCUDA
from selftest.measured import Device, DeviceKind, Remark, Verdict

if TYPE_CHECKING:  # numpy, which they need, is not loaded where there is no driver
    from selftest.backends.cudabinding import Binding
    from selftest.backends.cudasession import CudaSession


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
        from selftest.backends.cudasession import CudaSession  # noqa: PLC0415 - see above

        with reported("cuda-open"):
            return CudaSession(library, binding.open(index), library.facts(index))

    def _bind(self, library: Library) -> Binding:
        """Return pycuda, or the way without it when it can't be used."""
        from selftest.backends.cudactypes import CtypesBinding  # noqa: PLC0415 - see above
        from selftest.backends.cudapycuda import PycudaBinding  # noqa: PLC0415

        if os.environ.get(WITHOUT_PYCUDA):
            return CtypesBinding(library)
        try:
            return PycudaBinding(library)
        except BackendError as error:
            verdict = Verdict.PASS if isinstance(error, Missing) else Verdict.FAIL
            text = f"{error}; CUDA is tested without it"
            self._remarks = (Remark(verdict, error.code, text, error.evidence),)
            return CtypesBinding(library)


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
