"""`installer bundles`: a part of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from installer.commandline.options import Json
from installer.console import Console, Form

driving = typer.Typer()


@driving.command()
def bundles(
    drive: Annotated[Path, typer.Argument(metavar="DRIVE", help="Where the drive is mounted.")],
    *,
    json: Json = False,
) -> None:
    """List the bundles on a drive, by their own words; verify believes them."""
    console = Console(Form.asked(json=json))
    with console.guarded():
        from installer.planning.drivebundles import list_bundles  # noqa: PLC0415 - only what a verb needs

        list_bundles(console, drive)
