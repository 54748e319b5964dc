"""Asks libnvidia-ml everything, and writes the answers as JSON; runs as a program of its own.

It imports nothing but Python's own library, so that it runs from any place without this package on
the path. A driver that crashes or hangs takes only this process along. The library is used through
ctypes: two dozen calls whose form has not changed since they came, each looked up by name, so that
an older driver that lacks one costs one answer.

Source: nvml.h of CUDA 12: names of the calls, order of the arguments, struct layouts.
"""

from __future__ import annotations

import ctypes
import json
import os

NAME = "libnvidia-ml.so.1"
LIBRARY_NOT_FOUND = 12
FUNCTION_NOT_FOUND = 13
INSUFFICIENT_SIZE = 7
GPUS_LIMIT = 64
MIG_LIMIT = 16

_UINT, _INT, _ULL = ctypes.c_uint, ctypes.c_int, ctypes.c_ulonglong

PLAIN = {
    "capability": ("nvmlDeviceGetCudaComputeCapability", (), (_INT, _INT)),
    "persistence": ("nvmlDeviceGetPersistenceMode", (), (_UINT,)),
    "compute-mode": ("nvmlDeviceGetComputeMode", (), (_UINT,)),
    "mig-mode": ("nvmlDeviceGetMigMode", (), (_UINT, _UINT)),
    "ecc-mode": ("nvmlDeviceGetEccMode", (), (_UINT, _UINT)),
    "ecc-volatile": ("nvmlDeviceGetTotalEccErrors", (1, 0), (_ULL,)),
    "ecc-aggregate": ("nvmlDeviceGetTotalEccErrors", (1, 1), (_ULL,)),
    "remapped-rows": ("nvmlDeviceGetRemappedRows", (), (_UINT, _UINT, _UINT, _UINT)),
    "retired-pending": ("nvmlDeviceGetRetiredPagesPendingStatus", (), (_UINT,)),
    "link-width": ("nvmlDeviceGetCurrPcieLinkWidth", (), (_UINT,)),
    "link-width-max": ("nvmlDeviceGetMaxPcieLinkWidth", (), (_UINT,)),
    "link-generation-max": ("nvmlDeviceGetMaxPcieLinkGeneration", (), (_UINT,)),
    "gpu-generation-max": ("nvmlDeviceGetGpuMaxPcieLinkGeneration", (), (_UINT,)),
    "link-replays": ("nvmlDeviceGetPcieReplayCounter", (), (_UINT,)),
    "clock-reasons": ("nvmlDeviceGetCurrentClocksThrottleReasons", (), (_ULL,)),
    "temperature": ("nvmlDeviceGetTemperature", (0,), (_UINT,)),
    "slowdown-at": ("nvmlDeviceGetTemperatureThreshold", (1,), (_UINT,)),
}
"""By question: the call, what goes in after the device, what comes out."""


class Memory(ctypes.Structure):
    """nvmlMemory_t: bytes."""

    _fields_ = (("total", _ULL), ("free", _ULL), ("used", _ULL))


class Utilization(ctypes.Structure):
    """nvmlUtilization_t: percent of the last moments."""

    _fields_ = (("gpu", _UINT), ("memory", _UINT))


class Fabric(ctypes.Structure):
    """nvmlGpuFabricInfo_t."""

    _fields_ = (
        ("cluster", ctypes.c_ubyte * 16),
        ("status", _UINT),
        ("clique", _UINT),
        ("state", ctypes.c_ubyte),
    )


class Pci(ctypes.Structure):
    """nvmlPciInfo_t of version 3."""

    _fields_ = (
        ("legacy", ctypes.c_char * 16),
        ("domain", _UINT),
        ("bus", _UINT),
        ("device", _UINT),
        ("product", _UINT),
        ("subsystem", _UINT),
        ("address", ctypes.c_char * 32),
    )


class Library:
    """libnvidia-ml, a call that it lacks being one that it refuses."""

    def __init__(self, loaded: ctypes.CDLL) -> None:
        self._loaded = loaded

    def call(self, name: str, *arguments: object) -> int:
        """Return the code of a call."""
        function = getattr(self._loaded, name, None)
        return FUNCTION_NOT_FOUND if function is None else int(function(*arguments))

    def text(self, name: str, *before: object, size: int = 96) -> str:
        """Return what a call writes into a buffer, empty when it refuses."""
        buffer = ctypes.create_string_buffer(size)
        refused = self.call(name, *before, buffer, _UINT(size))
        return "" if refused else buffer.value.decode(errors="replace")

    def said(self, code: int) -> str:
        """Return the library's own words for a code."""
        function = getattr(self._loaded, "nvmlErrorString", None)
        if function is None:
            return ""
        function.restype = ctypes.c_char_p
        words: bytes | None = function(code)
        return (words or b"").decode(errors="replace")


