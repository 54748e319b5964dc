"""Prunes after an upgrade, by the policy of the release that was installed, its product alone.

Owns that this never makes an install fail: what can't be removed is told, and goes another time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime

from installer.events import (
    Advanced,
    Event,
    Noted,
    Stage,
    StageFinished,
    StageStarted,
    Unit,
)
from installer.ledger import LockedLedger
from installer.prune.dockergc import host_excludes
from installer.prune.opening import open_pruning
from installer.prune.pruning import Asked, Pruning
from installer.prune.removal import Result
from installer.prune.texts import result_event, result_line, summary_lines
from installer.stream.removalevents import Removed
from manifests.errors import MoonliftError
from manifests.prunerules.host import HostTerms
from manifests.prunerules.texts import title
from manifests.release import Release
from manifests.safetext import safe_line


def prune_after(
    engine: str,
    ledger: LockedLedger,
    release: Release,
    environ: Mapping[str, str],
    cancel: threading.Event,
) -> Iterator[Event]:
    """Remove what `release`, now active and well, leaves behind of its product.

    Yields a whole stage, from its start to its end, or nothing if the release says nothing of
    pruning or there is nothing to do.

    Args:
        engine: as on the command line.
        ledger: whose lock is held.
        release: that was installed.
        environ: of the process: docker-gc's exclude files keep things here, too.
        cancel: set it to stop after the thing at hand.
    """
    if release.prune is None or engine.startswith("layout:"):
        return
    start = time.monotonic()
    try:
        terms = HostTerms(
            policy=release.prune,
            now=datetime.now(UTC),
            product=release.product,
            excludes=host_excludes(environ),
        )
        with closing(open_pruning(engine, ledger)) as opened:
            yield from _stage(opened.pruning, ledger, Asked(terms), cancel, start)
    except MoonliftError as error:
        yield Noted(Stage.PRUNE, "prune-failed", safe_line(f"not pruned: {error}", limit=1000))


def _stage(
    pruning: Pruning, ledger: LockedLedger, asked: Asked, cancel: threading.Event, start: float
) -> Iterator[Event]:
    total = len(pruning.plan(asked).going)
    if not total:
        return
    yield StageStarted(Stage.PRUNE, total, Unit.STEPS)
    results: list[Result] = []
    try:
        for result in pruning.carry_out(ledger, asked, None, cancel):
            results.append(result)
            done = min(len(results), total)
            yield Advanced(Stage.PRUNE, done, total, title(result.item))
            yield result_event(result)
            if result.outcome is not Removed.REMOVED:
                yield Noted(Stage.PRUNE, f"prune-{result.outcome}", result_line(result))
    except MoonliftError as error:
        yield Noted(Stage.PRUNE, "prune-failed", safe_line(f"not pruned: {error}", limit=1000))
    for line in summary_lines(results):
        yield Noted(Stage.PRUNE, "pruned", line)
    yield StageFinished(Stage.PRUNE, time.monotonic() - start)
