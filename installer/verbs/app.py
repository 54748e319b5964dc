"""What `installer start`, `stop`, `restart`, `status` and `logs` do; the command line calls them.

Owns the order in which things are done, shown and written down. Works through a Console, so it
prints nothing itself. The ledger's lock keeps these verbs and installs apart.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from installer.app.deployment import refuse_unknown
from installer.app.logs import LogRequest, following, last_lines, parse_since
from installer.console import Console, Form, stopping
from installer.engines.appapi import AppApi
from installer.engines.containerfacts import ContainerFacts
from installer.events import Event, Stage, Unit
from installer.ledger import Ledger, LockedLedger
from installer.prune.leftovers import leftovers
from installer.report.reporter import Reporter
from installer.report.standing import before_running
from installer.running.runner import Go
from installer.running.runningapp import (
    Asked,
    Chosen,
    RunningApp,
    choose,
    current_status,
    opened_runner,
    running_app,
)
from installer.state.history import HistoryEntry
from installer.stream.jobs import Halted
from installer.stream.staging import Broken, Staging
from installer.verbs.report import kept_report
from installer.words.status import log_json, log_text, status_json, status_lines
from manifests.errors import ExitCode, NotInstallableHere, UsageError
from manifests.strictjson import JsonValue

Work = Callable[[RunningApp, threading.Event], Iterator[Event]]


@dataclass(frozen=True, slots=True)
class _Verb:
    """What a verb is called, and what the history calls it once it is done."""

    name: str
    past: str


@dataclass(frozen=True, slots=True)
class LogAsked:
    """What was asked of the logs.

    Attributes:
        tail: how many of the last lines of each container.
        since: as on the command line.
        follow: whether to go on.
    """

    tail: int
    since: str
    follow: bool


def start_app(console: Console, asked: Asked) -> ExitCode:
    """Start what shall run; a switch that was broken off is ended: to the active release."""
    return _change(console, asked, _Verb("start", "started"), _starting)


def restart_app(console: Console, asked: Asked) -> ExitCode:
    """Stop, and start again with the host's settings as they are now."""

    def work(running: RunningApp, cancel: threading.Event) -> Iterator[Event]:
        chosen = running.chosen
        yield from running.runner.stop(chosen.app.product, cancel, chosen.services)
        yield from _starting(running, cancel)

    return _change(console, asked, _Verb("restart", "restarted"), work)


def stop_app(console: Console, asked: Asked) -> ExitCode:
    """Stop; needs neither release nor settings."""
    chosen = choose(asked)
    with Ledger(asked.state).locked() as ledger, opened_runner(chosen) as (apps, runner):
        product = chosen.app.product
        known = before_running("stop", chosen.app, chosen.engine, apps.facts(), ledger)
        with kept_report(console, known, asked.state) as reporter:
            return _run(
                console,
                reporter,
                lambda cancel: runner.stop(product, cancel, chosen.services),
                lambda: _write(ledger, chosen, "stopped"),
                0,
            )


def show_status(console: Console, asked: Asked) -> ExitCode:
    """Show how every instance is; 14 when something is not as it should be."""
    chosen = choose(asked)
    with running_app(asked, chosen) as running:
        found = current_status(running)
        left = tuple(leftovers(running.apps, Ledger(asked.state), chosen.app.product))
    console.lines(status_lines(found, chosen, left))
    console.document("status", status_json(found, chosen, left))
    return ExitCode.DONE if found.well and chosen.app.pending is None else ExitCode.START_FAILED


