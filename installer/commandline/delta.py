"""`installer inventory`: a part of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from installer.commandline.options import EngineName, Json
from installer.console import Console, Form

differing = typer.Typer()


@differing.command()
def inventory(
    context: typer.Context,
    engine: EngineName = "auto",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it there.")
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Write down what this host has, for `bundle build --base`."""
    console = Console(Form.asked(json=json))
    with console.guarded():
        from installer.delta.inventory import show_inventory  # noqa: PLC0415 - only what is needed

        show_inventory(console, context.obj.state, engine, output)
