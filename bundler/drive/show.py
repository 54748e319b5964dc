"""What `bundle drive` will do and has done, in words and as JSON, from the same values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from bundler.drive.eject import Ejected
from bundler.drive.plan import DrivePlan
from bundler.drive.put import DriveReport
from manifests.prunerules.texts import item_json, plan_json, plan_lines, things
from manifests.quantities import bytes_text, seconds_text
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue

_HOW: Final = {
    True: "from the medium itself, past the page cache",
    False: "after its cached pages were dropped: this file system can't be read past them",
}


def plan_text(plan: DrivePlan) -> Iterator[str]:
    """Say what will be done."""
    release, system = plan.sealed.release, plan.system
    free = "unknown room" if system.free is None else f"{bytes_text(system.free)} free"
    yield safe_line(f"{release.product} {release.version} (sequence {release.sequence})")
    yield safe_line(f"  to       {plan.folder}")
    yield safe_line(f"  drive    {system.kind} on {system.source}, {free}")
    if plan.drive.root.resolve() != system.mount:
        yield safe_line(f"  careful  {plan.drive.root} is no mount point: is the drive mounted?")
    yield f"  copy     {bytes_text(plan.to_write)} of {bytes_text(plan.size)}; the rest is there"
    pieces = sum(len(target.pieces) > 1 for target in plan.targets)
    if pieces:
        yield f"  pieces   {things(pieces).replace('thing', 'blob')} too large for one file here"
    if plan.removal is not None:
        yield from (f"  {line}" for line in plan_lines(plan.removal, explain=False))


def report_text(report: DriveReport) -> Iterator[str]:
    """Say what was done."""
    plan = report.plan
    yield f"  copied   {bytes_text(report.written)}{_speed(report.written, report.write_seconds)}"
    yield (
        f"  checked  {bytes_text(report.read_back)} read back"
        f"{_speed(report.read_back, report.read_seconds)}: as signed"
    )
    yield f"           {_HOW[report.direct]}"
    if report.afresh:
        yield "           and found by what the medium has of their names, not the memory"
    for name in report.repaired:
        yield safe_line(f"  repaired {name}: what was there had gone bad")
    if report.removed:
        freed = bytes_text(sum(item.frees for item in report.removed))
        yield f"  removed  {things(len(report.removed))}, {freed} freed"
    others = len(plan.drive.finished) - len(report.removed)
    yield safe_line(f"{plan.folder}: complete" + (", beside others" if others > 1 else ""))


def _speed(count: int, seconds: float) -> str:
    if not count:
        return ""
    return f" in {seconds_text(seconds)}, {bytes_text(count / max(seconds, 1e-3))}/s"


def plan_as_json(plan: DrivePlan) -> dict[str, JsonValue]:
    """Return the plan for programs."""
    release = plan.sealed.release
    return {
        "product": release.product,
        "version": release.version,
        "sequence": release.sequence,
        "identity": str(plan.sealed.sums_digest),
        "folder": str(plan.folder),
        "file_system": plan.system.kind,
        "source": plan.system.source,
        "free_bytes": plan.system.free,
        "needed_bytes": plan.needed,
        "bundle_bytes": plan.size,
        "to_write_bytes": plan.to_write,
        "in_pieces": sum(len(target.pieces) > 1 for target in plan.targets),
        "removal": None if plan.removal is None else plan_json(plan.removal),
    }


def report_json(report: DriveReport, ejected: Ejected | None) -> JsonValue:
    """Return the whole for programs."""
    return {
        **plan_as_json(report.plan),
        "written_bytes": report.written,
        "read_back_bytes": report.read_back,
        "past_page_cache": report.direct,
        "names_from_medium": report.afresh,
        "write_seconds": round(report.write_seconds, 3),
        "read_seconds": round(report.read_seconds, 3),
        "repaired": list(report.repaired),
        "removed": [item_json(item) for item in report.removed],
        "ejected": None if ejected is None else {"done": ejected.done, "text": ejected.text},
    }
