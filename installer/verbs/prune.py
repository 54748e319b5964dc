"""What `installer prune` does: shows the plan, asks, carries it out, says what came of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import KW_ONLY, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from installer.console import Console, Form, stopping
from installer.events import Failure, Outcome
from installer.ledger import Ledger
from installer.prune.dockergc import GcSettings, patterns_of
from installer.prune.opening import open_pruning
from installer.prune.pruning import Asked, Pruning
from installer.prune.removal import Result
from installer.prune.texts import result_event, result_line, results_json, summary_lines
from installer.report.reporter import Reporter
from installer.report.standing import before_prune
from installer.stream.removalevents import Removed
from installer.verbs.report import kept_report
from installer.words.results import failure_json
from manifests.errors import (
    EngineFailed,
    ExitCode,
    MalformedInput,
    MoonliftError,
    NotInstallableHere,
    UsageError,
)
from manifests.prunerules.excludes import Excludes
from manifests.prunerules.host import HostTerms
from manifests.prunerules.planner import PrunePlan
from manifests.prunerules.policy import PrunePolicy
from manifests.prunerules.texts import plan_json, plan_lines
from manifests.quantities import bytes_text, parse_seconds, parse_size
from manifests.release import Release


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `installer prune` as typed; None for those that were not.

    Attributes:
        state: where the ledger is.
        engine: as on the command line.
        product: only what is of this app; empty for everything.
        grace: such as `12h`.
        keep_releases, keep_images, dangling, containers, volumes: of the policy.
        excludes: patterns.
        exclude_files: files with patterns.
        volume_driver: empty for any.
        anonymous_volumes: whether those go with their container.
        free: such as `20GiB`.
        explain: say why the rest stays.
        yes: don't ask.
        dry_run: stop after the plan.
    """

    _: KW_ONLY
    state: Path
    engine: str
    product: str = ""
    grace: str | None = None
    keep_releases: int | None = None
    keep_images: int | None = None
    excludes: tuple[str, ...] = ()
    exclude_files: tuple[Path, ...] = ()
    dangling: bool | None = None
    containers: bool | None = None
    volumes: bool | None = None
    volume_driver: str | None = None
    anonymous_volumes: bool | None = None
    free: str | None = None
    explain: bool = False
    yes: bool = False
    dry_run: bool = False


def prune_host(console: Console, options: Options, environ: Mapping[str, str]) -> ExitCode:
    """Show what would go, ask, and remove it.

    Raises:
        UsageError: an option, a variable of docker-gc or an exclude file makes no sense.
        NotInstallableHere: the ledger can't be used; `app-unknown`; `prune-short`.
        EngineFailed: the engine does not answer; `prune-failed`.
    """
    gc = GcSettings.of(environ)
    for remark in gc.remarks:
        console.say(remark)
    ledger, dry_run = Ledger(options.state), options.dry_run or gc.dry_run
    asked = asked_of(options, gc, ledger)
    if not (options.yes or dry_run):
        console.refuse_silence("--yes removes without asking; --dry-run shows the plan")
    with closing(open_pruning(options.engine, ledger)) as opened:
        plan = opened.pruning.plan(asked)
        console.lines(plan_lines(plan, explain=options.explain))
        if dry_run:
            console.document("plan", plan_json(plan))
            return ExitCode.DONE
        if plan.going and not options.yes:
            _confirm(console)
        known = before_prune(options.product, opened.name, opened.info)
        with kept_report(console, known, options.state) as reporter:
            work = _Work(opened.pruning, ledger, asked, reporter)
            return _carry_out(console, work, plan)


@dataclass(frozen=True, slots=True)
class _Work:
    """What a pruning works with, and who listens."""

    pruning: Pruning
    ledger: Ledger
    asked: Asked
    reporter: Reporter


def _carry_out(console: Console, work: _Work, plan: PrunePlan) -> ExitCode:
    results: list[Result] = []
    with stopping() as cancel, work.ledger.locked() as locked:
        for result in work.pruning.carry_out(locked, work.asked, plan, cancel):
            console.lines([result_line(result)])
            work.reporter.take(result_event(result))
            results.append(result)
    console.lines(summary_lines(results))
    failure = failure_of(work.pruning, work.asked, results)
    end_report(work.reporter, results, failure, cancel)
    document = results_json(plan, results)
    if failure is not None:
        document["error"] = failure_json(Failure.of(failure))
    console.document("pruned", document)
    if cancel.is_set():
        return ExitCode.INTERRUPTED
    if failure is not None and console.form is Form.TEXT:
        console.failure(Failure.of(failure))
    return ExitCode.DONE if failure is None else failure.exit_code


