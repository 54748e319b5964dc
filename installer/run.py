"""Carries a plan out, as a stream of events.

Owns the order: check all that will be read, write down that the release was accepted, load every
image, then move every name at once, then write down that it is installed. Never asks, never
prints. Cancel works at every chunk.

What a broken-off run leaves: images that were loaded keep a name of ours and are not sent again;
names point all to the old release or all to the new one. A process killed between two names, or a
host that loses power, leaves some of each; the next run moves the rest.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

from installer.events import (
    Event,
    Failure,
    NameSet,
    Noted,
    Outcome,
    RunFinished,
    RunRecord,
    Stage,
    StageFailed,
    StageFinished,
    StageStarted,
    Unit,
)
from installer.history import HistoryEntry
from installer.jobs import Halted, Meter
from installer.ledger import KeptRelease, LockedLedger
from installer.load import Loading
from installer.metered import metered_work
from installer.plan import NameChange, Plan
from installer.source import BundleSource
from manifests.contents import check_contents
from manifests.errors import EngineFailed, ExitCode, MoonliftError

INTERRUPTED: Final = Failure(
    code="interrupted",
    message="stopped before the end; no name was moved",
    hint="run the same command again: what the engine has is not sent twice",
    exit_code=ExitCode.INTERRUPTED,
)


def run(plan: Plan, cancel: threading.Event) -> Iterator[Event]:
    """Yield what happens; see `installer.events` for the law of the stream.

    Args:
        plan: what to do.
        cancel: set it to stop; names are never left half moved by it.
    """
    return _Run(plan, cancel).events()


class _Broken(Exception):
    """A stage failed and has said so."""


class _Run:
    def __init__(self, plan: Plan, cancel: threading.Event) -> None:
        self._plan = plan
        self._cancel = cancel
        self._start = time.monotonic()
        self._loading = Loading(plan, cancel)
        self._set: list[NameChange] = []
        self._failure: Failure | None = None

    def events(self) -> Iterator[Event]:
        if self._plan.nothing_to_do:
            yield Noted(Stage.LOAD, "nothing-to-do", "everything is installed already")
            yield RunFinished(self._record(Outcome.NOTHING_TO_DO))
            return
        try:
            with self._plan.ledger.locked() as ledger:
                yield from self._recorded_stages(ledger)
        except _Broken:
            pass
        except MoonliftError as error:
            self._failure = Failure.of(error)
        yield RunFinished(self._record(self._outcome()))

    def _recorded_stages(self, ledger: LockedLedger) -> Iterator[Event]:
        try:
            yield from self._stages(ledger)
        finally:
            if self._failure is not None:
                self._write_history(ledger, f"install-{self._outcome()}")

    def _stages(self, ledger: LockedLedger) -> Iterator[Event]:
        plan = self._plan
        if plan.checked_names:
            yield from self._stage(Stage.CHECK, plan.checked_bytes, Unit.BYTES, self._check())
        ledger.accept(plan.verified.verdict)
        if plan.deliveries:
            work = self._loading.events()
            yield from self._stage(Stage.LOAD, plan.read_bytes, Unit.BYTES, work)
        if plan.names:
            yield from self._stage(Stage.TAG, len(plan.names), Unit.NAMES, self._move_names())
        yield from self._stage(Stage.RECORD, 1, Unit.STEPS, self._keep(ledger))

    def _stage(
        self, stage: Stage, total: int, unit: Unit, work: Iterator[Event]
    ) -> Iterator[Event]:
        start = time.monotonic()
        yield StageStarted(stage, total, unit)
        try:
            yield from work
        except Halted as halted:
            self._failure = INTERRUPTED
            yield StageFailed(stage, INTERRUPTED)
            raise _Broken from halted
        except MoonliftError as error:
            self._failure = Failure.of(error)
            yield StageFailed(stage, self._failure)
            raise _Broken from error
        yield StageFinished(stage, time.monotonic() - start)

    def _check(self) -> Iterator[Event]:
        plan = self._plan
        meter = Meter(plan.checked_bytes, self._cancel)
        return metered_work(
            meter,
            Stage.CHECK,
            lambda: check_contents(plan.verified.sealed, meter.add, plan.checked_names),
        )

    def _move_names(self) -> Iterator[Event]:
        """Move every name, and only then tell of it: nobody listening can come between."""
        if self._cancel.is_set():
            raise Halted
        source = BundleSource(self._plan.verified.sealed, lambda _: None, lambda *_: None)
        try:
            for change in self._plan.names:
                self._plan.engine.set_name(change.image, change.name, source)
                self._set.append(change)
        except BaseException:
            self._move_back()
            raise
        for change in self._set:
            old = str(change.old or "")
            yield NameSet(Stage.TAG, change.name, old, str(change.new))

    def _move_back(self) -> None:
        for change in reversed(self._set):
            with suppress(EngineFailed):
                self._plan.engine.restore_name(change.name, change.old)
        self._set.clear()

    def _keep(self, ledger: LockedLedger) -> Iterator[Event]:
        release, raw = self._plan.verified.release, self._plan.verified.sealed.release_raw
        ledger.keep_release(KeptRelease(release.product, release.sequence, raw))
        self._write_history(ledger, "installed")
        yield from ()

    def _write_history(self, ledger: LockedLedger, what: str) -> None:
        verified = self._plan.verified
        facts: dict[str, str | int] = {
            "sums": str(verified.sealed.sums_digest),
            "version": verified.release.version,
            "signers": " ".join(one.fingerprint for one in verified.signers),
            "engine": self._plan.engine.name,
            "images_loaded": self._loading.loaded,
        }
        if self._failure is not None:
            facts["code"] = self._failure.code
        release = verified.release
        entry = HistoryEntry(datetime.now(UTC), what, release.product, release.sequence, facts)
        ledger.record(entry)

    def _outcome(self) -> Outcome:
        if self._failure is None:
            return Outcome.DONE
        return Outcome.CANCELLED if self._failure is INTERRUPTED else Outcome.FAILED

    def _record(self, outcome: Outcome) -> RunRecord:
        plan, release = self._plan, self._plan.verified.release
        return RunRecord(
            outcome=outcome,
            product=release.product,
            version=release.version,
            sequence=release.sequence,
            bundle=str(plan.verified.sealed.sums_digest),
            engine=plan.engine.name,
            images_loaded=self._loading.loaded,
            images_present=len(plan.images) - len(plan.deliveries),
            bytes_read=self._loading.bytes_read,
            names_set=tuple(change.name for change in self._set if not change.ours),
            seconds=time.monotonic() - self._start,
            failure=self._failure,
        )
