"""Which layer between a program and a GPU an error belongs to; pure.

The engine's words are understood by `refusals`, the self-test's findings by
their codes.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from installer.checks.diagnosis import Diagnosis
from installer.trials.reports import ReportedFinding


class Layer(StrEnum):
    """What computing on a GPU stands on; the first that fails is to be mended first."""

    DRIVER = "driver"
    ICD = "icd"
    RUNTIME = "runtime"
    BINDING = "binding"
    KERNEL = "kernel"


_HOST_CAUSES: Final = frozenset(
    {
        "compat-library",
        "device-missing",
        "driver-not-loaded",
        "driver-slow",
        "driver-too-old",
        "fabric-not-ready",
        "gpu-unknown",
        "version-mismatch",
    }
)
"""Codes of `diagnosis` that an engine tells, and that lie below it."""
_BINDING: Final = frozenset({"no-binding", "binding", "import", "symbols"})
_ICD: Final = frozenset({"no-platform", "icd-unloadable"})
_DRIVER: Final = frozenset(
    {
        *("platforms", "devices", "open", "no-device", "no-driver", "driver", "init"),
        *("driver-unloadable", "driver-incomplete", "not-ready", "mismatch", "no-jit", "ecc"),
    }
)
_RUNTIME: Final = frozenset({"cuda-stub", "cuda-compat"})
"""A library of the image that stands before the driver's own."""
_NOT_BROUGHT: Final = frozenset({"cuda-no-driver", "cuda-no-device"})
"""What a container lacks that its engine should have brought from the host, where it is."""
_BACKENDS: Final = frozenset({"opencl", "cuda"})


def layer_of_refusal(diagnosis: Diagnosis) -> Layer:
    """Return the layer of what an engine refused: its own, unless it names one below."""
    return Layer.DRIVER if diagnosis.code in _HOST_CAUSES else Layer.RUNTIME


def layer_of_finding(code: str, *, host_has_driver: bool) -> Layer:
    """Return the layer of what the self-test found inside a container.

    Args:
        code: of the finding.
        host_has_driver: whether the host's driver shows GPUs. Where it does and the engine granted
            them, a GPU that is not seen is one that no loader found the library of.
    """
    if code == "gpus-missing":
        return Layer.ICD if host_has_driver else Layer.DRIVER
    if code == "gpus-extra" or code in _RUNTIME or (host_has_driver and code in _NOT_BROUGHT):
        return Layer.RUNTIME
    backend, _, rest = code.partition("-")
    if backend not in _BACKENDS:
        return Layer.KERNEL
    for layer, codes in ((Layer.BINDING, _BINDING), (Layer.ICD, _ICD), (Layer.DRIVER, _DRIVER)):
        if rest in codes:
            return layer
    return Layer.KERNEL


def first_failure(
    findings: Iterable[ReportedFinding], *, host_has_driver: bool
) -> tuple[Layer, ReportedFinding] | None:
    """Return the finding of the first layer, None without findings."""
    order = list(Layer)
    placed = [
        (layer_of_finding(one.code, host_has_driver=host_has_driver), one) for one in findings
    ]
    return min(placed, key=lambda pair: order.index(pair[0]), default=None)
