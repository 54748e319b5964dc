"""What `installer uninstall` does: shows what goes and what stays, asks, does it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from installer.console import Console, Form
from installer.ledger import Ledger
from installer.verbs.picking import engine_of
from installer.words.app import labels, row
from installer.words.results import short_name
from manifests.errors import ExitCode, NotInstallableHere, UsageError
from manifests.strictjson import JsonValue

if TYPE_CHECKING:
    from pathlib import Path

    from installer.engines.appapi import AppApi
    from installer.uninstall import Asked, UninstallPlan


def uninstall_app(
    console: Console, state: Path, engine: str, asked: Asked, *, yes: bool, dry_run: bool
) -> ExitCode:
    """Show what goes; ask; do it.

    Raises:
        NotInstallableHere: `app-unknown`.
        UsageError: `volumes-options`.
    """
    from installer.engines.choose import open_engine  # noqa: PLC0415 - only what is needed
    from installer.uninstall import plan_uninstall  # noqa: PLC0415

    if asked.volumes and asked.all_volumes:
        raise UsageError("volumes-options", "--volumes and --all-volumes exclude each other")
    if not yes:
        console.refuse_silence("--yes removes without asking; --dry-run shows what would go")
    ledger = Ledger(state)
    engine = engine_of(ledger.app(asked.product), engine)
    with ExitStack() as stack:
        opened = stack.enter_context(closing(open_engine(engine)))
        apps = _apps(engine)
        if apps is not None:
            stack.enter_context(closing(apps))
        plan = plan_uninstall(asked, opened, apps, ledger)
        _refuse_unknown(plan)
        return _carry_out(console, plan, yes=yes, dry_run=dry_run)


def _apps(engine: str) -> AppApi | None:
    """Return what runs apps; None for a layout, in which nothing does."""
    from installer.engines.appapi import open_apps  # noqa: PLC0415 - as above

    return None if engine.startswith("layout:") else open_apps(engine)


def _refuse_unknown(plan: UninstallPlan) -> None:
    if plan.unknown:
        raise NotInstallableHere(
            "app-unknown",
            f"expected {plan.product} to be installed here, found nothing of it",
            hint="installer ledger show lists what is",
        )


def _carry_out(console: Console, plan: UninstallPlan, *, yes: bool, dry_run: bool) -> ExitCode:
    from installer.report.standing import before_uninstall  # noqa: PLC0415 - as above
    from installer.uninstall import uninstall  # noqa: PLC0415
    from installer.verbs.report import kept_report  # noqa: PLC0415

    console.lines(_plan_lines(plan))
    if dry_run or console.form is Form.JSON_LINES:
        console.document("plan", _plan_json(plan))
    if dry_run:
        return ExitCode.DONE
    if not yes:
        console.confirm("remove?")
    with kept_report(console, before_uninstall(plan), plan.ledger.directory) as reporter:
        record = console.follow_run(reporter.told(uninstall(plan)))
    return console.finish(record)


def _plan_lines(plan: UninstallPlan) -> Iterator[str]:
    yield row("product", plan.product)
    active = plan.app.release(plan.app.active) if plan.app else None
    yield row("active", f"{active.version}, release {active.sequence}" if active else "none")
    if plan.elsewhere:
        yield row("elsewhere", f"what {plan.product} has in {plan.elsewhere} stays there")
    yield from _listed("containers", plan.containers)
    yield from _listed("networks", plan.networks)
    yield from _listed("names", [short_name(one.name) for one in plan.names])
    yield from _listed("volumes", [f"{one}: removed with what is in it" for one in plan.volumes])
    kept = [f"{one}: stays; --volumes {one} removes it" for one in plan.kept_volumes]
    yield from _listed("" if plan.volumes else "volumes", kept)


def _listed(label: str, texts: tuple[str, ...] | list[str]) -> Iterator[str]:
    yield from (row(mark, text) for mark, text in zip(labels(label), texts, strict=False))


def _plan_json(plan: UninstallPlan) -> dict[str, JsonValue]:
    return {
        "product": plan.product,
        "elsewhere": plan.elsewhere or None,
        "containers": list(plan.containers),
        "networks": list(plan.networks),
        "volumes": list(plan.volumes),
        "kept_volumes": list(plan.kept_volumes),
        "names": [one.name for one in plan.names],
    }
