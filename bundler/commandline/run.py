"""`bundle run`: a part of the command line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from bundler.commandline.arguments import public_key

running = typer.Typer()


@running.command("run")
def run(
    bundle: Annotated[
        Path | None, typer.Argument(metavar="[BUNDLE]", help="What to start; none with --stop.")
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- OPTION...]", help="More options of installer install."),
    ] = None,
    *,
    key: Annotated[
        list[Path] | None,
        typer.Option("-k", "--key", envvar="MOONLIFT_KEY", help="Key that must have signed it."),
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, docker or docker:unix:///SOCKET.")] = "auto",
    home: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Folder that stands for the host.")
    ] = None,
    stop: Annotated[bool, typer.Option("--stop", help="Stop what was started.")] = False,
) -> None:
    """Start a bundle on this machine with the installer that hosts have, without GPUs."""
    from bundler.verbs import run as runverb  # noqa: PLC0415 - start-up time

    request = runverb.RunRequest(
        bundle=bundle,
        keys=tuple(map(public_key, key or ())),
        home=home or runverb.default_home(os.environ),
        engine=engine,
        options=tuple(options or ()),
    )
    raise typer.Exit((runverb.stop_bundle if stop else runverb.run_bundle)(request))
