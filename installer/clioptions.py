"""Options that several verbs of `installer` have: a part of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]
EngineName = Annotated[
    str, typer.Option("--engine", help="auto, docker, docker:unix:///SOCKET or layout:DIR.")
]
Bundle = Annotated[
    Path,
    typer.Argument(
        metavar="BUNDLE", help="Folder, NAME.tar, its first part NAME.tar.001, or - for a pipe."
    ),
]
Downgrade = Annotated[
    bool, typer.Option("--allow-downgrade", help="Let a release older than the newest one pass.")
]
Expired = Annotated[
    bool, typer.Option("--accept-expired", help="Let a release pass that the clock calls expired.")
]
