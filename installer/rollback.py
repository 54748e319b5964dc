"""Goes back to a release that was installed here before, without its bundle.

Owns what that needs: the kept release.json, images that the engine still has, files that still lie
here. The rest is as for an install (`installer.running.activation`). The high-water mark stays: a
rollback makes no older bundle installable.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from installer.engines.base import Engine, EngineInfo, keep_name
from installer.engines.namechange import NameChange
from installer.events import Event, Noted, Outcome, RunFinished, RunRecord, Stage
from installer.ledger import InstalledApp, InstalledRelease, Ledger, LockedLedger
from installer.plan import known_releases
from installer.planning.namechange import name_changes
from installer.planning.suiting import suiting
from installer.running.activation import Activation, Target
from installer.running.appfiles import is_placed
from installer.running.nosource import NoSource
from installer.running.starting import Starting
from installer.state.history import HistoryEntry
from installer.stream.staging import Broken, Staging
from manifests.errors import MoonliftError, NotInstallableHere
from manifests.release import ImageRecord, Release

if TYPE_CHECKING:  # a release of which nothing runs needs none of it
    from installer.planning.appplan import AppPlan


@dataclass(frozen=True, slots=True)
class RollbackPlan:
    """What going back will do.

    Attributes:
        installed: the release to go back to, as the ledger knows it.
        before: number of the release that is active.
        release: what it holds.
        engine: that has its images.
        info: what it said of itself.
        ledger: where it will be recorded.
        images: of the release, those for this engine's platform.
        names: that will move.
        app: what will run; None where nothing does, or it is not to be started.
    """

    installed: InstalledRelease
    before: int | None
    release: Release
    engine: Engine
    info: EngineInfo
    ledger: Ledger
    images: tuple[ImageRecord, ...]
    names: tuple[NameChange, ...]
    app: AppPlan | None

    @property
    def nothing_to_do(self) -> bool:
        """Whether it is active and well already."""
        settled = self.app is None or self.app.settled
        return settled and not self.names and self.before == self.installed.sequence


def plan_rollback(
    app: InstalledApp, target: InstalledRelease, engine: Engine, ledger: Ledger, starting: Starting
) -> RollbackPlan:
    """Ask engine, host and ledger; changes nothing.

    Raises:
        NotInstallableHere: `release-lost`, `rollback-images-missing`, `rollback-files-missing`; as
            `plan_app`.
        EngineFailed: it does not answer.
    """
    release = _kept_release(ledger, app, target)
    info = engine.info()
    images = suiting(release, info)
    keep = {one: keep_name(release.product, one) for one in map(info.store.identity, images)}
    there = engine.presence(images, keep, known_releases(ledger))
    lost = [image.name for image in images if not there.holds(image)]
    if lost:
        raise _missing("rollback-images-missing", target, f"the engine has no {', '.join(lost)}")
    if release.run is not None and not is_placed(ledger.directory, release):
        raise _missing("rollback-files-missing", target, "its files are not on this host any more")
    identities = {image.name: info.store.identity(image) for image in images}
    changes = name_changes(engine, images, there, keep)
    return RollbackPlan(
        installed=target,
        before=app.active,
        release=release,
        engine=engine,
        info=info,
        ledger=ledger,
        images=images,
        names=tuple(one for one in changes if "@" not in one.name),
        app=starting.plan_app(release, identities, ledger, None),
    )


def roll_back(plan: RollbackPlan, cancel: threading.Event) -> Iterator[Event]:
    """Yield what happens; see `installer.events` for the law of the stream."""
    staging = Staging()
    activation = Activation(_target(plan), staging, cancel)
    if plan.nothing_to_do:
        yield Noted(Stage.START, "nothing-to-do", "this release is active and well already")
        yield RunFinished(_record(plan, staging, activation, Outcome.NOTHING_TO_DO))
        return
    try:
        with plan.ledger.locked() as ledger:
            try:
                yield from activation.events(ledger)
            finally:
                _write_failure(plan, staging, ledger)
    except Broken:
        pass
    except MoonliftError as error:
        staging.fail(error)
    yield RunFinished(_record(plan, staging, activation, staging.outcome))


def _kept_release(ledger: Ledger, app: InstalledApp, target: InstalledRelease) -> Release:
    kept = ledger.kept(app.product, target.sequence)
    if kept is None:
        raise _missing("release-lost", target, "its release.json is not kept any more")
    return Release.read(kept.raw)


def _target(plan: RollbackPlan) -> Target:
    facts: dict[str, str | int] = {
        "version": plan.release.version,
        "sums": str(plan.installed.sums),
        "engine": plan.engine.name,
        "reason": "asked for",
    }
    return Target(
        release=plan.release,
        engine=plan.engine,
        source=NoSource(),
        names=plan.names,
        app=plan.app,
        facts=facts,
        verb="rolled-back",
    )


def _write_failure(plan: RollbackPlan, staging: Staging, ledger: LockedLedger) -> None:
    if staging.failure is None:
        return
    facts = {"version": plan.release.version, "code": staging.failure.code}
    what = f"rollback-{staging.outcome}"
    now, release = datetime.now(UTC), plan.release
    ledger.record(HistoryEntry(now, what, release.product, release.sequence, facts))


def _record(
    plan: RollbackPlan, staging: Staging, activation: Activation, outcome: Outcome
) -> RunRecord:
    return RunRecord(
        outcome=outcome,
        product=plan.release.product,
        version=plan.release.version,
        sequence=plan.release.sequence,
        bundle=str(plan.installed.sums),
        engine=plan.engine.name,
        images_loaded=0,
        images_present=len(plan.images),
        bytes_read=0,
        names_set=tuple(change.name for change in activation.moved if not change.ours),
        seconds=staging.seconds,
        failure=staging.failure,
        verb="rollback",
        started=activation.started,
        running_again=activation.running_again,
    )


def _missing(code: str, target: InstalledRelease, what: str) -> NotInstallableHere:
    return NotInstallableHere(
        code,
        f"release {target.sequence} ({target.version}) can't be gone back to: {what}",
        hint=f"bring its bundle again, it came from {target.bundle or 'a pipe'}:"
        " installer install BUNDLE --allow-downgrade",
        sequence=target.sequence,
        bundle=target.bundle,
    )
