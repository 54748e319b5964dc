"""`installer selftest`: a part of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from installer.clioptions import EngineName, Json
from installer.console import Console, Form
from manifests.errors import UsageError

selftesting = typer.Typer()


@selftesting.command()
def selftest(  # noqa: PLR0913 - one argument an option
    context: typer.Context,
    others: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- OPTION...]", help="More options of python -m selftest."),
    ] = None,
    *,
    device: Annotated[
        list[str] | None,
        typer.Option(metavar="D", help="Such as opencl, opencl:0 or a UUID; may be repeated."),
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the filtered picture as PNG files.")
    ] = None,
    expect_gpu: Annotated[
        int | None,
        typer.Option(metavar="N", min=0, max=1024, help="Fail unless there are N GPUs."),
    ] = None,
    deadline: Annotated[
        float | None,
        typer.Option(metavar="S", min=1, max=86400, help="Seconds for a device or container."),
    ] = None,
    engine: EngineName = "auto",
    image: Annotated[
        str, typer.Option(metavar="NAME", help="The image; else that of an installed bundle.")
    ] = "",
    gpu: Annotated[
        str, typer.Option(metavar="0,1", help="GPUs for the container, by number or UUID.")
    ] = "",
    in_container: Annotated[
        bool, typer.Option("--in-container", help="In containers, by every way to a GPU.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full/--quick", help="Minutes with every case, or seconds.")
    ] = False,
    json: Json = False,
) -> None:
    """Prove that this machine, or its containers, compute: bit by bit, timed."""
    console = Console(Form.JSON if json else Form.TEXT)
    with console.guarded():
        from installer import selftestverb as verb  # noqa: PLC0415 - only what a verb needs

        if in_container:
            _refuse("with", {"--device": device, "--pictures": pictures, "-- OPTION": others})
            contained = verb.InContainer(
                state=context.obj.state,
                engine=engine,
                image=image,
                gpu=gpu,
                full=full,
                expect_gpu=expect_gpu,
                deadline_s=deadline,
            )
            raise typer.Exit(verb.prove_containers(console, contained))
        _refuse("without", {"--image": image, "--gpu": gpu, "--engine": engine != "auto"})
        hosted = verb.OnHost(
            devices=tuple(device or ()),
            full=full,
            json=json,
            pictures=pictures,
            expect_gpu=expect_gpu,
            deadline_s=deadline,
            others=tuple(others or ()),
        )
        raise typer.Exit(verb.prove_host(hosted))


def _refuse(how: str, given: Mapping[str, object]) -> None:
    """Refuse options that mean nothing here.

    Raises:
        UsageError: `selftest-options`.
    """
    names = [name for name, value in given.items() if value]
    if names:
        raise UsageError(
            "selftest-options", f"{', '.join(names)} can't be given {how} --in-container"
        )