def show_logs(console: Console, asked: Asked, wanted: LogAsked) -> ExitCode:
    """Show what containers print, those included that are not of the active release.

    Raises:
        UsageError: `logs-options`, `since-malformed`, `service-unknown`.
        EngineFailed: it does not answer, or its log driver shows nothing.
    """
    if wanted.follow and console.form is Form.JSON:
        raise UsageError("logs-options", "--follow has no end: --jsonl instead of --json")
    since = parse_since(wanted.since, time.time())
    chosen = choose(asked)
    request = LogRequest(wanted.tail, since, _hidden(asked, chosen))
    with opened_runner(chosen) as (apps, runner):
        found = runner.containers(chosen.app.product)
        refuse_unknown(chosen.services, sorted({one.service for one in found}))
        picked = [one for one in found if not chosen.services or one.service in chosen.services]
        if wanted.follow:
            return _follow(console, apps, picked, request)
        lines = last_lines(apps, picked, request)
        width = max((len(line.container) for line in lines), default=0)
        console.lines(log_text(line, width) for line in lines)
        _log_documents(console, [log_json(line) for line in lines])
    return ExitCode.DONE


def _follow(
    console: Console, apps: AppApi, picked: Sequence[ContainerFacts], request: LogRequest
) -> ExitCode:
    width = max((len(one.name) for one in picked), default=0)
    try:
        with stopping() as cancel:
            for line in following(apps, picked, request, cancel):
                console.lines([log_text(line, width)])
                console.document("log", log_json(line))
    except Halted:
        return ExitCode.INTERRUPTED
    return ExitCode.DONE


def _hidden(asked: Asked, chosen: Chosen) -> tuple[str, ...]:
    """Return what must not be shown; a host that sets nothing for the app has nothing to hide."""
    try:
        with running_app(asked, chosen) as running:
            return running.wanted.hidden
    except (NotInstallableHere, UsageError):
        return ()


def _log_documents(console: Console, lines: list[dict[str, JsonValue]]) -> None:
    if console.form is Form.JSON_LINES:
        for line in lines:
            console.document("log", line)
    else:
        console.document("logs", {"lines": [*lines]})


def _starting(running: RunningApp, cancel: threading.Event) -> Iterator[Event]:
    go = Go(cancel, running.chosen.services)
    return running.runner.start(running.release, running.at, go)


def _change(console: Console, asked: Asked, verb: _Verb, work: Work) -> ExitCode:
    with Ledger(asked.state).locked() as ledger:
        chosen = choose(asked)
        if chosen.app.pending is not None:
            console.say(
                f"a switch to release {chosen.app.pending.sequence} was broken off; release"
                f" {chosen.active().sequence} is brought back"
            )
        with running_app(asked, chosen) as running:
            for remark in running.wanted.remarks:
                console.say(f"remark       {remark}")

            def ended() -> None:
                if not chosen.services:
                    ledger.change_app(chosen.app.product, lambda app: app.with_pending(None))
                _write(ledger, chosen, verb.past)

            facts = running.at.facts
            known = before_running(verb.name, chosen.app, chosen.engine, facts, ledger)
            with kept_report(console, known, asked.state) as reporter:
                return _run(
                    console,
                    reporter,
                    lambda cancel: work(running, cancel),
                    ended,
                    len(running.wanted.containers),
                )


def _run(
    console: Console,
    reporter: Reporter,
    work: Callable[[threading.Event], Iterator[Event]],
    ended: Callable[[], None],
    total: int,
) -> ExitCode:
    """Show the work as a stage, and write down how it ended."""
    staging = Staging()

    def events(cancel: threading.Event) -> Iterator[Event]:
        try:
            yield from staging.stage(Stage.START, total, Unit.SERVICES, work(cancel))
            ended()
        except Broken:
            return

    with stopping() as cancel:
        console.follow(reporter.told(events(cancel)))
    reporter.end(staging.outcome, staging.failure)
    if staging.failure is None:
        console.document("done", {"outcome": str(staging.outcome)})
        return ExitCode.DONE
    console.failure(staging.failure)
    return staging.failure.exit_code


def _write(ledger: LockedLedger, chosen: Chosen, what: str) -> None:
    facts: Mapping[str, str | int] = (
        {"services": " ".join(chosen.services)} if chosen.services else {}
    )
    now, app = datetime.now(UTC), chosen.app
    ledger.record(HistoryEntry(now, what, app.product, app.active, dict(facts)))
