"""The command line of `installer`: one thin function a verb. Decides nothing, prints nothing."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from installer.commandline.app import running
from installer.commandline.bundles import driving
from installer.commandline.check import checking
from installer.commandline.delta import differing
from installer.commandline.group import Verbs
from installer.commandline.options import BaseBundle, Bundle, Downgrade, Expired, Json
from installer.commandline.plan import planning
from installer.commandline.prune import pruning
from installer.commandline.releases import releases
from installer.commandline.repair import repairing
from installer.commandline.selftest import selftesting
from installer.console import Console, Form, exit_with
from installer.frozen import build_lines
from installer.homes import (
    SETTINGS_DIRECTORY,
    SETTINGS_VARIABLE,
    STATE_DIRECTORY,
    STATE_VARIABLE,
    TRUST_DIRECTORY,
    TRUST_VARIABLE,
    Homes,
)
from installer.logs.log import log_start, open_log
from installer.screens import has_screen, open_screens
from manifests import __version__
from manifests.errors import ExitCode

_TAKE_BASE: Final = ("install", "plan")
_SETTINGS: Final = {"help_option_names": ["-h", "--help"], "max_content_width": 80}


def _app(text: str, *, alone: bool = False) -> typer.Typer:
    return typer.Typer(
        cls=Verbs if alone else None,
        help=text,
        no_args_is_help=not alone,
        invoke_without_command=alone,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings=dict(_SETTINGS),
    )


app = _app(
    "Install apps from signed bundles, on machines without internet.\n\n"
    "Without a verb, on a terminal: the full-screen program.",
    alone=True,
)
trust_app = _app("The keys that this host trusts to sign bundles.")
ledger_app = _app("What this host has accepted and installed.")
app.add_typer(trust_app, name="trust")
app.add_typer(ledger_app, name="ledger")
app.add_typer(planning)
app.add_typer(releases)
app.add_typer(running)
app.add_typer(pruning)
app.add_typer(checking)
app.add_typer(differing)
app.add_typer(driving)
app.add_typer(repairing)
app.add_typer(selftesting)

Fingerprint = Annotated[
    str, typer.Option("--fingerprint", metavar="SHA256:...", help="What the key must come to.")
]


def main() -> None:
    """Run the program."""
    exit_with(lambda: app(prog_name="installer"))


def _print_version(value: bool) -> None:  # noqa: FBT001 - typer calls it so
    if value:
        Console().lines([f"installer (moonlift) {__version__}", *build_lines()])
        raise typer.Exit


@app.callback()
def options(  # noqa: PLR0913 - one argument an option
    context: typer.Context,
    trust_dir: Annotated[
        Path,
        typer.Option(envvar=TRUST_VARIABLE, readable=False, help="Where the trusted keys are."),
    ] = TRUST_DIRECTORY,
    state_dir: Annotated[
        Path, typer.Option(envvar=STATE_VARIABLE, readable=False, help="Where the ledger is.")
    ] = STATE_DIRECTORY,
    settings_dir: Annotated[
        Path,
        typer.Option(envvar=SETTINGS_VARIABLE, help="Where this host's settings of apps are."),
    ] = SETTINGS_DIRECTORY,
    base_bundle: BaseBundle = None,
    *,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show on standard error what the log gets.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """Install apps from signed bundles, on machines without internet.

    Without a verb, on a terminal: the full-screen program.
    """
    del version
    open_log(state_dir, verbose=verbose)
    log_start(__version__, sys.argv[1:])
    context.obj = Homes(trust_dir, state_dir, settings_dir)
    if context.invoked_subcommand is None:
        _open_screens(context, base_bundle)
    elif base_bundle is not None:
        _hand_on(context, base_bundle)


def _hand_on(context: typer.Context, base_bundle: Path) -> None:
    """Let the verbs that take an old bundle have the one that was given before the verb."""
    if context.invoked_subcommand not in _TAKE_BASE:
        verbs = " and ".join(_TAKE_BASE)
        raise typer.BadParameter(
            f"only {verbs} and the full-screen program take it", context, param_hint="--base-bundle"
        )
    context.default_map = {verb: {"base_bundle": str(base_bundle)} for verb in _TAKE_BASE}


def _open_screens(context: typer.Context, base_bundle: Path | None) -> None:
    """Open the full-screen program; where there is no terminal for it, show the help."""
    if not has_screen():
        Console().lines([context.get_help()])
        raise typer.Exit(ExitCode.USAGE)
    raise typer.Exit(open_screens(_homes(context), base_bundle))


@app.command()
def verify(  # noqa: PLR0913 - one argument an option
    context: typer.Context,
    bundle: Bundle,
    threshold: Annotated[
        int, typer.Option(min=1, help="Ask for this many signers; never fewer than this host does.")
    ] = 1,
    *,
    quick: Annotated[
        bool, typer.Option("--quick", help="Signatures and documents only, not the layers.")
    ] = False,
    allow_downgrade: Downgrade = False,
    accept_expired: Expired = False,
    json: Json = False,
) -> None:
    """Check signatures, freshness and every byte of a bundle."""
    console = Console(Form.asked(json=json))
    with console.guarded():
        from installer.verbs import verify as verifyverb  # noqa: PLC0415 - only what a verb needs is imported

        homes = _homes(context)
        asked = verifyverb.Asked(
            trust=homes.trust,
            state=homes.state,
            bundle=bundle,
            threshold=threshold,
            quick=quick,
            allow_downgrade=allow_downgrade,
            accept_expired=accept_expired,
        )
        code = verifyverb.verify_bundle(console, asked)
    raise typer.Exit(code)


@trust_app.command("add")
def trust_add(
    context: typer.Context,
    key: Annotated[Path, typer.Argument(metavar="KEY.pub", help="The signer's public key.")],
    principal: Annotated[
        str,
        typer.Option(
            "--id", metavar="NAME", help="Who it is, such as release@acme; else the key's comment."
        ),
    ] = "",
    fingerprint: Fingerprint = "",
    *,
    first_use: Annotated[
        bool, typer.Option("--trust-on-first-use", help="Take the key without comparing it.")
    ] = False,
) -> None:
    """Trust a key, after comparing its fingerprint with what its owner told you."""
    console = Console()
    with console.guarded():
        from installer.verbs import trust as trustverbs  # noqa: PLC0415 - only what a verb needs is imported

        trustverbs.add(
            console, _homes(context).trust, key, principal, fingerprint, first_use=first_use
        )


@trust_app.command("list")
def trust_list(context: typer.Context, *, json: Json = False) -> None:
    """List the trusted keys and how many of them must sign."""
    console = Console(Form.asked(json=json))
    with console.guarded():
        from installer.verbs import trust as trustverbs  # noqa: PLC0415 - only what a verb needs is imported

        trustverbs.show(console, _homes(context).trust)


@trust_app.command("remove")
def trust_remove(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Fingerprint or name of the key.")],
) -> None:
    """Stop trusting a key."""
    console = Console()
    with console.guarded():
        from installer.verbs import trust as trustverbs  # noqa: PLC0415 - only what a verb needs is imported

        trustverbs.remove(console, _homes(context).trust, name)


@trust_app.command("threshold")
def trust_threshold(
    context: typer.Context,
    count: Annotated[int, typer.Argument(metavar="N", help="How many distinct keys.", min=1)],
) -> None:
    """Ask for N distinct trusted keys on every bundle."""
    console = Console()
    with console.guarded():
        from installer.verbs import trust as trustverbs  # noqa: PLC0415 - only what a verb needs is imported

        trustverbs.set_threshold(console, _homes(context).trust, count)


@ledger_app.command("show")
def ledger_show(context: typer.Context, *, json: Json = False) -> None:
    """Show which releases this host has accepted and keeps."""
    console = Console(Form.asked(json=json))
    with console.guarded():
        from installer.verbs import ledger as ledgerverbs  # noqa: PLC0415 - only what a verb needs is imported

        ledgerverbs.show(console, _homes(context).state)


@ledger_app.command("reset")
def ledger_reset(
    context: typer.Context,
    confirm: Annotated[
        str, typer.Option(metavar="WORDS", help="The words that are asked for otherwise.")
    ] = "",
) -> None:
    """Forget every release, so that older ones can be installed again."""
    console = Console()
    with console.guarded():
        from installer.verbs import ledger as ledgerverbs  # noqa: PLC0415 - only what a verb needs is imported

        ledgerverbs.reset(console, _homes(context).state, confirm, datetime.now(UTC))


def _homes(context: typer.Context) -> Homes:
    found = context.find_object(Homes)
    return found if found is not None else Homes()
