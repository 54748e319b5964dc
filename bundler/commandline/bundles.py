"""The verbs of `bundle` that read bundles: a part of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bundler.commandline.loading import loading
from bundler.commandline.options import Bundle, Json

reading = typer.Typer()


@reading.command()
def verify(
    bundle: Bundle,
    *,
    allowed_signers: Annotated[
        Path | None,
        typer.Option(help="OpenSSH allowed_signers file: who may have signed."),
    ] = None,
    key: Annotated[
        list[Path] | None, typer.Option("-k", "--key", help="Public key that must have signed.")
    ] = None,
    threshold: Annotated[int, typer.Option(min=1, help="Distinct signers asked for.")] = 1,
    as_json: Json = False,
) -> None:
    """Check a bundle's signatures and every byte, as a host will; name all damage."""
    with loading():
        from bundler.answers.verify import verify_bundle  # noqa: PLC0415 - only what a command needs is imported

    keys = tuple(key or ())
    raise typer.Exit(verify_bundle(bundle, allowed_signers, keys, threshold, as_json=as_json))


@reading.command()
def inspect(
    bundle: Bundle,
    *,
    layers: Annotated[bool, typer.Option("--layers", help="List every layer.")] = False,
    as_json: Json = False,
) -> None:
    """Show what a bundle holds: images, layers, sizes, what is shared."""
    with loading():
        from bundler.answers.inspect import show_bundle  # noqa: PLC0415 - only what a command needs is imported

    show_bundle(bundle, layers=layers, as_json=as_json)


@reading.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The bundle before.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The bundle after.")],
    *,
    as_json: Json = False,
) -> None:
    """Show what changed between two bundles, and how many bytes are new."""
    with loading():
        from bundler.answers.inspect import show_difference  # noqa: PLC0415 - only what a command needs is imported

    show_difference(old, new, as_json=as_json)
