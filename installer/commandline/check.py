"""`installer check`: a part of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from installer.commandline.options import EngineName, Json
from installer.console import Console, Form

if TYPE_CHECKING:
    from installer.verbs.install import Homes

checking = typer.Typer()


@checking.command()
def check(  # noqa: PLR0913 - one argument an option
    context: typer.Context,
    bundle: Annotated[
        Path | None, typer.Argument(metavar="[BUNDLE]", help="What the host is to be fit for.")
    ] = None,
    engine: EngineName = "auto",
    only: Annotated[
        str, typer.Option(metavar="ID,...", help="These checks, or kinds such as gpu.")
    ] = "",
    cuda: Annotated[
        str, typer.Option(metavar="VERSION", help="The CUDA version that images were built for.")
    ] = "",
    room: Annotated[
        float, typer.Option(metavar="GIB", min=0, help="The room that images will take.")
    ] = 0,
    *,
    gpu: Annotated[
        bool | None,
        typer.Option("--gpu/--no-gpu", help="A GPU must be there, or is of no interest."),
    ] = None,
    list_only: Annotated[bool, typer.Option("--list", help="List the checks; run none.")] = False,
    json: Json = False,
) -> None:
    """Look whether this host is fit: engine, GPU, driver, limits; changes nothing."""
    console = Console(Form.asked(json=json))
    with console.guarded():
        from installer.verbs import check as checkverb  # noqa: PLC0415 - only what a verb needs is imported

        homes: Homes = context.obj
        asked = checkverb.Asked(
            trust=homes.trust,
            state=homes.state,
            bundle=bundle,
            engine=engine,
            only=only,
            gpu=gpu,
            cuda=cuda,
            room=room,
        )
        code = (checkverb.list_checks if list_only else checkverb.check_host)(console, asked)
    raise typer.Exit(code)
