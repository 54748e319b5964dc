"""The verbs of `bundle` that read bundles: a part of the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bundler.commandline.arguments import judge_of
from bundler.commandline.options import Bundle, Json
from bundler.console import (
    error_json,
    print_error,
    print_json,
    print_lines,
    print_view,
    progress_sink,
)

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
    from bundler.verbs.verify import verification_json, verification_text  # noqa: PLC0415
    from bundler.verbs.verify import verify as run  # noqa: PLC0415 - start-up time
    from manifests.bundle.damagetable import damage_lines  # noqa: PLC0415

    judge = judge_of(allowed_signers, tuple(key or ()), threshold)
    with progress_sink() as progress:
        verification = run(bundle, judge, progress)
    refusal = verification.refusal
    if as_json:
        error = error_json(refusal) if refusal else {}
        print_json({**verification_json(verification), **error})
    else:
        print_view(verification_text(verification))
        print_lines(damage_lines(verification.survey))
    if refusal is not None:
        if not as_json:
            print_error(refusal, as_json=False)
        raise typer.Exit(refusal.exit_code)


@reading.command()
def inspect(
    bundle: Bundle,
    *,
    layers: Annotated[bool, typer.Option("--layers", help="List every layer.")] = False,
    as_json: Json = False,
) -> None:
    """Show what a bundle holds: images, layers, sizes, what is shared."""
    from bundler.verbs.inspect import inspect as run  # noqa: PLC0415 - start-up time
    from bundler.words.bundle import inspection_json, inspection_view  # noqa: PLC0415

    inspection = run(bundle)
    if as_json:
        print_json(inspection_json(inspection))
    else:
        print_view(inspection_view(inspection, layers=layers))


@reading.command()
def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The bundle before.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The bundle after.")],
    *,
    as_json: Json = False,
) -> None:
    """Show what changed between two bundles, and how many bytes are new."""
    from bundler.verbs.diff import diff as run  # noqa: PLC0415 - start-up time
    from bundler.verbs.inspect import inspect as read  # noqa: PLC0415
    from bundler.words.bundle import difference_json, difference_view  # noqa: PLC0415

    before, after = read(old), read(new)
    difference = run(before, after)
    if as_json:
        print_json(difference_json(difference))
    else:
        print_view(difference_view(before, after, difference))
