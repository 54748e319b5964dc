"""The host's checks as a plan wants them: those that matter to this bundle, with what to do.

Owns which checks are run for a bundle and what counts as unfit. The checks are `installer.checks`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from installer.checks.bundleneeds import BundleNeeds, needs_of, with_needs
from installer.checks.catalogue import Result, run_checks
from installer.checks.finding import Severity
from installer.checks.sources import Sources, Wanted
from installer.checks.thishost import host_sources
from installer.running.starting import Starting
from installer.verify import VerifiedBundle
from manifests.errors import NotInstallableHere

PLANNED_BETTER = frozenset({"docker.space"})
"""Checks whose question the plan answers by itself, and exactly."""


def preflight(
    verified: VerifiedBundle, starting: Starting | None, engine: str, newest: datetime | None
) -> tuple[Result, ...]:
    """Run the checks for this bundle.

    Args:
        verified: the bundle.
        starting: how what runs of it would be started; None for not at all.
        engine: as on the command line.
        newest: when the newest release that this host accepted was made.

    Raises:
        UsageError: `engine-unknown`, `engine-not-local`.
    """
    needs = needs_of(verified)
    if starting is None or not starting.start:
        needs = replace(needs, gpus=())  # nothing will ask for one
    wanted = with_needs(Wanted(_gpu(needs, starting), issued=newest), needs)
    return run_for(host_sources(engine, wanted))


def run_for(sources: Sources) -> tuple[Result, ...]:
    """Return the results that matter for a plan."""
    return tuple(one for one in run_checks(sources) if one.check.id not in PLANNED_BETTER)


def unfit(results: Sequence[Result]) -> Iterator[NotInstallableHere]:
    """Yield an error for each finding that keeps a host from being fit."""
    for result in results:
        for finding in () if result.left_out else result.findings:
            if finding.severity is Severity.FAIL:
                yield NotInstallableHere(
                    "host-unfit",
                    f"{result.check.id}: {finding.evidence}",
                    hint=f"{finding.remedy} To go on all the same: --accept-unfit",
                    check=result.check.id,
                    cause=finding.cause,
                )


def _gpu(needs: BundleNeeds, starting: Starting | None) -> bool | None:
    """Return whether there must be a GPU; None to look, where an image could use one."""
    if starting is not None and not starting.gpus:
        return False
    return True if needs.gpus else None if needs.cuda is not None else False
