"""numpy as a backend: the device that is always there, and what others are compared with."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from selftest.arithmetic import compute, multiply
from selftest.backends.base import BackendError
from selftest.cases import Floats, Work
from selftest.host import cpu_model, memory_bytes, usable_cores
from selftest.measured import Compiled, Device, DeviceKind, Remark

_PRODUCT_SIDE: Final = 1024
_NO_BLAS: Final = "no BLAS"


class NumpyBackend:
    """The processor, through numpy and the BLAS that it was built with."""

    def devices(self) -> Sequence[Device]:
        """Return the one processor."""
        device = Device(
            backend="numpy",
            index=0,
            kind=DeviceKind.CPU,
            name=cpu_model(),
            platform="numpy",
            driver=_blas(),
            binding=f"numpy {np.__version__}",
            memory_bytes=memory_bytes(),
            compute_units=usable_cores(),
        )
        return (device,)

    def remarks(self) -> Sequence[Remark]:
        """Return nothing."""
        return ()

    def open(self, index: int) -> NumpySession:
        """Return a session; there is nothing to open."""
        if index:
            raise BackendError("device-unknown", f"expected device 0, found {index}")
        return NumpySession()


def _blas() -> str:
    """Return the library that multiplies, as numpy's build tells it: before 1.26 by files only."""
    try:
        built = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    except TypeError:
        known: Any = importlib.import_module("numpy.__config__")
        libraries = known.get_info("blas_opt").get("libraries", ())
        return ", ".join(dict.fromkeys(libraries)) or _NO_BLAS
    return f"{built.get('name', _NO_BLAS)} {built.get('version', '')}".strip()


class NumpySession:
    """Computes with numpy."""

    def compile(self) -> Compiled:
        """Do nothing: numpy is compiled."""
        return Compiled(0.0)

    def task(self, work: Work) -> NumpyTask:
        """Return the task that computes a case's input."""
        return NumpyTask(work)

    def copying(self, size: int) -> Measured:
        """Return a copy of an array, by one core."""
        source = np.ones(size // 4, np.float32)
        target = np.empty_like(source)
        return Measured(2 * source.nbytes, lambda: np.copyto(target, source))

    def multiplying(self) -> Measured:
        """Return a matrix product: the fastest arithmetic that numpy has."""
        matrix = np.ones((_PRODUCT_SIDE, _PRODUCT_SIDE), np.float32)
        return Measured(2 * _PRODUCT_SIDE**3, lambda: multiply(matrix, matrix))

    def close(self) -> None:
        """Do nothing."""


class NumpyTask:
    """One case; the input is where it is computed."""

    effort = 1.0

    def __init__(self, work: Work) -> None:
        self._work = work
        self._result: Floats | None = None

    def upload(self) -> None:
        """Do nothing."""

    def poison(self) -> None:
        """Forget the last result."""
        self._result = None

    def launch(self) -> int:
        """Compute."""
        started = time.perf_counter_ns()
        self._result = compute(self._work).astype(np.float32, copy=False)
        return time.perf_counter_ns() - started

    def download(self) -> Floats:
        """Return the result."""
        if self._result is None:
            raise BackendError("launch-failed", "numpy left no result")
        return self._result

    def release(self) -> None:
        """Forget the result."""
        self._result = None


@dataclass(frozen=True, slots=True)
class Measured:
    """A yardstick that is a Python call.

    Attributes:
        amount: bytes or operations of one call.
        call: what is measured.
    """

    amount: int
    call: Callable[[], object]

    def launch(self) -> int:
        """Do it once."""
        started = time.perf_counter_ns()
        self.call()
        return time.perf_counter_ns() - started

    def release(self) -> None:
        """Do nothing."""
