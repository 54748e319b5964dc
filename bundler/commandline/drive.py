"""`bundle drive`: a part of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bundler.commandline.loading import loading
from bundler.commandline.options import Bundle, Json

driving = typer.Typer()


@driving.command()
def drive(  # noqa: PLR0913 - one parameter an option
    bundle: Bundle,
    mount: Annotated[Path, typer.Argument(metavar="MOUNTPOINT", help="Where the drive is.")],
    *,
    remove_old: Annotated[
        bool, typer.Option("--remove-old", help="Remove old releases by the pruning rules.")
    ] = False,
    eject: Annotated[bool, typer.Option("--eject", help="Unmount the drive at the end.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it; change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask before removing.")] = False,
    as_json: Json = False,
) -> None:
    """Put a bundle on a drive: copy what it lacks, read all of it back from the medium."""
    with loading():
        from bundler.answers.drive import Asked, fill_drive  # noqa: PLC0415 - only what a command needs is imported

    fill_drive(bundle, mount, Asked(remove_old, eject, dry_run, yes, as_json))
