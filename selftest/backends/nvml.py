"""How many GPUs NVIDIA's management library sees: a way to count, not to compute.

It does not heed CUDA_VISIBLE_DEVICES, so that devices that a control group should hide show here.
Listed like a backend, and so in a child process; never opened.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Final, NoReturn

from selftest.backends.base import BackendError, Missing
from selftest.measured import Device, DeviceKind, Remark
from selftest.plaintext import printable

NAME: Final = "libnvidia-ml.so.1"


class NvmlBackend:
    """The GPUs that the library sees."""

    def devices(self) -> Sequence[Device]:
        """Return them, told apart by nothing but their numbers.

        Raises:
            Missing: `nvml-missing`: the library is not there.
            BackendError: `nvml-failed`: it is, and does not work.
        """
        count = ctypes.c_uint()
        try:
            library = ctypes.CDLL(NAME)
            statuses = (library.nvmlInit_v2(), library.nvmlDeviceGetCount_v2(ctypes.byref(count)))
        except (OSError, AttributeError) as error:
            raise Missing("nvml-missing", printable(str(error))) from error
        if any(statuses):
            raise BackendError("nvml-failed", f"{NAME} fails with status {max(statuses)}")
        return [_describe(number) for number in range(count.value)]

    def remarks(self) -> Sequence[Remark]:
        """Return nothing."""
        return ()

    def open(self, index: int) -> NoReturn:
        """Refuse: nothing computes here."""
        raise BackendError("device-unknown", f"nvml only counts, and opens no device {index}")


def _describe(number: int) -> Device:
    return Device("nvml", number, DeviceKind.GPU, f"GPU {number}", "NVML", "", NAME)
