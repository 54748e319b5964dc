"""`installer install`, `history`, `rollback`, `uninstall`: a part of the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from installer.commandline.options import (
    BaseBundle,
    Bundle,
    Downgrade,
    DryRun,
    EngineName,
    Expired,
    Json,
    JsonLines,
    NoGpu,
    Swarm,
    SwarmEverywhere,
    Unfit,
    Yes,
)
from installer.console import Console, Form

if TYPE_CHECKING:
    from installer.verbs.install import AppHomes

releases = typer.Typer()

ProductOption = Annotated[
    str, typer.Option("--product", metavar="NAME", help="Which app, where several are installed.")
]


@releases.command()
def install(  # noqa: PLR0913 - one argument an option
    context: typer.Context,
    bundle: Bundle,
    engine: EngineName = "auto",
    *,
    yes: Yes = False,
    dry_run: DryRun = False,
    one_pass: Annotated[
        bool,
        typer.Option(
            "--one-pass", help="Check layers while they are loaded, not all of them before."
        ),
    ] = False,
    no_start: Annotated[
        bool, typer.Option("--no-start", help="Load and name its images; start nothing.")
    ] = False,
    no_gpu: NoGpu = False,
    base_bundle: BaseBundle = None,
    swarm: Swarm = None,
    swarm_everywhere: SwarmEverywhere = False,
    selftest: Annotated[
        bool, typer.Option("--selftest", help="Prove this host first, whatever the release asks.")
    ] = False,
    skip_selftest: Annotated[
        bool, typer.Option("--skip-selftest", help="Don't, whatever the release asks.")
    ] = False,
    accept_failed_selftest: Annotated[
        bool,
        typer.Option("--accept-failed-selftest", help="Start it even if this host fails."),
    ] = False,
    allow_downgrade: Downgrade = False,
    accept_expired: Expired = False,
    accept_unfit: Unfit = False,
    json: Json = False,
    jsonl: JsonLines = False,
) -> None:
    """Load a bundle's images into the container engine, and start what runs of it."""
    console = Console(Form.asked(json=json, jsonl=jsonl))
    with console.guarded():
        from installer.running.starting import ProofFlags, Starting, runs_as  # noqa: PLC0415
        from installer.verbs import install as verbs  # noqa: PLC0415 - only what a verb needs is imported
        from installer.verify import Leniency  # noqa: PLC0415

        homes: AppHomes = context.obj
        leniency = Leniency(allow_downgrade=allow_downgrade, accept_expired=accept_expired)
        flags = ProofFlags(force=selftest, skip=skip_selftest, accept=accept_failed_selftest)
        choices = verbs.Choices(
            engine=engine,
            yes=yes or dry_run,
            dry_run=dry_run,
            one_pass=one_pass,
            base_bundle=base_bundle,
            accept_unfit=accept_unfit,
            starting=Starting(
                engine=engine,
                settings=homes.settings,
                start=not no_start,
                gpus=not no_gpu,
                selftest=flags.choice(),
                runs_as=runs_as(swarm, everywhere=swarm_everywhere),
            ),
        )
        code = verbs.install_bundle(console, homes, bundle, leniency, choices)
    raise typer.Exit(code)


@releases.command()
def history(
    context: typer.Context,
    product: Annotated[str, typer.Argument(metavar="[PRODUCT]", help="Only of this app.")] = "",
    *,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=0, help="The last N entries only; 0 for all.")
    ] = 0,
    json: Json = False,
) -> None:
    """Show what was done on this host: installs, starts, rollbacks, names moved, refusals."""
    console = Console(Form.asked(json=json))
    with console.guarded():
        from installer.verbs import releases as releaseverbs  # noqa: PLC0415 - only what a verb needs is imported

        releaseverbs.show_history(console, context.obj.state, product, limit)


@releases.command()
def rollback(  # noqa: PLR0913 - one argument an option
    context: typer.Context,
    release: Annotated[
        str,
        typer.Argument(metavar="[RELEASE]", help="Number or version; else the previous release."),
    ] = "",
    product: ProductOption = "",
    engine: EngineName = "auto",
    *,
    yes: Yes = False,
    dry_run: DryRun = False,
    no_start: Annotated[
        bool, typer.Option("--no-start", help="Move its names; start nothing.")
    ] = False,
    no_gpu: NoGpu = False,
    json: Json = False,
    jsonl: JsonLines = False,
) -> None:
    """Go back to a release that was installed before; no bundle is needed."""
    console = Console(Form.asked(json=json, jsonl=jsonl))
    with console.guarded():
        from installer.running.starting import Starting  # noqa: PLC0415
        from installer.verbs import releases as releaseverbs  # noqa: PLC0415 - only what a verb needs is imported

        homes: AppHomes = context.obj
        asked = releaseverbs.Back(
            release=release,
            product=product,
            yes=yes or dry_run,
            dry_run=dry_run,
            starting=Starting(
                engine=engine, settings=homes.settings, start=not no_start, gpus=not no_gpu
            ),
        )
        code = releaseverbs.go_back(console, homes.state, asked)
    raise typer.Exit(code)


@releases.command()
def uninstall(  # noqa: PLR0913 - one argument an option
    context: typer.Context,
    product: Annotated[str, typer.Argument(metavar="PRODUCT", help="Name of the app.")],
    engine: EngineName = "auto",
    volumes: Annotated[
        list[str] | None,
        typer.Option("--volumes", metavar="NAME", help="Remove this volume too; may be repeated."),
    ] = None,
    *,
    all_volumes: Annotated[
        bool, typer.Option("--all-volumes", help="Remove all volumes of the app, with their data.")
    ] = False,
    keep_images: Annotated[
        bool, typer.Option("--keep-images", help="Leave its images in the engine.")
    ] = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    json: Json = False,
    jsonl: JsonLines = False,
) -> None:
    """Take an app off this host; its volumes stay unless they are named."""
    console = Console(Form.asked(json=json, jsonl=jsonl))
    with console.guarded():
        from installer.uninstall import Asked  # noqa: PLC0415
        from installer.verbs import uninstall as uninstallverb  # noqa: PLC0415 - only what a verb needs is imported

        asked = Asked(product, tuple(volumes or ()), all_volumes, keep_images)
        state = context.obj.state
        code = uninstallverb.uninstall_app(
            console, state, engine, asked, yes=yes or dry_run, dry_run=dry_run
        )
    raise typer.Exit(code)
