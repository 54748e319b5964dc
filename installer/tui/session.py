"""One person's way through one bundle: what was opened, verified, planned and run so far.

The only module of the screens that asks the host; each call may wait for a drive or an engine, so
screens call it from a thread. Holds no text and decides nothing: `verify`, `plan` and `run` do.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from installer.events import RunRecord
from installer.tui.places import likely_bundles

if TYPE_CHECKING:
    from installer.events import Event
    from installer.plan import Plan
    from installer.verbs import AppHomes
    from installer.verify import VerifiedBundle


@dataclass
class Session:
    """What is held open, and where it is.

    Attributes:
        homes: where this host keeps its keys and its ledger.
        engine: as on the command line.
        program: folder beside which bundles are looked for.
        bundle: that was chosen.
        allow_downgrade: whether a person let a release pass that is older than another one.
        accept_expired: whether a person let a release pass that the clock calls expired.
        verified: the bundle, once it was believed.
        plan: once it was made.
        record: of the last run.
    """

    homes: AppHomes
    engine: str
    program: Path
    bundle: Path | None = None
    allow_downgrade: bool = False
    accept_expired: bool = False
    verified: VerifiedBundle | None = None
    plan: Plan | None = None
    record: RunRecord | None = None
    _held: ExitStack = field(default_factory=ExitStack)

    def bundles(self) -> tuple[Path, ...]:
        """Return where bundles seem to lie."""
        return likely_bundles(self.program)

    def choose(self, bundle: Path) -> None:
        """Go for a bundle; what was found out of another is forgotten."""
        self.bundle = bundle
        self.allow_downgrade = self.accept_expired = False
        self.verified = self.plan = self.record = None

    def open(self) -> VerifiedBundle:
        """Open and verify the chosen bundle anew, by this host's keys and ledger.

        Raises:
            BundleRefused: it is not to be believed; that is written down.
            NotInstallableHere: there is none, or no key is trusted here.
        """
        from installer.verbs import opened, recorded_refusal  # noqa: PLC0415 - not to be painted
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

    def make_plan(self) -> Plan:
        """Ask engine, host and ledger what an install would do.

        Raises:
            NotInstallableHere: it can't succeed here.
            EngineFailed: the engine does not answer.
        """
        from installer.engines.choose import open_engine  # noqa: PLC0415 - not to be painted
        from installer.ledger import Ledger  # noqa: PLC0415
        from installer.plan import plan  # noqa: PLC0415

        verified = self.verified if self.verified is not None else self.open()
        engine = self._held.enter_context(closing(open_engine(self.engine)))
        self.plan = plan(verified, engine, Ledger(self.homes.state), one_pass=False)
        return self.plan

    def run(self, cancel: threading.Event) -> Iterator[Event]:
        """Yield what happens while the plan is carried out.

        A plan is good for one run: another one is made from the bundle opened anew.
        """
        from installer.run import run  # noqa: PLC0415 - not to be painted

        made = self.plan
        if made is None:
            made = self.make_plan()
        self.plan = None
        yield from run(made, cancel)

    def close(self) -> None:
        """Let go of bundle and engine."""
        held, self._held = self._held, ExitStack()
        self.verified = self.plan = None
        held.close()

    def _chosen(self) -> Path:
        if self.bundle is None:
            raise AssertionError("no bundle was chosen")
        return self.bundle
