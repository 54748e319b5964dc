"""`installer repair`: a part of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from installer.commandline.options import Json
from installer.console import Console, Form

repairing = typer.Typer()


@repairing.command()
def repair(
    context: typer.Context,
    bundle: Annotated[
        Path,
        typer.Argument(
            metavar="BUNDLE", help="The damaged one: folder, NAME.tar, or a part NAME.tar.001."
        ),
    ],
    other: Annotated[
        list[Path] | None,
        typer.Option(
            "--from", metavar="OTHER", help="Another copy; may be damaged elsewhere. Again."
        ),
    ] = None,
    *,
    in_place: Annotated[
        bool, typer.Option("--in-place", help="Write onto the damaged medium itself.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="FOLDER", help="Write a whole bundle there."),
    ] = None,
    json: Json = False,
) -> None:
    """Restore a damaged bundle from other copies of it, and from its parity."""
    console = Console(Form.asked(json=json))
    with console.guarded():
        from installer.verbs import repair as repairverb  # noqa: PLC0415 - only what a verb needs

        asked = repairverb.Asked(
            trust=context.obj.trust,
            bundle=bundle,
            others=tuple(other or ()),
            output=repairverb.where_to(output, in_place=in_place),
        )
        repairverb.repair_bundle(console, asked)
