"""What a rollback and a pruning ask of the host for their screens; both may wait for an engine."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from installer.events import Event

if TYPE_CHECKING:
    from installer.ledger import InstalledApp, InstalledRelease
    from installer.prune.pruning import Asked
    from installer.prune.removal import Result
    from installer.running.starting import Starting
    from installer.tui.session import Session
    from installer.verbs.install import AppHomes
    from manifests.prunerules.planner import PrunePlan


@dataclass(frozen=True, slots=True)
class Former:
    """A release that can be gone back to, as far as the ledger knows.

    Attributes:
        app: of which app.
        release: which release.
    """

    app: InstalledApp
    release: InstalledRelease


def formers(homes: AppHomes) -> tuple[Former, ...]:
    """Return the releases that are here and not active, the previous one of each app first.

    Raises:
        NotInstallableHere: the ledger can't be believed.
    """
    from installer.ledger import Ledger  # noqa: PLC0415 - only when it is opened

    found = [
        Former(app, release)
        for app in Ledger(homes.state).state().apps
        for release in reversed(app.releases)
        if release.sequence != app.active
    ]
    return tuple(sorted(found, key=lambda one: one.release.sequence != one.app.previous))


def look_back(session: Session, former: Former) -> tuple[str, ...]:
    """Return what going back to a release will do, in lines; changes nothing.

    Raises:
        NotInstallableHere: it can't be gone back to.
        EngineFailed: it does not answer.
    """
    from installer.engines.choose import open_engine  # noqa: PLC0415 - only when it is opened
    from installer.ledger import Ledger  # noqa: PLC0415
    from installer.rollback import plan_rollback  # noqa: PLC0415
    from installer.verbs.releases import rollback_lines  # noqa: PLC0415

    starting = _starting(session, former)
    with closing(open_engine(starting.engine)) as engine:
        ledger = Ledger(session.homes.state)
        plan = plan_rollback(former.app, former.release, engine, ledger, starting)
        return tuple(rollback_lines(former.app, plan))


def going_back(session: Session, former: Former, cancel: threading.Event) -> Iterator[Event]:
    """Yield what happens while a release is gone back to; planned anew.

    Raises:
        NotInstallableHere, EngineFailed: as `look_back`.
    """
    from installer.engines.choose import open_engine  # noqa: PLC0415 - only when it is begun
    from installer.ledger import Ledger  # noqa: PLC0415
    from installer.report.before import before_rollback  # noqa: PLC0415
    from installer.rollback import plan_rollback, roll_back  # noqa: PLC0415

    session.bundle = session.proof = session.reported = None
    starting = _starting(session, former)
    with closing(open_engine(starting.engine)) as engine:
        ledger = Ledger(session.homes.state)
        plan = plan_rollback(former.app, former.release, engine, ledger, starting)
        yield from session.report_on(before_rollback(plan), roll_back(plan, cancel))


def look_for_waste(session: Session) -> tuple[PrunePlan, Asked]:
    """Return what a pruning would remove, by the usual rules; changes nothing.

    Raises:
        NotInstallableHere: the ledger can't be used, or nothing is pruned there.
        EngineFailed: it does not answer.
    """
    from installer.ledger import Ledger  # noqa: PLC0415 - only when it is opened
    from installer.prune.dockergc import GcSettings  # noqa: PLC0415
    from installer.prune.opening import open_pruning  # noqa: PLC0415
    from installer.verbs.prune import Options, asked_of  # noqa: PLC0415

    ledger = Ledger(session.homes.state)
    options = Options(state=session.homes.state, engine=session.engine)
    asked = asked_of(options, GcSettings.of(os.environ), ledger)
    with closing(open_pruning(session.engine, ledger)) as opened:
        return opened.pruning.plan(asked), asked


def pruned(
    session: Session, plan: PrunePlan, asked: Asked, cancel: threading.Event
) -> Iterator[Result]:
    """Remove what was shown and still may go; yield what became of each.

    Raises:
        NotInstallableHere, EngineFailed: as `look_for_waste`.
    """
    from installer.ledger import Ledger  # noqa: PLC0415 - only when it is begun
    from installer.prune.opening import open_pruning  # noqa: PLC0415
    from installer.prune.texts import result_event  # noqa: PLC0415
    from installer.report.reporter import reporting  # noqa: PLC0415
    from installer.report.standing import before_prune  # noqa: PLC0415
    from installer.verbs.prune import end_report, failure_of  # noqa: PLC0415

    session.reported = None
    ledger = Ledger(session.homes.state)
    with closing(open_pruning(session.engine, ledger)) as opened, ledger.locked() as locked:
        known = before_prune(asked.terms.product, opened.name, opened.info)
        with reporting(known, session.keep) as reporter:
            results: list[Result] = []
            for result in opened.pruning.carry_out(locked, asked, plan, cancel):
                reporter.take(result_event(result))
                results.append(result)
                yield result
            end_report(reporter, results, failure_of(opened.pruning, asked, results), cancel)


def _starting(session: Session, former: Former) -> Starting:
    """Return how a release is started again: one that was installed was proved then."""
    from installer.running.starting import Starting  # noqa: PLC0415 - as above
    from installer.verbs.picking import engine_of  # noqa: PLC0415

    engine = engine_of(former.app, session.engine)
    return Starting(engine=engine, settings=session.homes.settings)
