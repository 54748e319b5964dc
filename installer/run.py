"""Carries a plan out, as a stream of events.

Owns the order: check all that will be read, write down that the release was accepted, place its
files, load every image, write down that they arrived, prove the host, then make the release the
active one (`installer.running.activation`) and prune. Never asks, never prints. Cancel works at
every chunk. Files are placed before images are loaded, since they pass first in a pipe.

Damage to the bundle does not keep its good images from being loaded; it does keep the release from
being started, named and recorded as arrived. Where nothing of it can be loaded nothing is touched.

What a broken-off run leaves: images that were loaded keep a name of ours and are not sent again;
names point all to the old release or all to the new one. A process killed between two names, or a
host that loses power, leaves some of each; the next run moves the rest.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

from installer.events import Event, Noted, Outcome, RunFinished, RunRecord, Stage, Unit
from installer.ledger import InstalledImage, InstalledRelease, KeptRelease, LockedLedger
from installer.load import Loading
from installer.plan import Plan
from installer.running.activation import Activation, Target
from installer.running.appfiles import place_files
from installer.running.salvage import Salvage
from installer.running.source import BundleSource
from installer.state.apps import RunsAs
from installer.state.history import HistoryEntry
from installer.stream.jobs import Meter
from installer.stream.metered import metered_work
from installer.stream.staging import INTERRUPTED, Broken, Staging
from manifests.bundle.contents import Survey, survey_contents
from manifests.errors import MoonliftError

__all__ = ["INTERRUPTED", "run"]


def run(plan: Plan, cancel: threading.Event) -> Iterator[Event]:
    """Yield what happens; see `installer.events` for the law of the stream.

    Args:
        plan: what to do.
        cancel: set it to stop; names are never left half moved by it.
    """
    return _Run(plan, cancel).events()


class _Run:
    def __init__(self, plan: Plan, cancel: threading.Event) -> None:
        self._plan = plan
        self._cancel = cancel
        self._staging = Staging()
        self._salvage = Salvage(plan)
        self._loading = Loading(plan, self._salvage, cancel)
        self._activation = Activation(self._target(), self._staging, cancel)

    def events(self) -> Iterator[Event]:
        if self._plan.nothing_to_do:
            yield Noted(Stage.LOAD, "nothing-to-do", "everything is installed already")
            yield RunFinished(self._record(Outcome.NOTHING_TO_DO))
            return
        try:
            with self._plan.ledger.locked() as ledger:
                yield from self._recorded_stages(ledger)
        except Broken:
            pass
        except MoonliftError as error:
            self._staging.fail(error)
        yield RunFinished(self._record(self._staging.outcome))

    def _recorded_stages(self, ledger: LockedLedger) -> Iterator[Event]:
        try:
            yield from self._stages(ledger)
        finally:
            self._loading.close()
            if self._staging.failure is not None:
                self._write_failure(ledger)

    def _stages(self, ledger: LockedLedger) -> Iterator[Event]:
        plan, stage = self._plan, self._staging.stage
        if plan.checked_names:
            yield from stage(Stage.CHECK, plan.checked_bytes, Unit.BYTES, self._check())
        ledger.accept(plan.verified.verdict)
        if plan.placed_files and not self._salvage.is_needed:
            total = sum(one.size for one in plan.placed_files)
            yield from stage(Stage.FILES, total, Unit.BYTES, self._place(total))
        if plan.deliveries:
            work = self._loading.events()
            yield from stage(Stage.LOAD, plan.read_bytes, Unit.BYTES, work)
        self._write_arrival(ledger)
        if plan.proof is not None:
            work = plan.proof.events(self._cancel)
            yield from stage(Stage.SELFTEST, plan.proof.steps, Unit.TESTS, work)
        yield from self._activation.events(ledger)
        yield from self._prune(ledger)

    def _check(self) -> Iterator[Event]:
        plan = self._plan
        meter = Meter(plan.checked_bytes, self._cancel)
        found: list[Survey] = []

        def survey() -> None:
            found.append(survey_contents(plan.verified.sealed, meter.add, plan.checked_names))

        yield from metered_work(meter, Stage.CHECK, survey)
        yield from self._salvage.surveyed(*found)
        if self._salvage.is_hopeless:
            yield from self._salvage.given_up()
            raise self._salvage.refusal(0)

    def _place(self, total: int) -> Iterator[Event]:
        sealed, state = self._plan.verified.sealed, self._plan.ledger.directory
        meter = Meter(total, self._cancel)
        return metered_work(
            meter,
            Stage.FILES,
            lambda: place_files(state, sealed.release, sealed.medium, meter.add),
        )

    def _prune(self, ledger: LockedLedger) -> Iterator[Event]:
        """Remove what older releases leave behind, by the policy of this one."""
        plan, release = self._plan, self._plan.verified.release
        if plan.starting is None or release.prune is None:
            return
        from installer.prune.after import prune_after  # noqa: PLC0415 - loads the client

        yield from prune_after(plan.starting.engine, ledger, release, os.environ, self._cancel)

    def _write_arrival(self, ledger: LockedLedger) -> None:
        """Write down that every image is there: what is known from here on can be gone back to."""
        plan, release = self._plan, self._plan.verified.release
        raw = plan.verified.sealed.release_raw
        arrived = InstalledRelease(
            sequence=release.sequence,
            version=release.version,
            sums=plan.verified.sealed.sums_digest,
            arrived_at=plan.verified.verdict.now,
            bundle=plan.verified.sealed.medium.path[:1024],
            signers=tuple(one.fingerprint for one in plan.verified.signers),
            engine=plan.engine.address,
            engine_id=plan.info.identity,
            runs_as=self._runs_as(),
            images=tuple(
                InstalledImage(name=image.name, identity=plan.info.store.identity(image))
                for image in plan.images
            ),
        )
        ledger.keep_release(KeptRelease(release.product, release.sequence, raw))
        ledger.change_app(release.product, lambda app: app.with_arrived(arrived))

    def _runs_as(self) -> RunsAs:
        """Return how it will run; how the app does, or is meant to, where nothing is started."""
        plan = self._plan
        if plan.app is not None:
            return plan.app.runs_as
        app = plan.ledger.app(plan.verified.release.product)
        known = app.runs_as if app is not None else None
        asked = plan.starting.runs_as if plan.starting is not None else None
        return known or asked or RunsAs.CONTAINERS

    def _target(self) -> Target:
        plan = self._plan
        return Target(
            release=plan.verified.release,
            engine=plan.engine,
            source=BundleSource(plan.verified.sealed, lambda _: None, lambda *_: None),
            names=plan.names,
            app=plan.app,
            facts=self._facts(),
        )

    def _facts(self) -> dict[str, str | int]:
        verified = self._plan.verified
        return {
            "sums": str(verified.sealed.sums_digest),
            "version": verified.release.version,
            "signers": " ".join(one.fingerprint for one in verified.signers),
            "engine": self._plan.engine.name,
            "images_loaded": len(self._plan.deliveries),
        }

    def _write_failure(self, ledger: LockedLedger) -> None:
        failure, release = self._staging.failure, self._plan.verified.release
        facts = {**self._facts(), "images_loaded": self._loading.loaded}
        facts["code"] = failure.code if failure else ""
        what = f"install-{self._staging.outcome}"
        now = datetime.now(UTC)
        ledger.record(HistoryEntry(now, what, release.product, release.sequence, facts))

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
            names_set=tuple(change.name for change in self._activation.moved if not change.ours),
            seconds=self._staging.seconds,
            failure=self._staging.failure,
            started=self._activation.started,
            running_again=self._activation.running_again,
            images_skipped=tuple(image.name for image in self._salvage.skipped),
        )
