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
BaseBundle = Annotated[
    Path | None,
    typer.Option(metavar="OLD", help="A kept bundle, to read from it what this host lacks."),
]
JsonLines = Annotated[bool, typer.Option("--jsonl", help="Print every event as a line of JSON.")]
Downgrade = Annotated[
    bool, typer.Option("--allow-downgrade", help="Let a release older than the newest one pass.")
]
Expired = Annotated[
    bool, typer.Option("--accept-expired", help="Let a release pass that the clock calls expired.")
]
Unfit = Annotated[
    bool, typer.Option("--accept-unfit", help="Install although checks of this host fail.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done; change nothing.")]
Swarm = Annotated[
    bool | None,
    typer.Option(
        "--swarm/--no-swarm",
        help="Run it as a stack of the swarm, or as containers; else as it runs.",
    ),
]
SwarmEverywhere = Annotated[
    bool,
    typer.Option("--swarm-everywhere", help="As a stack on all nodes, which have its images."),
]
NoGpu = Annotated[
    bool, typer.Option("--no-gpu", help="Start services without the GPUs that they ask for.")
]
