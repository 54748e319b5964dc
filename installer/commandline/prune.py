"""`installer prune`: a part of the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from installer.commandline.options import DryRun, EngineName, Json, Yes
from installer.console import Console, Form

if TYPE_CHECKING:
    from installer.verbs.install import Homes

pruning = typer.Typer()


@pruning.command()
def prune(  # noqa: PLR0913 - one argument an option
    context: typer.Context,
    *,
    engine: EngineName = "auto",
    product: Annotated[
        str, typer.Option(metavar="NAME", help="Only what this app leaves, by its own policy.")
    ] = "",
    grace: Annotated[
        str | None, typer.Option(metavar="TIME", help="Unused for so long: 12h, 30d; 1h if unset.")
    ] = None,
    keep_releases: Annotated[
        int | None, typer.Option(metavar="N", min=2, help="Releases of each app to keep.")
    ] = None,
    keep_images: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, help="Images of each repository to keep."),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATTERN", help="Keep: glob, /expression/, ID, digest, label=NAME. Again."
        ),
    ] = None,
    exclude_from: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="Patterns, one a line. Again.")
    ] = None,
    volume_driver: Annotated[
        str | None, typer.Option(metavar="NAME", help="Volumes of this driver; empty for any.")
    ] = None,
    free: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Oldest first, until 20GiB are free.")
    ] = None,
    dangling: Annotated[
        bool | None, typer.Option("--dangling/--no-dangling", help="Images without a name.")
    ] = None,
    containers: Annotated[
        bool | None, typer.Option("--containers/--no-containers", help="Containers that ended.")
    ] = None,
    volumes: Annotated[
        bool | None,
        typer.Option("--volumes/--no-volumes", help="Volumes that nothing has; never an app's."),
    ] = None,
    anonymous_volumes: Annotated[
        bool | None,
        typer.Option(
            "--anonymous-volumes/--no-anonymous-volumes",
            help="With their container; as --volumes if unset.",
        ),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Say why the rest stays.")] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> None:
    """Remove what nothing needs any more: old releases, unused images, ended containers."""
    console = Console(Form.asked(json=json))
    with console.guarded():
        from installer.verbs import prune as pruneverb  # noqa: PLC0415 - only what a verb needs is imported

        homes: Homes = context.obj
        options = pruneverb.Options(
            state=homes.state,
            engine=engine,
            product=product,
            grace=grace,
            keep_releases=keep_releases,
            keep_images=keep_images,
            excludes=tuple(exclude or ()),
            exclude_files=tuple(exclude_from or ()),
            dangling=dangling,
            containers=containers,
            volumes=volumes,
            volume_driver=volume_driver,
            anonymous_volumes=anonymous_volumes,
            free=free,
            explain=explain,
            yes=yes,
            dry_run=dry_run,
        )
        code = pruneverb.prune_host(console, options, os.environ)
    raise typer.Exit(code)
