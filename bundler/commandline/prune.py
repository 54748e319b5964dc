"""`bundle prune`: a part of the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from bundler.commandline.loading import loading
from bundler.commandline.options import CacheFolder, Json

pruning = typer.Typer()


@pruning.command()
def prune(  # noqa: PLR0913 - one argument an option
    *,
    older_than: Annotated[
        str | None, typer.Option(metavar="TIME", help="Not used for so long: 30d, which is usual.")
    ] = None,
    keep: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Oldest first, until 10GiB are left.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of it, however new.")] = False,
    cache: CacheFolder = None,
    explain: Annotated[bool, typer.Option("--explain", help="List what stays, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show it; remove nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    as_json: Json = False,
) -> None:
    """Remove from the build cache what no build has used for long."""
    with loading():
        from bundler.answers.prune import Asked, prune_cache  # noqa: PLC0415 - only what a command needs is imported

    prune_cache(Asked(older_than, keep, everything, cache, explain, dry_run, yes, as_json))
