"""A plan to remove things in words and as JSON; pure, prints nothing.

Both forms are made from the same values here, so that they can't disagree.
"""

from __future__ import annotations

from collections.abc import Iterator

from manifests.documents import instant_text
from manifests.prunerules.planner import Item, PrunePlan
from manifests.quantities import bytes_text
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue


def plan_lines(plan: PrunePlan, *, explain: bool) -> Iterator[str]:
    """Say what will go, and if asked why the rest stays."""
    for item in plan.going:
        yield _line("remove", item)
    for item in plan.staying if explain else ():
        yield _line("keep", item)
    count, stay = len(plan.going), len(plan.staying)
    kept = f"{stay} stay" if explain or not stay else f"{stay} stay: --explain says why"
    yield f"{things(count)} to remove, {bytes_text(plan.frees)} to free; {kept}"
    if plan.short:
        yield f"{bytes_text(plan.short)} fewer than asked for: no more may go"


def plan_json(plan: PrunePlan) -> dict[str, JsonValue]:
    """Return the same for programs, with why each thing stays."""
    return {
        "items": [item_json(item) for item in plan.items],
        "frees_bytes": plan.frees,
        "asked_bytes": plan.room,
        "short_bytes": plan.short,
    }


def item_json(item: Item) -> dict[str, JsonValue]:
    """Return what becomes of one thing."""
    one = item.candidate
    return {
        "kind": str(one.kind),
        "identity": one.identity,
        "names": list(one.names),
        "since": instant_text(one.since),
        "goes": item.goes,
        "reason": {"code": item.reason.code, "text": item.reason.text},
        "frees_bytes": item.frees,
    }


def title(item: Item) -> str:
    """Return what people know a thing by: `image acme/web:1`."""
    return safe_line(f"{item.candidate.kind} {', '.join(item.candidate.names)}", limit=300)


def things(count: int) -> str:
    """Return `1 thing`, `2 things`."""
    return f"{count} thing{'' if count == 1 else 's'}"


def _line(what: str, item: Item) -> str:
    size = bytes_text(item.frees) if item.goes else ""
    return safe_line(f"{what:<7} {size:>9}  {title(item)}: {item.reason.text}", limit=500)
