"""`installer start`, `stop`, `restart`, `status` and `logs`: a part of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from installer.commandline.options import EngineName, Json, JsonLines
from installer.console import Console, Form

if TYPE_CHECKING:
    from installer.running.runningapp import Asked
    from installer.verbs.install import AppHomes

running = typer.Typer()

Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[PRODUCT] [SERVICE...]",
        help="The app, where several are installed; and which of its services.",
    ),
]
Gpus = Annotated[
    bool | None,
    typer.Option(
        "--gpu/--no-gpu", help="With the GPUs that services ask for, or without; else as now."
    ),
]


@running.command()
def start(
    context: typer.Context,
    words: Words = None,
    engine: EngineName = "auto",
    *,
    gpu: Gpus = None,
    json: Json = False,
    jsonl: JsonLines = False,
) -> None:
    """Start an installed app, or some of its services and what they need."""
    console = Console(Form.asked(json=json, jsonl=jsonl))
    with console.guarded():
        from installer.verbs.app import start_app  # noqa: PLC0415 - only when needed

        code = start_app(console, _asked(context, words, engine, gpus=gpu))
    raise typer.Exit(code)


@running.command()
def stop(
    context: typer.Context,
    words: Words = None,
    engine: EngineName = "auto",
    *,
    json: Json = False,
    jsonl: JsonLines = False,
) -> None:
    """Stop an app, or some of its services, also across a restart of the engine."""
    console = Console(Form.asked(json=json, jsonl=jsonl))
    with console.guarded():
        from installer.verbs.app import stop_app  # noqa: PLC0415 - only when needed

        code = stop_app(console, _asked(context, words, engine))
    raise typer.Exit(code)


@running.command()
def restart(
    context: typer.Context,
    words: Words = None,
    engine: EngineName = "auto",
    *,
    gpu: Gpus = None,
    json: Json = False,
    jsonl: JsonLines = False,
) -> None:
    """Stop and start, with this host's settings as they are now."""
    console = Console(Form.asked(json=json, jsonl=jsonl))
    with console.guarded():
        from installer.verbs.app import restart_app  # noqa: PLC0415 - only when needed

        code = restart_app(console, _asked(context, words, engine, gpus=gpu))
    raise typer.Exit(code)


@running.command()
def status(
    context: typer.Context,
    words: Words = None,
    engine: EngineName = "auto",
    *,
    json: Json = False,
) -> None:
    """Show services, their health and their ports; ends with 14 when something is wrong."""
    console = Console(Form.asked(json=json))
    with console.guarded():
        from installer.verbs.app import show_status  # noqa: PLC0415 - only when needed

        code = show_status(console, _asked(context, words, engine))
    raise typer.Exit(code)


@running.command()
def logs(  # noqa: PLR0913 - one argument an option
    context: typer.Context,
    words: Words = None,
    engine: EngineName = "auto",
    tail: Annotated[
        int,
        typer.Option("--tail", metavar="N", min=0, max=100_000, help="Lines of each container."),
    ] = 100,
    since: Annotated[
        str,
        typer.Option("--since", metavar="T", help="Only what is newer than 30s, 10m, 2h or 3d."),
    ] = "",
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until all end.")] = False,
    json: Json = False,
    jsonl: JsonLines = False,
) -> None:
    """Show what an app's containers print."""
    console = Console(Form.asked(json=json, jsonl=jsonl))
    with console.guarded():
        from installer.verbs.app import LogAsked, show_logs  # noqa: PLC0415 - only when needed

        wanted = LogAsked(tail, since, follow)
        code = show_logs(console, _asked(context, words, engine), wanted)
    raise typer.Exit(code)


def _asked(
    context: typer.Context, words: list[str] | None, engine: str, *, gpus: bool | None = None
) -> Asked:
    from installer.running.runningapp import Asked  # noqa: PLC0415 - as above

    homes: AppHomes = context.obj
    return Asked(
        state=homes.state,
        settings=homes.settings,
        words=tuple(words or ()),
        engine=engine,
        gpus=gpus,
    )
