"""`installer selftest`: a part of the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from installer.commandline.options import EngineName, Json
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
    slurm: Annotated[
        bool, typer.Option("--slurm", help="On the nodes of a Slurm cluster, in one job.")
    ] = False,
    nodes: Annotated[
        str, typer.Option(metavar="LIST", help="Slurm's nodes, node[01-16] or @FILE; else all.")
    ] = "",
    gres: Annotated[
        str, typer.Option(metavar="GRES", help="What Slurm gives on each node, such as gpu:1.")
    ] = "",
    partition: Annotated[
        str, typer.Option(metavar="P", help="Slurm's partition; else its default one.")
    ] = "",
    wait: Annotated[
        float | None,
        typer.Option(metavar="MIN", min=0, max=10080, help="Wait so long for busy nodes; else 5."),
    ] = None,
    srun_option: Annotated[
        list[str] | None,
        typer.Option(metavar="WORD", help="For srun, such as --account=A; may be repeated."),
    ] = None,
    ssh: Annotated[
        str, typer.Option(metavar="HOSTS", help="On other machines: host[1-4],user@other or @FILE.")
    ] = "",
    ssh_option: Annotated[
        list[str] | None,
        typer.Option(metavar="K=V", help="As in ssh_config, such as Port=2222; may be repeated."),
    ] = None,
    minutes: Annotated[
        int | None,
        typer.Option("--time", metavar="MIN", min=1, max=10080, help="Minutes for a node; else 5."),
    ] = None,
    python: Annotated[
        str,
        typer.Option(metavar="PATH", help="The nodes' Python that has moonlift; else this one."),
    ] = "",
    command: Annotated[
        str, typer.Option(metavar="WORDS", help="What starts the self-test on the nodes.")
    ] = "",
    reports: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep each node's whole report there.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full/--quick", help="Minutes with every case, or seconds.")
    ] = False,
    json: Json = False,
) -> None:
    """Prove that this machine, its containers or other machines compute: bit by bit, timed."""
    console = Console(Form.asked(json=json))
    with console.guarded():
        from installer.verbs import fanout as fanoutverb  # noqa: PLC0415 - only what a verb needs is imported
        from installer.verbs import selftest as verb  # noqa: PLC0415

        elsewhere = fanoutverb.OnNodes(
            slurm=slurm,
            nodes=nodes,
            gres=gres,
            partition=partition,
            wait_minutes=wait,
            srun_options=tuple(srun_option or ()),
            ssh=ssh,
            ssh_options=tuple(ssh_option or ()),
            minutes=minutes,
            python=python,
            command=command,
            reports=reports,
        )
        elsewhere.refuse_mixed()
        if in_container:
            _refuse("with", {"--slurm": slurm, "--ssh": ssh})
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
            json=json or elsewhere.wanted,
            pictures=pictures,
            expect_gpu=expect_gpu,
            deadline_s=deadline,
            others=tuple(others or ()),
        )
        if elsewhere.wanted:
            _refuse("with", {"--pictures": pictures}, "--slurm or --ssh")
            options = verb.child_options(hosted)
            raise typer.Exit(fanoutverb.prove_nodes(console, elsewhere, options, full=full))
        raise typer.Exit(verb.prove_host(hosted))


def _refuse(how: str, given: Mapping[str, object], what: str = "--in-container") -> None:
    """Refuse options that mean nothing here.

    Raises:
        UsageError: `selftest-options`.
    """
    names = [name for name, value in given.items() if value]
    if names:
        raise UsageError("selftest-options", f"{', '.join(names)} can't be given {how} {what}")
