"""NVIDIA's driver library, libcuda.so.1, through ctypes: is it there, whole, and what does it find.

Asked before any binding is imported, so that a library that can't be used has a name and its status
a number. The bindings themselves are `cudactypes` and `cudapycuda`.
"""

from __future__ import annotations

import ctypes
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final

from selftest.backends.base import BackendError, Missing
from selftest.plaintext import printable

NAME: Final = "libcuda.so.1"
NEEDED: Final = (
    *("cuInit", "cuDriverGetVersion", "cuGetErrorString"),
    *("cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName", "cuDeviceGetAttribute"),
    *("cuDeviceTotalMem_v2", "cuCtxCreate_v2", "cuCtxDestroy_v2"),
    *("cuModuleLoadDataEx", "cuModuleGetFunction", "cuModuleGetGlobal_v2", "cuLaunchKernel"),
    *("cuMemAlloc_v2", "cuMemFree_v2", "cuMemcpyHtoD_v2", "cuMemcpyDtoH_v2", "cuMemsetD32_v2"),
    *("cuEventCreate", "cuEventRecord", "cuEventSynchronize", "cuEventElapsedTime"),
)
"""What is called here and in `cudactypes`; all of it is in every driver since CUDA 4."""

_NO_DEVICE: Final = 100
_NOT_THERE: Final = re.compile(rf"{re.escape(NAME)}: cannot open shared object file: No such file")
_CODES: Final = {
    2: "out-of-memory",
    34: "cuda-stub",
    209: "cuda-no-image",
    214: "cuda-ecc",
    221: "cuda-no-jit",
    222: "cuda-ptx-version",
    802: "cuda-not-ready",
    803: "cuda-mismatch",
    804: "cuda-compat",
}
"""Statuses (cuda.h, CUresult) that have a remedy of their own, wherever they come."""
_CLOCK_RATE, _UNITS, _MAJOR, _MINOR = 13, 16, 75, 76  # CUdevice_attribute
_NAME_ROOM: Final = 256
_PROC: Final = Path("/proc/driver/nvidia/version")


