"""Who else uses a GPU, as libnvidia-ml tells it through ctypes; for a child process only.

It is asked before the device is opened, when whatever is seen there is not ours. A machine without
the library, and a device that the library does not know, are told as nothing, never as idle.

Source: nvml.h of CUDA 12: names of the calls, order of the arguments, nvmlUtilization_t.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Iterator
from typing import Final

from selftest.measured import Device, DeviceKind, Neighbours
from selftest.selection import bare_uuid

BUSY_PCT: Final = 10
"""Share of the time in which others may run kernels on a device before its timings are noise."""

_NAME: Final = "libnvidia-ml.so.1"
_INSUFFICIENT_SIZE: Final = 7
_GPUS_LIMIT: Final = 64
_UUID_SIZE: Final = 96
_LOOKS: Final = 5
_PAUSE_S: Final = 0.25
"""The driver tells of up to the last second, in which a child before us may have computed."""


class _Utilization(ctypes.Structure):
    """nvmlUtilization_t: percent of the time."""

    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


def look_around(device: Device) -> Neighbours | None:
    """Return who uses a graphics processor; None where nobody tells."""
    if device.kind is not DeviceKind.GPU or device.uuid is None:
        return None
    try:
        library = ctypes.CDLL(_NAME)
        if library.nvmlInit_v2():
            return None
        try:
            return _of_uuid(library, device.uuid)
        finally:
            library.nvmlShutdown()
    except (OSError, AttributeError):  # not there, or older than these calls
        return None


def _of_uuid(library: ctypes.CDLL, uuid: str) -> Neighbours | None:
    for handle, known in _handles(library):
        if bare_uuid(known) == bare_uuid(uuid):
            return Neighbours(_busy_pct(library, handle), _processes(library, handle))
    return None


def _handles(library: ctypes.CDLL) -> Iterator[tuple[ctypes.c_void_p, str]]:
    count = ctypes.c_uint()
    if library.nvmlDeviceGetCount_v2(ctypes.byref(count)):
        return
    for index in range(min(count.value, _GPUS_LIMIT)):
        handle, uuid = ctypes.c_void_p(), ctypes.create_string_buffer(_UUID_SIZE)
        if library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(handle)):
            continue
        if not library.nvmlDeviceGetUUID(handle, uuid, ctypes.c_uint(_UUID_SIZE)):
            yield handle, uuid.value.decode(errors="replace")


def _busy_pct(library: ctypes.CDLL, handle: ctypes.c_void_p) -> int | None:
    """Return the least of several looks: who computes all the time is seen in each."""
    least: int | None = None
    for look in range(_LOOKS):
        if look:
            time.sleep(_PAUSE_S)
        found = _Utilization()
        if library.nvmlDeviceGetUtilizationRates(handle, ctypes.byref(found)):
            return least
        least = found.gpu if least is None else min(least, found.gpu)
        if least < BUSY_PCT:
            break
    return least


def _processes(library: ctypes.CDLL, handle: ctypes.c_void_p) -> int | None:
    """Count them: asked with no room for any, the library says how many there are."""
    for version in ("_v3", "_v2", ""):
        name = f"nvmlDeviceGetComputeRunningProcesses{version}"
        call = getattr(library, name, None)
        count = ctypes.c_uint(0)
        if call and call(handle, ctypes.byref(count), None) in (0, _INSUFFICIENT_SIZE):
            return count.value
    return None
