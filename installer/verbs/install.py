"""What `installer install` does, step by step; the command line calls it.

Owns the order in which things are shown and asked. Works through a Console, so it prints nothing
itself; `plan` and `run` do the work.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from installer.console import Console, Form, stopping
from installer.ledger import Ledger
from installer.planning.problems import together
from installer.state.history import HistoryEntry
from installer.trust import TrustedKeys, TrustStore
from installer.verify import Leniency, VerifiedBundle, verify
from installer.words.bundle import bundle_json, bundle_lines
from manifests.bundle.medium import open_medium
from manifests.errors import BundleRefused, ExitCode, MoonliftError
from manifests.safetext import safe_line

if TYPE_CHECKING:
    from installer.delta.oldbundle import OldBundle
    from installer.plan import Plan
    from installer.planning.outlook import Outlook
    from installer.running.starting import Starting


class Homes(Protocol):
    """Where this host keeps its keys and its ledger."""

    @property
    def trust(self) -> Path: ...  # noqa: D102
    @property
    def state(self) -> Path: ...  # noqa: D102


class AppHomes(Homes, Protocol):
    """And where its settings for apps are."""

    @property
    def settings(self) -> Path: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Choices:
    """What a person chose for an install.

    Attributes:
        engine: as on the command line.
        yes: don't ask.
        dry_run: stop after the plan.
        one_pass: don't read the layers twice.
        starting: how what runs of it is started.
        base_bundle: a kept bundle that old layers may come from; None for none.
        accept_unfit: whether it goes on although checks of this host fail.
    """

    _: KW_ONLY
    engine: str
    yes: bool
    dry_run: bool
    one_pass: bool
    starting: Starting
    base_bundle: Path | None = None
    accept_unfit: bool = False


@contextmanager
def opened(
    homes: Homes, bundle: Path, leniency: Leniency, threshold: int = 1
) -> Iterator[VerifiedBundle]:
    """Open and verify a bundle by this host's keys and ledger; let go of it in the end."""
    trusted = TrustStore(homes.trust).load()
    asked = TrustedKeys(trusted.signers, max(threshold, trusted.threshold))
    with closing(open_medium(bundle)) as medium:
        yield verify(medium, asked, Ledger(homes.state), datetime.now(UTC), leniency)


def opened_base(homes: Homes, path: Path | None) -> AbstractContextManager[OldBundle | None]:
    """Open a kept bundle that this host's keys signed; None for None."""
    from installer.delta.oldbundle import opened_old  # noqa: PLC0415 - not for `verify`

    return opened_old(path, TrustStore(homes.trust).load())


@contextmanager
def recorded_refusal(homes: Homes) -> Iterator[None]:
    """Write down that a bundle was refused, if this user may write there."""
    try:
        yield
    except BundleRefused as refusal:
        with suppress(MoonliftError), Ledger(homes.state).locked() as ledger:
            facts = {"code": refusal.code, "reason": safe_line(str(refusal), limit=500)}
            ledger.record(HistoryEntry(datetime.now(UTC), "refused", facts=facts))
        raise


def install_bundle(
    console: Console, homes: Homes, bundle: Path, leniency: Leniency, choices: Choices
) -> ExitCode:
    """Show the bundle, then the plan; ask; do it."""
    from installer.engines.choose import open_engine  # noqa: PLC0415 - not for `verify`
    from installer.plan import draft  # noqa: PLC0415

    if not choices.yes:
        console.refuse_silence("--yes installs without asking; --dry-run shows the plan")
    with recorded_refusal(homes), opened(homes, bundle, leniency) as verified:
        console.lines(bundle_lines(verified))
        ledger = Ledger(homes.state)
        with (
            opened_base(homes, choices.base_bundle) as old,
            closing(open_engine(choices.engine)) as engine,
        ):
            made = draft(
                verified,
                engine,
                ledger,
                one_pass=choices.one_pass,
                starting=choices.starting,
                old=old,
            )
            outlook = _outlook(made, homes, choices)
            _show(console, outlook, choices)
            if outlook.problems:
                raise together(outlook.problems)
            if choices.dry_run:
                return ExitCode.DONE
            return _carry_out(console, homes, outlook, made, choices)


def _outlook(made: Plan, homes: Homes, choices: Choices) -> Outlook:
    """Look around only where there is something to do: a second install is over at once."""
    from installer.planning.outlook import Outlook  # noqa: PLC0415 - as above

    if made.nothing_to_do:
        return Outlook(made.verified, made, problems=made.problems)
    from installer.planning.lookahead import look_around  # noqa: PLC0415 - as above

    return look_around(made, choices.engine, homes.state, accept_unfit=choices.accept_unfit)


def _show(console: Console, outlook: Outlook, choices: Choices) -> None:
    from installer.words.outlook import (  # noqa: PLC0415 - as above
        expected_json,
        outlook_json,
        outlook_lines,
    )

    console.lines(outlook_lines(outlook))
    if console.form is Form.JSON_LINES:
        console.document("bundle", bundle_json(outlook.verified))
        console.document("plan", expected_json(outlook))
    elif choices.dry_run and not outlook.problems:
        console.document("plan", outlook_json(outlook))


def _carry_out(
    console: Console, homes: Homes, outlook: Outlook, made: Plan, choices: Choices
) -> ExitCode:
    from installer.run import run  # noqa: PLC0415 - as above

    if made.nothing_to_do:
        return console.finish(console.follow_run(run(made, threading.Event())))
    from installer.report.before import before_install  # noqa: PLC0415
    from installer.stream.pace import outline_of  # noqa: PLC0415 - as above
    from installer.verbs.report import kept_report  # noqa: PLC0415

    if not choices.yes:
        console.confirm("install?")
    with (
        kept_report(console, before_install(outlook, made), homes.state) as reporter,
        stopping() as cancel,
    ):
        record = console.follow_run(reporter.told(run(made, cancel)), outline_of(made))
    return console.finish(record)