def end_report(
    reporter: Reporter,
    results: Sequence[Result],
    failure: MoonliftError | None,
    cancel: threading.Event,
) -> None:
    """Note what a pruning came to."""
    if cancel.is_set():
        reporter.end(Outcome.CANCELLED)
    elif failure is not None:
        reporter.end(Outcome.FAILED, Failure.of(failure))
    else:
        reporter.end(Outcome.DONE if results else Outcome.NOTHING_TO_DO)


def failure_of(pruning: Pruning, asked: Asked, results: Sequence[Result]) -> MoonliftError | None:
    """Return why a pruning did not come to what was asked; None if it did."""
    return next(_failures(pruning, asked, results), None)


def _failures(pruning: Pruning, asked: Asked, results: Sequence[Result]) -> Iterator[MoonliftError]:
    failed = [one for one in results if one.outcome is Removed.FAILED]
    if failed:
        yield EngineFailed(
            "prune-failed",
            f"{len(failed)} of {len(results)} could not be removed; the first: {failed[0].detail}",
            hint="run it again; installer prune --explain says why the rest stays",
        )
    if missing := pruning.missing(asked):
        yield NotInstallableHere(
            "prune-short",
            f"expected {bytes_text(asked.free or 0)} free, {bytes_text(missing)} are missing:"
            " no more may go",
            hint="installer prune --explain says why the rest stays; docker system df",
        )


def _confirm(console: Console) -> None:
    if console.ask("remove? [y/N]", "--yes").casefold() not in ("y", "yes"):
        raise KeyboardInterrupt


def asked_of(options: Options, gc: GcSettings, ledger: Ledger) -> Asked:
    """Return what options and docker-gc's variables come to; raises as `prune_host`."""
    policy = _policy(options, gc, ledger)
    anonymous = _first(options.anonymous_volumes, gc.anonymous_volumes, policy.volumes)
    terms = HostTerms(
        policy=policy,
        now=datetime.now(UTC),
        product=options.product,
        excludes=gc.excludes | _excludes(options),
        keep_releases=options.keep_releases,
        keep_dead=gc.keep_dead,
        volume_driver=_first(options.volume_driver, gc.volume_driver),
    )
    free = None if options.free is None else parse_size(options.free)
    return Asked(terms, anonymous_volumes=anonymous, free=free)


def _policy(options: Options, gc: GcSettings, ledger: Ledger) -> PrunePolicy:
    """Return the policy: the product's own, docker-gc's variables over it, then the options."""
    own = _own_policy(ledger, options.product) if options.product else PrunePolicy()
    grace = None if options.grace is None else parse_seconds(options.grace)
    chosen = {
        "grace_seconds": _first(grace, gc.grace_seconds, own.grace_seconds),
        "keep_releases": _first(options.keep_releases, own.keep_releases),
        "keep_images": _first(options.keep_images, gc.keep_images, own.keep_images),
        "dangling": _first(options.dangling, own.dangling),
        "containers": _first(options.containers, own.containers),
        "volumes": _first(options.volumes, gc.volumes, own.volumes),
    }
    return own.model_copy(update=chosen)


def _own_policy(ledger: Ledger, product: str) -> PrunePolicy:
    """Return what the newest release of a product says.

    Raises:
        NotInstallableHere: `app-unknown`.
    """
    kept = [one for one in ledger.releases() if one.product == product]
    if not kept:
        raise NotInstallableHere(
            "app-unknown",
            f"expected an app that is installed here, found {product!r}",
            hint="installer ledger show lists them",
        )
    return Release.read(kept[-1].raw).prune or PrunePolicy()


def _excludes(options: Options) -> Excludes:
    try:
        typed = Excludes.of(options.excludes)
    except MalformedInput as error:
        raise UsageError(error.code, f"--exclude: {error}") from error
    files = (pattern for path in options.exclude_files for pattern in patterns_of(path))
    return typed | Excludes(tuple(files))


def _first(*values: Any) -> Any:
    return next(value for value in values if value is not None)
