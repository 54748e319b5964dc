"""Can programs on this host find an OpenCL driver: the .icd files, and what they name.

Containers bring their own .icd files; this is about programs of the host, and about the driver
libraries that containers are given.

Source: OpenCL extension cl_khr_icd; OCL_ICD_VENDORS is ocl-icd's, OPENCL_VENDOR_PATH and
OCL_ICD_FILENAMES the Khronos loader's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from installer.checks.finding import Cause, Check, Finding, Severity, Topic, fine, noted, unknown
from installer.checks.sources import Sources

VENDORS: Final = "/etc/OpenCL/vendors"
ICDS_LIMIT: Final = 16
"""Drivers that are tried; each costs a process."""

NO_GPU_DRIVER: Final = Cause(
    "no-nvidia",
    Severity.WARN,
    "a GPU with its driver, and no .icd file that names NVIDIA's OpenCL",
    "echo libnvidia-opencl.so.1 > /etc/OpenCL/vendors/nvidia.icd",
)
EMPTY: Final = Cause(
    "empty",
    Severity.WARN,
    "an .icd file that names no library",
    "Remove {path}, or install the driver again that it belongs to.",
)
UNLOADABLE: Final = Cause(
    "unloadable",
    Severity.WARN,
    "an .icd file names a library that can't be loaded; loaders skip it without a word",
    "Install what is missing in the loader's words, run ldconfig, or remove {path}.",
)
CRASHES: Final = Cause(
    "crashes",
    Severity.WARN,
    "a driver crashes or hangs when it is loaded, and every OpenCL program with it",
    "Install the driver of {path} again, or remove that file.",
)
_NVIDIA: Final = "libnvidia-opencl"
_OVERRIDES: Final = ("OCL_ICD_VENDORS", "OPENCL_VENDOR_PATH", "OCL_ICD_FILENAMES")


def _icd(sources: Sources) -> Iterator[Finding]:
    for name in _OVERRIDES:
        if value := sources.environment.get(name):
            yield noted(f"{name}={value}: programs started from here look there instead")
    libraries = list(_libraries(sources))
    for path, library in libraries[:ICDS_LIMIT]:
        yield _tried(sources, path, library)
    if not libraries:
        yield noted(f"no .icd file in {VENDORS}: programs of this host have no OpenCL")
    if sources.has_gpu and not any(_NVIDIA in library for _, library in libraries):
        yield NO_GPU_DRIVER.found(f"{VENDORS} names no {_NVIDIA}.so.1")


def _libraries(sources: Sources) -> Iterator[tuple[str, str]]:
    """Yield each .icd file and the library that it names."""
    for name in sources.files.names(VENDORS):
        if name.endswith(".icd"):
            path = f"{VENDORS}/{name}"
            yield path, (sources.files.text(path, 4096) or "").partition("\n")[0].strip()


def _tried(sources: Sources, path: str, library: str) -> Finding:
    if not library:
        return EMPTY.found(f"{path} is empty", path=path)
    loading = sources.load_library(library)
    if not loading.tried:
        return unknown(f"{path}: {library} could not be tried: {loading.trouble}")
    if loading.crashed or loading.hung:
        return CRASHES.found(f"{path}: {library}: {loading.trouble}", path=path)
    if loading.trouble:
        return UNLOADABLE.found(f"{path}: {loading.trouble}", path=path)
    return fine(f"{path}: {library} can be loaded")


CHECKS: Final = (
    Check(
        "ocl.icd",
        Topic.HOST,
        "/etc/OpenCL/vendors/*.icd; each library is loaded in a process of its own",
        (NO_GPU_DRIVER, EMPTY, UNLOADABLE, CRASHES),
        _icd,
    ),
)
