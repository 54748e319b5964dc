"""What `installer history` and `installer rollback` do; the command line calls them.

Owns the order in which things are shown and asked. Works through a Console, so it prints nothing
itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from installer.console import Console, Form, stopping
from installer.ledger import InstalledApp, Ledger
from installer.running.starting import Starting
from installer.state.history import HistoryEntry
from installer.verbs.picking import engine_of, pick_app, pick_release
from installer.words.app import app_json, app_lines, labels, row
from installer.words.results import short_name
from manifests.documents import instant_text
from manifests.errors import ExitCode, NotInstallableHere
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue

if TYPE_CHECKING:
    from installer.rollback import RollbackPlan

_SHOWN: tuple[str, ...] = ("from", "name", "old", "new", "code", "reason")
"""Facts of an entry that people are shown; all are in the JSON form."""


@dataclass(frozen=True, slots=True)
class Back:
    """What was asked of a rollback.

    Attributes:
        release: number or version; empty for the previous one.
        product: name of the app; empty for the only one.
        yes: don't ask.
        dry_run: stop after the plan.
        starting: how what runs of it is started.
    """

    _: KW_ONLY
    release: str
    product: str
    yes: bool
    dry_run: bool
    starting: Starting


def show_history(console: Console, state: Path, product: str, limit: int) -> None:
    """List what was done here, oldest first.

    Raises:
        NotInstallableHere: `app-unknown`: the log has nothing about this product.
    """
    log = Ledger(state).log()
    for loss in log.losses():
        console.say(loss)
    entries = [one for one in log.entries if product in ("", one.product)]
    if product and not entries:
        raise NotInstallableHere(
            "app-unknown",
            f"expected something about {safe_line(product)} in the history, found nothing",
            hint="installer history shows all of it",
        )
    shown = entries[-limit:] if limit else entries
    console.lines(map(_entry_line, shown))
    document: dict[str, JsonValue] = {
        "entries": [_entry_json(one) for one in shown],
        "damaged_lines": list(log.damaged),
        "lost": log.lost,
    }
    console.document("history", document)


def go_back(console: Console, state: Path, asked: Back) -> ExitCode:
    """Show what going back does; ask; do it."""
    from installer.engines.choose import open_engine  # noqa: PLC0415 - not for the history
    from installer.rollback import plan_rollback  # noqa: PLC0415

    if not asked.yes:
        console.refuse_silence("--yes goes back without asking; --dry-run shows the plan")
    ledger = Ledger(state)
    known = ledger.state()
    app = pick_app(known.apps, asked.product, known.products)
    target = pick_release(app, asked.release)
    starting = replace(asked.starting, engine=engine_of(app, asked.starting.engine))
    with closing(open_engine(starting.engine)) as engine:
        plan = plan_rollback(app, target, engine, ledger, starting)
        return _carry_out(console, app, plan, asked)


def _carry_out(console: Console, app: InstalledApp, plan: RollbackPlan, asked: Back) -> ExitCode:
    from installer.report.before import before_rollback  # noqa: PLC0415 - as above
    from installer.rollback import roll_back  # noqa: PLC0415
    from installer.verbs.report import kept_report  # noqa: PLC0415

    console.lines(rollback_lines(app, plan))
    if asked.dry_run or console.form is Form.JSON_LINES:
        console.document("plan", _plan_json(app, plan))
    if asked.dry_run:
        return ExitCode.DONE
    if not (asked.yes or plan.nothing_to_do):
        console.confirm("go back?")
    state, known = plan.ledger.directory, before_rollback(plan)
    with kept_report(console, known, state) as reporter, stopping() as cancel:
        record = console.follow_run(reporter.told(roll_back(plan, cancel)))
    return console.finish(record)


def rollback_lines(app: InstalledApp, plan: RollbackPlan) -> Iterator[str]:
    """Say what going back will do."""
    yield row("product", app.product)
    yield row("active", _release_text(app, app.active))
    yield row("back to", _release_text(app, plan.installed.sequence))
    yield row("arrived", instant_text(plan.installed.arrived_at))
    yield from app_lines(plan.app, None)
    shown = [change for change in plan.names if not change.ours]
    for label, change in zip(labels("names"), shown, strict=False):
        old = change.old.short if change.old else "new"
        yield row(label, f"{short_name(change.name)}: {old} -> {change.new.short}")


def _plan_json(app: InstalledApp, plan: RollbackPlan) -> dict[str, JsonValue]:
    return {
        "product": app.product,
        "active": app.active,
        "sequence": plan.installed.sequence,
        "version": plan.installed.version,
        "names": [
            {"name": one.name, "old": str(one.old) if one.old else None, "new": str(one.new)}
            for one in plan.names
            if not one.ours
        ],
        **app_json(plan.app, None),
        "nothing_to_do": plan.nothing_to_do,
    }


def _release_text(app: InstalledApp, sequence: int | None) -> str:
    found = app.release(sequence)
    return f"{found.version}, release {found.sequence}" if found else "none"


def _entry_line(entry: HistoryEntry) -> str:
    what = f"{instant_text(entry.at)} {entry.what:<16}"
    version = entry.facts.get("version", "")
    number = f"release {entry.sequence}" if entry.sequence is not None else ""
    named = " ".join(str(one) for one in (entry.product, version, number) if one)
    facts = [f"{name} {entry.facts[name]}" for name in _SHOWN if entry.facts.get(name)]
    return safe_line(": ".join(filter(None, (f"{what} {named}", ", ".join(facts)))).rstrip())


def _entry_json(entry: HistoryEntry) -> dict[str, JsonValue]:
    return {
        "at": instant_text(entry.at),
        "what": entry.what,
        "product": entry.product,
        "sequence": entry.sequence,
        "facts": dict(entry.facts),
    }
