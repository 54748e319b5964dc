"""`bundle selftest-image`: a part of the command line."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer

from bundler.commandline.options import Json
from bundler.console import print_json, print_lines, progress_sink

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
    from bundler.sources.dockerengine import connect  # noqa: PLC0415
    from bundler.verbs.selftestimage import (  # noqa: PLC0415 - start-up time
        DEFAULT_NAME,
        ImageRequest,
        build_image,
        image_json,
        image_lines,
    )

    request = ImageRequest(base, name or DEFAULT_NAME, network, pycuda, os.environ)
    with closing(connect()) as client, progress_sink() as progress:
        made = build_image(request, client, progress.note)
    if as_json:
        print_json(image_json(made))
    else:
        print_lines(image_lines(made))
