"""Makes a release that the engine has the active one: starts it, moves its names, writes it down.

Owns the order from the moment when all images are there, for an install as for a rollback: what is
pending is written, the app is switched, names move only when it is healthy, then active, previous
and pending change in one write. A start that fails leaves names and active release as they were.

A process killed on the way leaves `pending`; the next run, to the same release or another, ends it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from installer.engines.base import Engine, Source
from installer.engines.namechange import NameChange
from installer.events import Event, NameSet, Stage, Unit
from installer.ledger import LockedLedger, PendingSwitch
from installer.state.apps import InstalledApp, MovedName
from installer.state.history import HistoryEntry
from installer.stream.jobs import Halted
from installer.stream.staging import Staging
from manifests.errors import NotInstallableHere, StartFailed
from manifests.release import Release
from manifests.safetext import safe_line

if TYPE_CHECKING:  # an install that starts nothing needs none of it
    from installer.planning.appplan import AppPlan


@dataclass(frozen=True, slots=True)
class Target:
    """A release that shall be active, and what has to change for it.

    Attributes:
        release: which; the engine has its images.
        engine: that has them.
        source: where names by digest take their documents from.
        names: that shall move.
        app: what shall run; None for nothing.
        facts: for the history.
        verb: what the history says of a release that replaces another: `upgraded`, `rolled-back`.
    """

    release: Release
    engine: Engine
    source: Source
    names: tuple[NameChange, ...]
    app: AppPlan | None
    facts: Mapping[str, str | int] = field(default_factory=dict)
    verb: str = "upgraded"


class Activation:
    """The last stages of one run.

    Attributes:
        moved: names that point to the release now.
        started: whether something of it was started, and is well.
        running_again: number of the release that was put back; None where none was.
    """

    def __init__(self, target: Target, staging: Staging, cancel: threading.Event) -> None:
        self.moved: list[NameChange] = []
        self.started = False
        self.running_again: int | None = None
        self._target = target
        self._staging = staging
        self._cancel = cancel
        self._product = target.release.product
        self._sequence = target.release.sequence

    def events(self, ledger: LockedLedger) -> Iterator[Event]:
        """Do it.

        Raises:
            Broken: a stage failed.
            NotInstallableHere: the ledger can't be written.
        """
        target = self._target
        if target.app is not None and not target.app.settled:
            pending = PendingSwitch(sequence=self._sequence, since=_now())
            ledger.change_app(self._product, lambda app: app.with_pending(pending))
            count = len(target.app.wanted.containers)
            work = self._start(target.app, ledger)
            yield from self._staging.stage(Stage.START, count, Unit.SERVICES, work)
        if target.names:
            count = len(target.names)
            yield from self._staging.stage(Stage.TAG, count, Unit.NAMES, self._move_names())
        yield from self._staging.stage(Stage.RECORD, 1, Unit.STEPS, self._record(ledger))

    def _start(self, app: AppPlan, ledger: LockedLedger) -> Iterator[Event]:
        try:
            yield from app.switch(self._target.release, self._cancel)
            self.started = True
        except (StartFailed, NotInstallableHere, Halted) as error:
            self._give_up(ledger, error)
            raise

    def _give_up(self, ledger: LockedLedger, error: Exception) -> None:
        """Write down that what ran before runs again, and why."""
        from installer.app.undoing import AGAIN  # noqa: PLC0415 - beside the engine's API

        app = ledger.change_app(self._product, lambda app: app.with_pending(None))
        if app.active in (None, self._sequence) or not isinstance(error, StartFailed):
            return
        back = error.context.get("after") == AGAIN
        self.running_again = app.active if back else None
        facts: dict[str, str | int] = {
            "from": self._sequence,
            "from_version": self._target.release.version,
            "code": error.code,
            "reason": safe_line(str(error.context.get("reason") or error), limit=1000),
        }
        if (active := app.release(app.active)) is not None:
            facts["version"] = active.version
        what = "rolled-back" if back else "roll-back-failed"
        ledger.record(HistoryEntry(_now(), what, self._product, app.active, facts))

    def _move_names(self) -> Iterator[Event]:
        """Move every name, and only then tell of it: nobody listening can come between."""
        if self._cancel.is_set():
            raise Halted
        self._target.engine.set_names(self._target.names, self._target.source)
        self.moved.extend(self._target.names)
        for change in self.moved:
            old = str(change.old or "")
            yield NameSet(Stage.TAG, change.name, old, str(change.new))

    def _record(self, ledger: LockedLedger) -> Iterator[Event]:
        before = ledger.app(self._product) or InstalledApp(product=self._product)
        shown = [change for change in self.moved if not change.ours]
        names = tuple(MovedName(name=one.name, old=one.old, new=one.new) for one in shown)
        now, facts = _now(), dict(self._target.facts)
        if before.active not in (None, self._sequence):
            facts["from"] = before.active or 0
        what = self._what(before)
        entries = [HistoryEntry(now, what, self._product, self._sequence, facts)]
        for one in names:
            moved: dict[str, str | int] = {
                "name": one.name,
                "old": str(one.old or ""),
                "new": str(one.new),
            }
            entries.append(HistoryEntry(now, "name-moved", self._product, self._sequence, moved))
        ledger.record_all(entries)  # before: twice is better than never
        runs_as = self._target.app.runs_as if self._target.app else None
        ledger.change_app(
            self._product, lambda app: app.with_active(self._sequence, names, runs_as)
        )
        yield from ()

    def _what(self, before: InstalledApp) -> str:
        if before.active is None:
            return "installed"
        if before.active == self._sequence:
            return "started" if self.started else "installed"
        return self._target.verb


def _now() -> datetime:
    return datetime.now(UTC)
