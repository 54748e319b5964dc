"""What became of a plan in words, as JSON and as facts of a stream; pure, prints nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from installer.events import RemovalEnded, Stage
from installer.prune.removal import Result
from installer.stream.removalevents import Removed
from manifests.prunerules.planner import PrunePlan
from manifests.prunerules.texts import item_json, plan_json, things, title
from manifests.quantities import bytes_text
from manifests.safetext import safe_line, safe_text
from manifests.strictjson import JsonValue


def result_line(result: Result) -> str:
    """Say what became of one thing."""
    why = f": {safe_text(result.detail)}" if result.detail else ""
    size = bytes_text(result.freed) if result.outcome is Removed.REMOVED else ""
    return safe_line(f"{result.outcome:<7} {size:>9}  {title(result.item)}{why}", limit=2000)


def result_event(result: Result) -> RemovalEnded:
    """Tell what became of one thing."""
    one = result.item.candidate
    return RemovalEnded(
        stage=Stage.PRUNE,
        kind=str(one.kind),
        names=tuple(map(safe_line, one.names)),
        identity=one.identity,
        outcome=result.outcome,
        freed=result.freed,
        detail=safe_text(result.detail),
    )


def summary_lines(results: Sequence[Result]) -> Iterator[str]:
    """Say what all came to."""
    removed = [one for one in results if one.outcome is Removed.REMOVED]
    freed = sum(one.freed for one in removed)
    stayed, failed = (_count(results, what) for what in (Removed.STAYED, Removed.FAILED))
    rest = f"; {stayed} stayed, {failed} failed" if stayed or failed else ""
    yield f"{things(len(removed))} removed, {bytes_text(freed)} freed{rest}"


def results_json(plan: PrunePlan, results: Sequence[Result]) -> dict[str, JsonValue]:
    """Return the plan and what became of it, for programs."""
    return {
        **plan_json(plan),
        "results": [
            {**item_json(one.item), "outcome": str(one.outcome), "detail": one.detail}
            for one in results
        ],
        "freed_bytes": sum(one.freed for one in results),
        "failed": _count(results, Removed.FAILED),
    }


def _count(results: Sequence[Result], outcome: Removed) -> int:
    return sum(one.outcome is outcome for one in results)
