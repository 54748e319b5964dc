"""`bundle drive`: a part of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bundler.commandline.asking import confirm
from bundler.commandline.options import Bundle, Json
from bundler.console import print_json, print_lines, progress_sink

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
    from bundler.drive.eject import eject as let_go  # noqa: PLC0415 - start-up time
    from bundler.drive.put import put  # noqa: PLC0415
    from bundler.drive.run import planned  # noqa: PLC0415
    from bundler.drive.show import plan_as_json, plan_text, report_json, report_text  # noqa: PLC0415

    with planned(bundle, mount, remove_old=remove_old) as plan:
        if not as_json:
            print_lines(plan_text(plan))
        if dry_run:
            if as_json:
                print_json(plan_as_json(plan))
            return
        if plan.removal is not None and plan.removal.going and not yes:
            confirm("remove these, and go on?", as_json=as_json)
        with progress_sink() as progress:
            report = put(plan, progress)
    ejected = let_go(mount, plan.system) if eject else None
    if as_json:
        print_json(report_json(report, ejected))
        return
    print_lines(report_text(report))
    print_lines([ejected.text] if ejected else [])