def main() -> None:
    """Ask, and write one document to where standard output was at the start.

    Standard output is moved away meanwhile: drivers print.
    """
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    json.dump(everything(), answers)
    answers.close()


def everything() -> dict[str, object]:
    """Return all that the library tells."""
    try:
        library = Library(ctypes.CDLL(NAME))
    except OSError as error:
        return {"code": LIBRARY_NOT_FOUND, "text": str(error)}
    code = library.call("nvmlInit_v2")
    if code:
        return {"code": code, "text": library.said(code)}
    try:
        return told(library)
    finally:
        library.call("nvmlShutdown")


def told(library: Library) -> dict[str, object]:
    """Return what a library that was initialized tells."""
    return {
        "code": 0,
        "driver": library.text("nvmlSystemGetDriverVersion"),
        "gpus": [_gpu(library, index) for index in range(_count(library))],
    }


def _count(library: Library) -> int:
    count = _UINT()
    refused = library.call("nvmlDeviceGetCount_v2", ctypes.byref(count))
    return 0 if refused else min(count.value, GPUS_LIMIT)


def _gpu(library: Library, index: int) -> dict[str, object]:
    device = ctypes.c_void_p()
    code = library.call("nvmlDeviceGetHandleByIndex_v2", _UINT(index), ctypes.byref(device))
    if code:
        return {"code": code, "text": library.said(code), "answers": {}}
    asked = {name: _plain(library, device, *how) for name, how in PLAIN.items()}
    asked.update({name: ask(library, device) for name, ask in SPECIAL.items()})
    pci = Pci()
    library.call("nvmlDeviceGetPciInfo_v3", device, ctypes.byref(pci))
    return {
        "code": 0,
        "address": pci.address.decode(errors="replace"),
        "name": library.text("nvmlDeviceGetName", device),
        "answers": {name: answer for name, answer in asked.items() if answer},
    }


def _plain(
    library: Library,
    device: ctypes.c_void_p,
    name: str,
    given: tuple[int, ...],
    kinds: tuple[type, ...],
) -> list[int]:
    out = [kind() for kind in kinds]
    code = library.call(name, device, *map(_UINT, given), *map(ctypes.byref, out))
    return [] if code else [one.value for one in out]


def _memory(library: Library, device: ctypes.c_void_p) -> list[int]:
    memory = Memory()
    code = library.call("nvmlDeviceGetMemoryInfo", device, ctypes.byref(memory))
    return [] if code else [memory.used, memory.total]


def _utilization(library: Library, device: ctypes.c_void_p) -> list[int]:
    found = Utilization()
    code = library.call("nvmlDeviceGetUtilizationRates", device, ctypes.byref(found))
    return [] if code else [found.gpu]


def _processes(library: Library, device: ctypes.c_void_p) -> list[int]:
    """Count them: asked with no room for any, the library says how many there are."""
    count = _UINT(0)
    for version in ("_v3", "_v2", ""):
        name = f"nvmlDeviceGetComputeRunningProcesses{version}"
        code = library.call(name, device, ctypes.byref(count), None)
        if code in (0, INSUFFICIENT_SIZE):
            return [count.value]
    return []


def _mig_devices(library: Library, device: ctypes.c_void_p) -> list[int]:
    most = _UINT()
    if library.call("nvmlDeviceGetMaxMigDeviceCount", device, ctypes.byref(most)):
        return []
    part = ctypes.c_void_p()
    return [
        sum(
            library.call(
                "nvmlDeviceGetMigDeviceHandleByIndex", device, _UINT(index), ctypes.byref(part)
            )
            == 0
            for index in range(min(most.value, MIG_LIMIT))
        )
    ]


def _fabric(library: Library, device: ctypes.c_void_p) -> list[int]:
    fabric = Fabric()
    code = library.call("nvmlDeviceGetGpuFabricInfo", device, ctypes.byref(fabric))
    return [] if code else [fabric.state, fabric.status]


SPECIAL = {
    "memory": _memory,
    "processes": _processes,
    "utilization": _utilization,
    "mig-devices": _mig_devices,
    "fabric": _fabric,
}
"""By question: what takes more than one plain call."""

if __name__ == "__main__":
    main()
