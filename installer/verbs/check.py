"""What `installer check` does: the checks that are asked for, line by line, and a verdict."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

from installer.checks.catalogue import Result, chosen_checks, run_checks
from installer.checks.cudaversion import CudaVersion
from installer.checks.finding import Check
from installer.checks.sources import Sources, Wanted
from installer.checks.texts import (
    catalogue_json,
    catalogue_lines,
    is_fit,
    result_lines,
    results_json,
    summary_lines,
)
from installer.checks.thishost import host_sources
from installer.console import Console
from installer.ledger import Ledger
from manifests.errors import ExitCode, MoonliftError, UsageError

GIB: Final = 1024**3


@dataclass(frozen=True, slots=True)
class Asked:
    """What `installer check` was asked.

    Attributes:
        trust: where this host's keys are.
        state: where its ledger is.
        bundle: what the host is to be fit for; None for nothing in particular.
        engine: as on the command line.
        only: IDs of checks, with commas between them; empty for all.
        gpu: whether there must be a GPU; None to look.
        cuda: the CUDA version that images were built for; empty for none.
        room: GiB that images will take.
    """

    _: KW_ONLY
    trust: Path
    state: Path
    bundle: Path | None
    engine: str
    only: str
    gpu: bool | None
    cuda: str
    room: float


def check_host(console: Console, asked: Asked) -> ExitCode:
    """Run the checks, show each as it is done, and say what they come to.

    Raises:
        UsageError: `check-unknown`, `cuda-version`, `engine-unknown`, `engine-not-local`.
        BundleRefused: the bundle is not to be believed.
    """
    checks = _chosen(asked.only)
    sources = sources_of(asked)
    results: list[Result] = []
    for result in run_checks(sources, checks):
        console.lines(result_lines(result))
        results.append(result)
    console.lines(summary_lines(results))
    console.document("checked", results_json(results))
    return ExitCode.DONE if is_fit(results) else ExitCode.NOT_INSTALLABLE


def list_checks(console: Console, asked: Asked) -> ExitCode:
    """Show which checks there are; run none.

    Raises:
        UsageError: `check-unknown`.
    """
    checks = _chosen(asked.only)
    console.lines(catalogue_lines(checks))
    console.document("checks", catalogue_json(checks))
    return ExitCode.DONE


def _chosen(only: str) -> tuple[Check, ...]:
    return chosen_checks([name for part in only.split(",") if (name := part.strip())])


def sources_of(asked: Asked) -> Sources:
    """Return this host, to be read.

    Raises:
        UsageError: `cuda-version`, `engine-unknown`, `engine-not-local`.
        BundleRefused: the bundle is not to be believed.
    """
    return host_sources(asked.engine, wanted(asked))


def wanted(asked: Asked) -> Wanted:
    """Return what the host is to be fit for.

    Raises:
        UsageError: `cuda-version`.
        BundleRefused: the bundle is not to be believed.
        NotInstallableHere: there is no bundle, or no key is trusted here.
    """
    cuda = CudaVersion.parse(asked.cuda) if asked.cuda else None
    if asked.cuda and cuda is None:
        raise UsageError("cuda-version", f"expected a version such as 12.4, found {asked.cuda!r}")
    known = Wanted(asked.gpu, cuda, room=int(asked.room * GIB))
    try:
        known = replace(known, issued=last_known_time(asked.state))
    except MoonliftError as error:
        known = replace(known, ledger_trouble=str(error))
    return known if asked.bundle is None else _with_bundle(known, asked, asked.bundle)


def _with_bundle(known: Wanted, asked: Asked, bundle: Path) -> Wanted:
    """Return what is wanted with the needs of a bundle; what a person said goes first."""
    from installer.checks.bundleneeds import needs_of, with_needs  # noqa: PLC0415 - only so
    from installer.verbs.install import opened  # noqa: PLC0415
    from installer.verify import Leniency  # noqa: PLC0415

    lenient = Leniency(allow_downgrade=True, accept_expired=True)  # nothing is installed
    with opened(asked, bundle, lenient) as verified:
        return with_needs(known, needs_of(verified))


def last_known_time(state: Path) -> datetime | None:
    """Return the latest time that a trusted signer wrote and this host accepted.

    Raises:
        MoonliftError: the ledger can't be read, or not be believed.
    """
    return Ledger(state).state().floor
