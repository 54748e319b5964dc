"""One person's way through one bundle: what was opened, verified, planned and run so far.

The only module of the screens that asks the host; each call may wait for a drive or an engine, so
screens call it from a thread. Holds no text and decides nothing: `verify`, `plan` and `run` do.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from installer.events import RunFinished, RunRecord
from installer.tui.places import likely_bundles
from manifests.errors import MoonliftError

if TYPE_CHECKING:
    from installer.app.status import AppStatus
    from installer.delta.oldbundle import OldBundle
    from installer.events import Event
    from installer.plan import Plan
    from installer.planning.outlook import Outlook
    from installer.report.before import Before
    from installer.report.reporter import Reporter
    from installer.running.starting import Starting
    from installer.tui.proof import Proof
    from installer.tui.shownproof import Easel
    from installer.verbs.install import AppHomes
    from installer.verify import VerifiedBundle

MakeEasel = Callable[[Callable[["Proof"], None]], "Easel"]


@dataclass
class Session:
    """What is held open, and where it is.

    Attributes:
        homes: where this host keeps its keys, its ledger and its settings.
        engine: as on the command line.
        program: folder beside which bundles are looked for.
        bundle: that was chosen.
        base_bundle: a kept bundle that old layers may come from; None for none.
        allow_downgrade: whether a person let a release pass that is older than another one.
        accept_expired: whether a person let a release pass that the clock calls expired.
        accept_failed: whether a person wants it although this host fails its self-test.
        accept_unfit: whether a person wants it although checks of this host fail.
        start: whether what runs of it is started.
        verified: the bundle, once it was believed.
        outlook: what is to be expected, once that was asked.
        record: of the last run.
        proof: what the self-test of the last run came to.
        reported: folder of the last run's report; None for none.
    """

    homes: AppHomes
    engine: str
    program: Path
    bundle: Path | None = None
    base_bundle: Path | None = None
    allow_downgrade: bool = False
    accept_expired: bool = False
    accept_failed: bool = False
    accept_unfit: bool = False
    start: bool = True
    verified: VerifiedBundle | None = None
    outlook: Outlook | None = None
    record: RunRecord | None = None
    proof: Proof | None = None
    reported: Path | None = None
    _held: ExitStack = field(default_factory=ExitStack)

    @property
    def starts_something(self) -> bool:
        """Whether the release has something to start, as far as it is known."""
        return self.start and self.verified is not None and self.verified.release.run is not None

    def bundles(self) -> tuple[Path, ...]:
        """Return where bundles seem to lie."""
        return likely_bundles(self.program)

    def choose(self, bundle: Path) -> None:
        """Go for a bundle; what was found out of another is forgotten."""
        self.bundle = bundle
        self.allow_downgrade = self.accept_expired = False
        self.accept_failed = self.accept_unfit = False
        self.start = True
        self.verified = self.outlook = self.record = self.proof = None

    def open(self) -> VerifiedBundle:
        """Open and verify the chosen bundle anew, by this host's keys and ledger.

        Raises:
            BundleRefused: it is not to be believed; that is written down.
            NotInstallableHere: there is none, or no key is trusted here.
        """
        from installer.verbs.install import opened, recorded_refusal  # noqa: PLC0415 - not to be painted
        from installer.verify import Leniency  # noqa: PLC0415

        self.close()
        leniency = Leniency(
            allow_downgrade=self.allow_downgrade, accept_expired=self.accept_expired
        )
        with ExitStack() as held, recorded_refusal(self.homes):
            bundle = self._chosen()
            self.verified = held.enter_context(opened(self.homes, bundle, leniency))
            self._held = held.pop_all()
        return self.verified

    def look_ahead(self) -> Outlook:
        """Ask engine, drive, host and ledger what an install would do; changes nothing.

        Raises:
            BundleRefused, NotInstallableHere: as `open`, where it is not open.
            BundleRefused, NotInstallableHere, UsageError: the old bundle is not to be believed.
            NotInstallableHere, EngineFailed: no engine answers.
        """
        from installer.engines.choose import open_engine  # noqa: PLC0415 - not to be painted
        from installer.ledger import Ledger  # noqa: PLC0415
        from installer.plan import draft  # noqa: PLC0415
        from installer.planning.lookahead import look_around  # noqa: PLC0415

        verified = self.verified if self.verified is not None else self.open()
        engine = self._held.enter_context(closing(open_engine(self.engine)))
        ledger = Ledger(self.homes.state)
        old = self._old(verified)
        made = draft(verified, engine, ledger, one_pass=False, starting=self.starting(), old=old)
        self.outlook = look_around(
            made, self.engine, self.homes.state, accept_unfit=self.accept_unfit
        )
        return self.outlook

    def starting(self) -> Starting:
        """Return how what runs of it is started: after a self-test, whatever the release asks."""
        from installer.running.starting import ProofChoice, Starting  # noqa: PLC0415 - as above

        return Starting(
            engine=self.engine,
            settings=self.homes.settings,
            start=self.start,
            selftest=ProofChoice.FORCE,
        )

    def run(self, cancel: threading.Event, make_easel: MakeEasel) -> Iterator[Event]:
        """Yield what happens while the plan is carried out, and keep a report of it.

        A plan is good for one run: another one is made from the bundle opened anew.
        """
        from installer.report.before import before_install  # noqa: PLC0415 - as above
        from installer.run import run  # noqa: PLC0415

        outlook = self.outlook
        if outlook is None or outlook.plan is None:
            self.verified = None
            outlook = self.look_ahead()
        plan = _refused_or(outlook)
        self.outlook = self.proof = self.reported = None
        made = self._with_proof(plan, make_easel)
        yield from self.report_on(before_install(outlook, plan), run(made, cancel))

    def report_on(self, known: Before, events: Iterator[Event]) -> Iterator[Event]:
        """Hand the events of a run on, and keep a report of it before its last one."""
        from installer.report.reporter import Reporter  # noqa: PLC0415 - as above

        reporter = Reporter(known)
        for event in reporter.told(events):
            if isinstance(event, RunFinished):
                self.keep(reporter)
            yield event

    def keep(self, reporter: Reporter) -> None:
        """Keep the report; one that can't be written keeps no run from ending as it ended."""
        from installer.report.store import Reports  # noqa: PLC0415 - as above

        if reporter.worth_keeping:
            with suppress(MoonliftError):
                self.reported = Reports(self.homes.state).keep(reporter.report())

    def app_status(self) -> AppStatus | None:
        """Return what runs of the last run's app now; None where nothing is to run.

        Raises:
            NotInstallableHere, EngineFailed: it can't be found out.
        """
        from installer.running import runningapp  # noqa: PLC0415 - as above

        if self.record is None or not self.record.started:
            return None
        asked = runningapp.Asked(
            state=self.homes.state,
            settings=self.homes.settings,
            words=(self.record.product,),
            engine=self.engine,
        )
        chosen = runningapp.choose(asked)
        with runningapp.running_app(asked, chosen) as running:
            return runningapp.current_status(running)

    def close(self) -> None:
        """Let go of bundle and engine."""
        held, self._held = self._held, ExitStack()
        self.verified = self.outlook = None
        held.close()

    def _old(self, verified: VerifiedBundle) -> OldBundle | None:
        """Open the old bundle, where one was given and this one builds on any."""
        from installer.verbs.install import opened_base  # noqa: PLC0415 - not to be painted

        path = self.base_bundle if verified.release.base is not None else None
        return self._held.enter_context(opened_base(self.homes, path))

    def _with_proof(self, plan: Plan, make_easel: MakeEasel) -> Plan:
        """Return the plan with a self-test whose report is shown."""
        if plan.proof is None:
            return plan
        from installer.running.proof import ProofMode  # noqa: PLC0415 - as above
        from installer.tui.shownproof import ShownProof  # noqa: PLC0415

        def found(came: Proof) -> None:
            self.proof = came

        asked = plan.proof
        shown = ShownProof(
            ProofMode.WARN if self.accept_failed else asked.mode,
            asked.image,
            asked.url,
            gpus=asked.gpus,
            gpu_needed=asked.gpu_needed,
            easel=make_easel(found),
        )
        return replace(plan, proof=shown)

    def _chosen(self) -> Path:
        if self.bundle is None:
            raise AssertionError("no bundle was chosen")
        return self.bundle


def _refused_or(outlook: Outlook) -> Plan:
    """Return the plan of an outlook that nothing speaks against."""
    from installer.planning.problems import together  # noqa: PLC0415 - not to be painted

    if outlook.problems or outlook.plan is None:
        raise together(outlook.problems)
    return outlook.plan
