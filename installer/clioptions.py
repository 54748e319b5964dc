"""Options that several verbs of `installer` have: a part of the command line."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")]
EngineName = Annotated[
    str, typer.Option("--engine", help="auto, docker, docker:unix:///SOCKET or layout:DIR.")
]
