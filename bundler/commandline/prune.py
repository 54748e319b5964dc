"""`bundle prune`: a part of the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from bundler.cache import Cache
from bundler.commandline.arguments import default_cache
from bundler.commandline.asking import confirm
from bundler.commandline.options import CacheFolder, Json
from bundler.console import print_json, print_lines
from manifests.errors import UsageError
from manifests.quantities import bytes_text, parse_seconds, parse_size

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
    from bundler.prune import ANY_AGE, DEFAULT_AGE, Limits, carry_out, plan_cache  # noqa: PLC0415
    from manifests.prunerules.texts import item_json, plan_json, plan_lines, things  # noqa: PLC0415

    if everything and (older_than or keep):
        raise UsageError("prune-options", "expected --all alone, found it with a limit")
    age = DEFAULT_AGE if older_than is None else timedelta(seconds=parse_seconds(older_than))
    if everything or (keep and older_than is None):
        age = ANY_AGE
    folder = Cache((cache or default_cache()).absolute())
    limits = Limits(age, None if keep is None else parse_size(keep))
    plan = plan_cache(folder, limits, datetime.now(UTC))
    if not as_json:
        print_lines(plan_lines(plan, explain=explain))
    if dry_run or not plan.going:
        if as_json:
            print_json({**plan_json(plan), "removed": []})
        return
    if not yes:
        confirm("remove?", as_json=as_json)
    removed = list(carry_out(folder, plan))
    freed = sum(item.frees for item in removed)
    if as_json:
        print_json({**plan_json(plan), "removed": [item_json(item) for item in removed]})
    else:
        print_lines([f"{things(len(removed))} removed, {bytes_text(freed)} freed"])
