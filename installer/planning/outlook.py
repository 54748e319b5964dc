"""A plan with all that is worth knowing before it is carried out: the values alone.

`installer.planning.lookahead` finds them out. Light to import, for the runs that have nothing to
do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from installer.checks.catalogue import Result
    from installer.plan import Plan
    from installer.planning.drivespeed import DriveSample
    from installer.planning.forecast import Forecast
    from installer.verify import VerifiedBundle
    from manifests.errors import MoonliftError


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is to be expected.

    Attributes:
        verified: the bundle.
        plan: what will be done; None where no engine says what is there.
        drive: the sample that was read from the drive; None for none.
        times: how long it will take; None where there is nothing to load.
        results: of the host's checks; none where there is nothing to do.
        problems: everything that keeps it from being done.
    """

    verified: VerifiedBundle
    plan: Plan | None
    drive: DriveSample | None = None
    times: Forecast | None = None
    results: tuple[Result, ...] = ()
    problems: tuple[MoonliftError, ...] = ()