class CudaFailure(Exception):
    """The driver refused something.

    Attributes:
        status: its number; null where the binding does not tell it and its words are not known.
        log: what the driver's compiler said.
    """

    def __init__(self, status: int | None, message: str, log: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.status = status
        self.log = tuple(log)

    def explained(self, code: str) -> BackendError:
        """Return it under the code of its status, or else under the one that is given."""
        return BackendError(_CODES.get(self.status or 0, code), str(self), self.log)


@contextmanager
def reported(code: str) -> Iterator[None]:
    """Turn a failure of the driver within the block into a BackendError."""
    try:
        yield
    except CudaFailure as failure:
        raise failure.explained(code) from failure


@dataclass(frozen=True, slots=True)
class Facts:
    """What the driver tells of a device.

    Attributes:
        name: its name.
        uuid: `GPU-...`, or `MIG-...` of a part; null where the driver is too old to tell.
        memory_bytes: its own.
        units: multiprocessors.
        clock_mhz: the highest.
        capability: compute capability, major and minor.
    """

    name: str
    uuid: str | None
    memory_bytes: int
    units: int
    clock_mhz: int
    capability: tuple[int, int]


class Library:
    """The loaded library."""

    def __init__(self, loaded: ctypes.CDLL) -> None:
        self._loaded = loaded

    @classmethod
    def load(cls) -> Library:
        """Load the library and prove that it has what is called.

        Raises:
            Missing: `cuda-no-driver`: it is not there.
            BackendError: `cuda-driver-unloadable`, `cuda-driver-incomplete`: it is of no use.
        """
        try:
            library = cls(ctypes.CDLL(NAME))
        except OSError as error:
            if _NOT_THERE.match(str(error)):
                raise Missing("cuda-no-driver", printable(str(error))) from error
            raise BackendError("cuda-driver-unloadable", printable(str(error))) from error
        lacking = library.lacks(NEEDED)
        if lacking:
            raise BackendError("cuda-driver-incomplete", f"{NAME} lacks {', '.join(lacking)}")
        return library

    def lacks(self, symbols: Iterable[str]) -> list[str]:
        """Return those of the symbols that the library does not have."""
        return [one for one in symbols if not hasattr(self._loaded, one)]

    def call(self, name: str, *arguments: object) -> None:
        """Call a function.

        Raises:
            CudaFailure: its status is not success.
        """
        status = self.status(name, *arguments)
        if status:
            raise CudaFailure(status, f"{name} failed: {self.words(status)}")

    def status(self, name: str, *arguments: object) -> int:
        """Call a function; return its status."""
        return int(getattr(self._loaded, name)(*arguments))

    def words(self, status: int) -> str:
        """Return the driver's own words for a status, and its number."""
        text = ctypes.c_char_p()
        if self.status("cuGetErrorString", status, ctypes.byref(text)) or text.value is None:
            return f"status {status}"
        return f"{printable(text.value.decode(errors='replace'), 300)} (status {status})"

    def recognise(self, message: str) -> int | None:
        """Return the status whose words end or stand in a binding's message."""
        for status in (*_CODES, _NO_DEVICE):
            words, _, known = self.words(status).rpartition(" (status ")
            if known and f"failed: {words}" in message:
                return status
        return None

    def count(self) -> int:
        """Initialise the driver; return how many devices there are.

        Raises:
            Missing: `cuda-no-device`.
            BackendError: why the driver does not start.
        """
        found = ctypes.c_int()
        try:
            self.call("cuInit", 0)
            self.call("cuDeviceGetCount", ctypes.byref(found))
        except CudaFailure as failure:
            if failure.status == _NO_DEVICE:
                raise Missing("cuda-no-device", str(failure)) from failure
            raise failure.explained("cuda-init") from failure
        if found.value < 1:
            raise Missing("cuda-no-device", "the driver is there, but it has no device")
        return found.value

    def version(self) -> str:
        """Return what the driver is: the CUDA that it knows, and its own version where it tells."""
        number = ctypes.c_int()
        self.call("cuDriverGetVersion", ctypes.byref(number))
        cuda = f"CUDA {number.value // 1000}.{number.value % 1000 // 10}"
        return ", ".join(filter(None, (cuda, _kernel_module())))

    def facts(self, index: int) -> Facts:
        """Return what the driver tells of a device."""
        device = self.device(index)
        name = ctypes.create_string_buffer(_NAME_ROOM)
        memory = ctypes.c_size_t()
        self.call("cuDeviceGetName", name, _NAME_ROOM, device)
        self.call("cuDeviceTotalMem_v2", ctypes.byref(memory), device)
        return Facts(
            name=printable(name.value.decode(errors="replace"), 200),
            uuid=self._uuid(device, name.value),
            memory_bytes=memory.value,
            units=self._attribute(_UNITS, device),
            clock_mhz=self._attribute(_CLOCK_RATE, device) // 1000,
            capability=(self._attribute(_MAJOR, device), self._attribute(_MINOR, device)),
        )

    def device(self, index: int) -> ctypes.c_int:
        """Return the driver's handle of a device."""
        device = ctypes.c_int()
        self.call("cuDeviceGet", ctypes.byref(device), index)
        return device

    def _attribute(self, which: int, device: ctypes.c_int) -> int:
        value = ctypes.c_int()
        self.call("cuDeviceGetAttribute", ctypes.byref(value), which, device)
        return value.value

    def _uuid(self, device: ctypes.c_int, name: bytes) -> str | None:
        """Return the UUID as other tools write it; only the newer function tells parts apart."""
        kind = "MIG" if b" MIG " in name else "GPU"
        raw = ctypes.create_string_buffer(16)
        for function in ("cuDeviceGetUuid_v2", "cuDeviceGetUuid"):
            if not self.lacks([function]) and not self.status(function, raw, device):
                return f"{kind}-{uuid.UUID(bytes=raw.raw)}"
        return None


def binding_symbols() -> Sequence[str]:
    """Return what pycuda, as `make cuda` builds it, takes from the library."""
    return resources.files("selftest.backends").joinpath("driver_symbols.txt").read_text().split()


def _kernel_module(path: Path = _PROC) -> str:
    """Return the version of the kernel's part of the driver; empty where it is not shown."""
    try:
        found = re.search(r"\b\d{3,4}\.\d+(\.\d+)?\b", path.read_text(errors="replace"))
    except OSError:
        return ""
    return f"driver {found[0]}" if found else ""
