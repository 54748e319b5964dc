"""Finds out what an install will do, need and take, beyond the plan itself.

Owns what is asked besides the plan itself: the drive's speed, how long it will take, the host's
checks. Changes nothing; needs no privileges beyond reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Final

from installer.delta.oldbundle import OldBundle
from installer.engines.choose import open_engine
from installer.ledger import Ledger
from installer.plan import Plan, draft
from installer.planning.drivespeed import SAMPLE_BYTES, DriveSample, measure_drive
from installer.planning.forecast import Amounts, Speeds, forecast
from installer.planning.outlook import Outlook
from installer.planning.preflight import preflight, unfit
from installer.report.rates import engine_rate
from installer.running.starting import Starting
from installer.verbs.check import last_known_time
from installer.verify import VerifiedBundle
from manifests.errors import EngineFailed, MoonliftError, NotInstallableHere
from manifests.release import BlobRecord

SAMPLE_SHARE: Final = 32
"""An install measures the drive with one part in so many of what it will read anyway."""
SAMPLE_LEAST: Final = 8 * 1024 * 1024
"""Bytes that it measures with at least; they are read once more from memory then."""
_MEMINFO: Final = Path("/proc/meminfo")


def look_ahead(
    verified: VerifiedBundle,
    starting: Starting,
    state: Path,
    *,
    one_pass: bool,
    old: OldBundle | None = None,
    accept_unfit: bool = False,
) -> Outlook:
    """Ask everything, whatever is wrong; for a plan that is only shown.

    Args:
        verified: the bundle.
        starting: which engine it would be, and how what runs of it would be started.
        state: where this host's ledger is.
        one_pass: as for `plan`.
        old: as for `plan`.
        accept_unfit: as for `look_around`.

    Raises:
        UsageError: `engine-unknown`, `engine-not-local`.
        NotInstallableHere: the ledger can't be believed.
    """
    ledger, engine = Ledger(state), starting.engine
    try:
        opened = open_engine(engine)
    except (NotInstallableHere, EngineFailed) as problem:
        return _without_plan(verified, starting, state, problem)
    with closing(opened):
        try:
            made = draft(verified, opened, ledger, one_pass=one_pass, starting=starting, old=old)
        except EngineFailed as problem:
            return _without_plan(verified, starting, state, problem)
    return look_around(made, engine, state, budget=SAMPLE_BYTES, accept_unfit=accept_unfit)


def look_around(
    made: Plan, engine: str, state: Path, budget: int | None = None, *, accept_unfit: bool = False
) -> Outlook:
    """Measure and check what a plan does not ask; nothing where there is nothing to do.

    Args:
        made: the plan.
        engine: as on the command line.
        state: where this host's ledger is.
        budget: bytes that are read at most to measure the drive; None for few of what is to read.
        accept_unfit: whether a person goes on although checks of this host fail.
    """
    if made.nothing_to_do:
        return Outlook(made.verified, made, problems=made.problems)
    layers = [blob for one in made.deliveries for blob in made.brought(one)]
    drive = _measured(
        made.verified, layers, max(SAMPLE_LEAST, made.read_bytes // SAMPLE_SHARE), budget
    )
    speeds = Speeds(drive.rate if drive else None, engine_rate(state, made.info), _memory())
    amounts = Amounts(made.checked_bytes, made.read_bytes, made.engine_bytes)
    results = preflight(made.verified, made.starting, engine, last_known_time(state))
    return Outlook(
        verified=made.verified,
        plan=made,
        drive=drive,
        times=forecast(amounts, speeds) if made.deliveries else None,
        results=results,
        problems=(*made.problems, *(() if accept_unfit else unfit(results))),
    )


def _without_plan(
    verified: VerifiedBundle, starting: Starting, state: Path, problem: MoonliftError
) -> Outlook:
    """Return what can be said where no engine answers; the checks say why it does not."""
    results = preflight(verified, starting, starting.engine, last_known_time(state))
    release = verified.release
    layers = [blob for image in release.images for blob in release.carriers(image.layers)]
    said = [one for one in unfit(results) if one.context["check"] != "docker.answer"]
    drive = _measured(verified, layers, 0, SAMPLE_BYTES)
    return Outlook(verified, None, drive, None, results, (problem, *said))


def _measured(
    verified: VerifiedBundle, layers: Sequence[BlobRecord], few: int, budget: int | None
) -> DriveSample | None:
    return measure_drive(verified.sealed.medium, layers, few if budget is None else budget)


def _memory() -> int:
    """Return the bytes of memory that are available; 0 when the kernel does not say."""
    try:
        lines = _MEMINFO.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return 0
    found = next((line.split() for line in lines if line.startswith("MemAvailable:")), [])
    return int(found[1]) * 1024 if len(found) > 1 and found[1].isdigit() else 0
