"""The ways to devices, by name, in the order in which they are tried."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

if TYPE_CHECKING:  # it needs numpy, which only children load
    from selftest.backends.base import Backend

BACKENDS: Final[Mapping[str, str]] = {
    "numpy": "selftest.backends.cpu:NumpyBackend",
    "opencl": "selftest.backends.opencl:OpenclBackend",
    "cuda": "selftest.backends.cuda:CudaBackend",
}

COUNTERS: Final[Mapping[str, str]] = {"nvml": "selftest.backends.nvml:NvmlBackend"}
"""What lists devices and computes on none."""
KNOWN: Final[Mapping[str, str]] = {**BACKENDS, **COUNTERS}


def load_backend(name: str, known: Mapping[str, str] = KNOWN) -> Backend:
    """Return a backend; its binding is imported when it is used."""
    module, _, attribute = known[name].partition(":")
    return cast("Backend", getattr(importlib.import_module(module), attribute)())
