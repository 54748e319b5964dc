"""`bundle selftest-image`: a part of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bundler.commandline.loading import loading
from bundler.commandline.options import Json

selftesting = typer.Typer()


@selftesting.command("selftest-image")
def selftest_image(
    *,
    base: Annotated[
        str, typer.Option(metavar="IMAGE", help="A Debian 12 or later, such as debian:13-slim.")
    ],
    name: Annotated[
        str, typer.Option(help="What to call it; moonlift-selftest:VERSION by default.")
    ] = "",
    network: Annotated[
        str, typer.Option(help="The engine's network for the build, such as host.")
    ] = "",
    pycuda: Annotated[
        Path | None,
        typer.Option(metavar="WHEEL", help="pycuda for the base's Python, to be proved, too."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Build the image that proves a host, through the local Docker engine."""
    with loading():
        from bundler.answers.selftestimage import make_image  # noqa: PLC0415 - only what a command needs is imported

    make_image(base, name, network, pycuda, as_json=as_json)
