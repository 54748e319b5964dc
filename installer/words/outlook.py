"""What is to be expected of an install, in words and as JSON; pure, prints nothing."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from installer.checks.finding import Severity
from installer.events import Failure, plain_fields
from installer.planning.forecast import Basis, Forecast
from installer.words.bundle import bundle_json, plan_json, plan_lines
from installer.words.results import failure_json
from manifests.quantities import bytes_text, seconds_text
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue

if TYPE_CHECKING:
    from installer.planning.outlook import Outlook
    from manifests.release import Release

LABEL: Final = 13
WIDTH: Final = 80
SCHEMA: Final = 1
_GRAVE: Final = (Severity.WARN, Severity.FAIL)
_BASIS: Final = {
    Basis.DRIVE: "by reading alone: how fast this engine unpacks is not known yet",
    Basis.ENGINE: "by the engine's speed in earlier runs alone",
    Basis.DRIVE_AND_ENGINE: "by the drive, and the engine's speed in earlier runs",
}


def outlook_lines(outlook: Outlook) -> Iterator[str]:
    """Say what will be done, how long it will take, and what the host's checks found."""
    if outlook.plan is not None:
        yield from plan_lines(outlook.plan)
    else:
        yield from _service_lines(outlook.verified.release)
    if outlook.drive is not None:
        yield _row("drive", f"{bytes_text(outlook.drive.rate)}/s, measured")
    if outlook.times is not None:
        yield from _time_lines(outlook.times)
    if outlook.results:
        yield from _check_lines(outlook)


def verdict_lines(outlook: Outlook) -> Iterator[str]:
    """Say whether it can be installed here, and everything that keeps it from being."""
    count = len(outlook.problems)
    if not count:
        nothing = outlook.plan is not None and outlook.plan.nothing_to_do
        yield "nothing to do: it is installed already" if nothing else "it can be installed here"
        return
    yield f"it can't be installed here: {count} problem{'' if count == 1 else 's'}"
    for number, problem in enumerate(outlook.problems, start=1):
        yield from _wrapped(f"{number}.", f"{problem} ({problem.code})")
        if problem.hint:
            yield from _wrapped("", f"next: {problem.hint}")


def outlook_json(outlook: Outlook) -> dict[str, JsonValue]:
    """Return the same for programs, with what the bundle is."""
    return {**bundle_json(outlook.verified), **expected_json(outlook)}


def expected_json(outlook: Outlook) -> dict[str, JsonValue]:
    """Return the same for programs."""
    plan = outlook.plan
    return {
        "schema": SCHEMA,
        **(plan_json(plan) if plan is not None else {}),
        "drive_bytes_per_second": None if outlook.drive is None else outlook.drive.rate,
        "seconds": None if outlook.times is None else _times_json(outlook.times),
        "checks": [
            {"id": one.check.id, "findings": [plain_fields(finding) for finding in one.findings]}
            for one in outlook.results
            if not one.left_out
        ],
        "installable": not outlook.problems,
        "problems": [failure_json(Failure.of(problem)) for problem in outlook.problems],
    }


def _times_json(times: Forecast) -> dict[str, JsonValue]:
    return {"check": times.check_seconds, "load": times.load_seconds, "basis": str(times.basis)}


def _time_lines(times: Forecast) -> Iterator[str]:
    check, load = times.check_seconds, times.load_seconds
    if times.seconds is None or check is None or load is None:
        yield _row("time", "can't be foreseen: neither drive nor engine could be measured")
        return
    least = "at least" if times.basis is Basis.DRIVE else "about"
    told = check > 0 and times.seconds >= 2
    parts = f": {_duration(check)} to check, {_duration(load)} to load" if told else ""
    what = f"{least} {_duration(times.seconds)}" if times.seconds >= 1 else "a second or so"
    yield _row("time", f"{what}{parts}")
    yield from _wrapped("", _BASIS.get(times.basis, ""))


def _duration(seconds: float) -> str:
    return seconds_text(seconds) if seconds >= 1 else "less than a second"


def _check_lines(outlook: Outlook) -> Iterator[str]:
    results = [one for one in outlook.results if not one.left_out]
    counts = Counter(one.severity for one in results)
    yield _row("checks", ", ".join(f"{counts[one]} {one}" for one in Severity if counts[one]))
    for result in results:
        for finding in result.findings:
            if finding.severity in _GRAVE:
                what = f"{finding.severity}: {result.check.id}: {finding.evidence}"
                yield from _wrapped("", what)
                yield from _wrapped("", f"-> {finding.remedy}") if finding.remedy else ()


def _service_lines(release: Release) -> Iterator[str]:
    services = release.run.services if release.run else ()
    if services:
        named = ", ".join(
            one.name if one.instances == 1 else f"{one.name} ({one.instances})" for one in services
        )
        yield from _wrapped("services", named)


def _row(label: str, text: str) -> str:
    return f"{label:<{LABEL}}{safe_line(text)}"


def _wrapped(label: str, text: str) -> Iterator[str]:
    for paragraph in text.splitlines():
        for line in textwrap.wrap(safe_line(paragraph), WIDTH - LABEL, break_on_hyphens=False):
            yield f"{label:<{LABEL}}{line}"
            label = ""
