"""Is the driver new enough for what images were built for, and not too new for the card."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from installer.checks.cudaversion import (
    CudaVersion,
    DriverVersion,
    driver_text,
    floor_of,
    parse_driver,
)
from installer.checks.drivermodule import module_version
from installer.checks.finding import (
    Cause,
    Check,
    Finding,
    Severity,
    Topic,
    fine,
    noted,
    or_fine,
    unknown,
)
from installer.checks.nvml import Question
from installer.checks.sources import Sources, Wanted

LOWEST_CAPABILITY: Final = (3, 5)
"""What the self-test's kernels are compiled for."""
LAST_BRANCHES: Final[tuple[tuple[tuple[int, int], int], ...]] = (
    ((3, 0), 390),
    ((5, 0), 470),
    ((7, 5), 580),
)
"""Cards below a compute capability, and the last driver branch that knows them.

Source: NVIDIA's list of legacy GPUs and the release notes of the branches 470 and 580.
"""
TOO_OLD: Final = Cause(
    "capability",
    Severity.WARN,
    "a card older than compute capability 3.5, for which the self-test has kernels",
    "Programs need kernels for compute capability {capability}; most have none any more. Use a"
    " newer card.",
)
BELOW: Final = Cause(
    "below-floor",
    Severity.FAIL,
    "the driver is below what the CUDA version of an image, or of `--cuda`, needs",
    "CUDA {cuda} needs driver {floor} or later, installed is {driver}: install one, or take images"
    " that were built for an older CUDA.",
)
COMPATIBLE: Final = Cause(
    "compatible",
    Severity.NOTE,
    "the driver is below that, and the image says that it brings what data-centre cards need",
    "On any other card than a data-centre one install driver {floor} or later.",
)
NO_PTX: Final = Cause(
    "no-ptx",
    Severity.WARN,
    "the driver runs that CUDA version's compiled kernels, but not its PTX",
    "Programs without kernels compiled for this card end with CUDA error 222 (unsupported PTX)."
    " Driver {floor} or later takes PTX of CUDA {cuda}; installed is {driver}.",
)
DROPPED: Final = Cause(
    "dropped",
    Severity.FAIL,
    "the driver's branch does not support a card any more",
    "Install a driver of branch {branch}, the last for this card.",
)
_LEGACY: Final = re.compile(r"supported through the NVIDIA (\d{3})\.")


def driver_version(sources: Sources) -> DriverVersion:
    """Return the version of the driver, `()` when neither module nor library tells it.

    Raises:
        Unreadable: /proc or /sys can't be read.
    """
    return module_version(sources.files) or parse_driver(sources.nvml.driver)


def _capability(sources: Sources) -> Iterator[Finding]:
    for name, capability in _capabilities(sources):
        text = f"{capability[0]}.{capability[1]}"
        evidence = f"{name}: compute capability {text}"
        if capability < LOWEST_CAPABILITY:
            yield TOO_OLD.found(evidence, capability=text)
        else:
            yield fine(evidence)
    if not any(_capabilities(sources)):
        yield unknown("no GPU told its compute capability: see gpu.nvml")


def _capabilities(sources: Sources) -> Iterator[tuple[str, tuple[int, int]]]:
    for gpu in sources.nvml.gpus:
        answer = gpu.values(Question.CAPABILITY, 2)
        if answer:
            yield str(gpu), (answer[0], answer[1])


def _floor(sources: Sources) -> Iterator[Finding]:
    driver, cuda = driver_version(sources), sources.wanted.cuda
    if not driver:
        yield unknown("neither the kernel module nor the library tells a version: see gpu.nvml")
    elif cuda is None:
        told = f"driver {driver_text(driver)}"
        yield fine(f"{told}; a bundle, or --cuda VERSION, says what it must be")
    else:
        yield _compared(sources.wanted, cuda, driver)


def _compared(wanted: Wanted, cuda: CudaVersion, driver: DriverVersion) -> Finding:
    floor = floor_of(cuda)
    of_image = f" of {wanted.cuda_of}" if wanted.cuda_of else ""
    evidence = f"driver {driver_text(driver)}, CUDA {cuda}{of_image}"
    facts = {"cuda": str(cuda), "driver": driver_text(driver)}
    if floor.runs is None or floor.compiles is None:
        return noted(f"{evidence}: this program does not know what that CUDA version needs")
    if driver < floor.runs and driver[0] in wanted.older_branches:
        return COMPATIBLE.found(evidence, floor=driver_text(floor.runs))
    if driver < floor.runs:
        return BELOW.found(evidence, floor=driver_text(floor.runs), **facts)
    if driver < floor.compiles:
        return NO_PTX.found(evidence, floor=driver_text(floor.compiles), **facts)
    return fine(f"{evidence}: needs {driver_text(floor.runs)} or later")


def _branch(sources: Sources) -> Iterator[Finding]:
    yield from or_fine(_dropped(sources), "no card is too old for the driver")


def _dropped(sources: Sources) -> Iterator[Finding]:
    """A driver does not list a card that it dropped: then only the kernel's log tells of it."""
    driver = driver_version(sources)
    for name, capability in _capabilities(sources):
        for below, branch in LAST_BRANCHES:
            if capability < below and driver[:1] > (branch,):
                yield DROPPED.found(f"{name}, driver {driver_text(driver)}", branch=branch)
                break
    for line in sources.log.readable().having("supported through the nvidia"):
        if found := _LEGACY.search(line):
            yield DROPPED.found(line, branch=found[1])


CHECKS: Final = (
    Check("gpu.cc", Topic.GPU, "libnvidia-ml: compute capability", (TOO_OLD,), _capability),
    Check(
        "gpu.driver_min",
        Topic.GPU,
        "the driver's version, beside the CUDA version of the bundle's images or of `--cuda`",
        (BELOW, COMPATIBLE, NO_PTX),
        _floor,
    ),
    Check(
        "gpu.arch_driver",
        Topic.GPU,
        "compute capability and driver branch; the kernel's log",
        (DROPPED,),
        _branch,
    ),
)
