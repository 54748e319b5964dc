"""The list of all checks, which of them are asked for, and their running.

Owns the order and nothing of what is checked. docs/checks.md is held to this list by a test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from installer.checks import (
    cdi,
    clock,
    docker,
    dockerruntime,
    gpucount,
    gpudevices,
    gpudriver,
    gpuhealth,
    gpumodule,
    gpunodes,
    gpunvml,
    gpustate,
    gpuxid,
    kernel,
    limits,
    opencl,
    securitymodules,
    storage,
    toolkit,
)
from installer.checks.enginefacts import Contact
from installer.checks.finding import Check, Finding, Severity, noted, unknown
from installer.checks.hostfiles import Unreadable
from installer.checks.sources import Sources
from manifests.errors import UsageError

CHECKS: Final[tuple[Check, ...]] = (
    *kernel.CHECKS,
    *clock.CHECKS,
    *limits.CHECKS,
    *docker.CHECKS,
    *storage.CHECKS,
    *securitymodules.CHECKS,
    *opencl.CHECKS,
    *gpudevices.CHECKS,
    *gpumodule.CHECKS,
    *gpunodes.CHECKS,
    *gpunvml.CHECKS,
    *gpudriver.CHECKS,
    *gpustate.CHECKS,
    *gpuhealth.CHECKS,
    *gpuxid.CHECKS,
    *toolkit.CHECKS,
    *dockerruntime.CHECKS,
    *cdi.CHECKS,
    *gpucount.CHECKS,
)
GPU_FIRST: Final = "gpu.pci"
"""The one check about GPUs that speaks on a host without any."""
_GRAVITY: Final = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one check.

    Attributes:
        check: which.
        findings: at least one.
        left_out: whether it was not run, as there is nothing here that it is about.
    """

    check: Check
    findings: tuple[Finding, ...]
    left_out: bool = False

    @property
    def severity(self) -> Severity:
        """The gravest of its findings."""
        return max((one.severity for one in self.findings), key=_GRAVITY.index)


def chosen_checks(only: Sequence[str]) -> tuple[Check, ...]:
    """Return the checks that are named, in the order of the catalogue; all for no names.

    Args:
        only: IDs such as `gpu.xid`, or what comes before the dot for all of that kind.

    Raises:
        UsageError: `check-unknown`.
    """
    for name in only:
        if not any(_is_named(check, name) for check in CHECKS):
            raise UsageError(
                "check-unknown",
                f"expected the ID of a check such as gpu.xid or docker, found {name!r}",
                hint="installer check --list",
            )
    return tuple(c for c in CHECKS if not only or any(_is_named(c, name) for name in only))


def run_checks(sources: Sources, checks: Iterable[Check] = CHECKS) -> Iterator[Result]:
    """Yield the result of each check; raises nothing for what is wrong with the host."""
    for check in checks:
        reason = _reason_to_leave_out(sources, check)
        if reason is not None:
            yield Result(check, (reason,), left_out=True)
        else:
            found = tuple(_findings(sources, check))
            yield Result(check, found or (unknown("nothing of that could be found out"),))


def _is_named(check: Check, name: str) -> bool:
    return check.id == name or check.id.startswith(f"{name}.")


def _findings(sources: Sources, check: Check) -> Iterator[Finding]:
    """Yield what a check finds; what this user may not read is a finding too."""
    try:
        yield from check.read(sources)
    except Unreadable as error:
        remedy = "Run as root to have this checked: sudo installer check" if error.forbidden else ""
        yield unknown(f"can't be read: {error}", remedy)


def _reason_to_leave_out(sources: Sources, check: Check) -> Finding | None:
    topic = check.topic
    if topic.needs_gpu and sources.wanted.gpu is False:
        return noted("GPUs are of no interest (--no-gpu)")
    if topic.needs_gpu and check.id != GPU_FIRST and not _gpu_is_of_interest(sources):
        return noted("there is no NVIDIA GPU here")
    if topic.needs_engine and sources.engine.contact is Contact.NOT_WANTED:
        return noted("no engine is wanted")
    if topic.needs_engine and not sources.engine.answered:
        return unknown("no engine answers: see docker.answer")
    if topic.needs_driver and not sources.nvml.gpus:
        return unknown("the driver's library tells of no GPU: see gpu.nvml")
    return None


def _gpu_is_of_interest(sources: Sources) -> bool:
    """Tell whether there is a GPU, must be one, or may be one that can't be seen."""
    try:
        return bool(sources.wanted.gpu) or sources.has_gpu
    except Unreadable:
        return True
