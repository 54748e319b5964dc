"""`installer plan`, `report` and `schema`: a part of the command line."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from installer.commandline.options import (
    BaseBundle,
    Bundle,
    Downgrade,
    EngineName,
    Expired,
    Json,
    NoGpu,
    Unfit,
)
from installer.console import Console, Form

if TYPE_CHECKING:
    from installer.verbs.install import AppHomes

planning = typer.Typer()


@planning.command()
def plan(  # noqa: PLR0913 - one argument an option
    context: typer.Context,
    bundle: Bundle,
    engine: EngineName = "auto",
    *,
    one_pass: Annotated[
        bool,
        typer.Option("--one-pass", help="As with install: layers are not checked before."),
    ] = False,
    no_start: Annotated[
        bool, typer.Option("--no-start", help="As with install: nothing would be started.")
    ] = False,
    no_gpu: NoGpu = False,
    base_bundle: BaseBundle = None,
    allow_downgrade: Downgrade = False,
    accept_expired: Expired = False,
    accept_unfit: Unfit = False,
    json: Json = False,
) -> None:
    """Show what an install would do, need and take, and all that keeps it from it."""
    console = Console(Form.asked(json=json))
    with console.guarded():
        from installer.running.starting import Starting  # noqa: PLC0415
        from installer.verbs import plan as planverb  # noqa: PLC0415 - only what a verb needs is imported
        from installer.verify import Leniency  # noqa: PLC0415

        homes: AppHomes = context.obj
        starting = Starting(
            engine=engine, settings=homes.settings, start=not no_start, gpus=not no_gpu
        )
        asked = planverb.Asked(
            bundle=bundle,
            one_pass=one_pass,
            starting=starting,
            base_bundle=base_bundle,
            accept_unfit=accept_unfit,
        )
        leniency = Leniency(allow_downgrade=allow_downgrade, accept_expired=accept_expired)
        code = planverb.show_plan(console, homes, asked, leniency)
    raise typer.Exit(code)


class Schema(StrEnum):
    """Which format."""

    EVENTS = "events"
    REPORT = "report"


@planning.command()
def schema(
    what: Annotated[Schema, typer.Argument(help="Lines of --jsonl, or report.json.")],
) -> None:
    """Print the JSON Schema of what programs read."""
    from installer.report.model import report_schema  # noqa: PLC0415
    from installer.stream.schema import events_schema  # noqa: PLC0415 - only what a verb needs

    made = events_schema() if what is Schema.EVENTS else report_schema()
    Console().lines([made.decode().rstrip()])


@planning.command()
def report(
    context: typer.Context,
    run: Annotated[
        str, typer.Argument(metavar="[RUN]", help="Which; its beginning does, and `last`.")
    ] = "",
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write its page, to hand on or print.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """List the reports of earlier runs, show one, or export it."""
    console = Console(Form.asked(json=json))
    with console.guarded():
        from installer.verbs import report as reportverb  # noqa: PLC0415 - only what a verb needs is imported

        asked = reportverb.Asked(state=context.obj.state, run=run, html=html)
        reportverb.show_reports(console, asked)
