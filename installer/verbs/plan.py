"""What `installer plan` does: everything that is known before an install, and whether it can be."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from installer.console import Console
from installer.planning.lookahead import look_ahead
from installer.running.starting import Starting
from installer.verbs.install import Homes, opened, opened_base
from installer.verify import Leniency
from installer.words.bundle import bundle_lines
from installer.words.outlook import outlook_json, outlook_lines, verdict_lines
from manifests.errors import ExitCode


@dataclass(frozen=True, slots=True)
class Asked:
    """What `installer plan` was asked.

    Attributes:
        bundle: where it lies.
        one_pass: don't read the layers twice.
        starting: how what runs of it would be started.
        base_bundle: a kept bundle that old layers may come from; None for none.
        accept_unfit: whether checks of this host that fail count as no problem.
    """

    _: KW_ONLY
    bundle: Path
    one_pass: bool
    starting: Starting
    base_bundle: Path | None = None
    accept_unfit: bool = False


def show_plan(console: Console, homes: Homes, asked: Asked, leniency: Leniency) -> ExitCode:
    """Show the plan and everything that keeps it from being carried out; change nothing.

    Raises:
        UsageError: `engine-unknown`, `engine-not-local`.
        BundleRefused: the bundle is not to be believed.
        NotInstallableHere: no key is trusted here, or the ledger can't be believed.
    """
    with (
        opened(homes, asked.bundle, leniency) as verified,
        opened_base(homes, asked.base_bundle) as old,
    ):
        console.lines(bundle_lines(verified))
        outlook = look_ahead(
            verified,
            asked.starting,
            homes.state,
            one_pass=asked.one_pass,
            old=old,
            accept_unfit=asked.accept_unfit,
        )
        console.lines(outlook_lines(outlook))
        console.lines(verdict_lines(outlook))
        console.document("plan", outlook_json(outlook))
    return ExitCode.NOT_INSTALLABLE if outlook.problems else ExitCode.DONE
