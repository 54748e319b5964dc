"""`bundle run`: a part of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bundler.commandline.loading import loading

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
    with loading():
        from bundler.answers import run as answer  # noqa: PLC0415 - only what a command needs is imported

    asked = answer.Asked(bundle, tuple(options or ()), tuple(key or ()), engine, home, stop)
    raise typer.Exit(answer.run(asked))
