"""What checks found, in words and as JSON; pure, prints nothing."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from installer.checks.catalogue import Result
from installer.checks.finding import Check, Finding, Severity
from manifests.strictjson import JsonValue

WIDTH: Final = 80
"""Columns of a line."""
_INDENT: Final = " " * 9
SCHEMA: Final = 1


def result_lines(result: Result) -> Iterator[str]:
    """Say what came of a check; nothing of one that was left out."""
    for finding in () if result.left_out else result.findings:
        yield from _wrapped(f"{finding.severity:<8} {result.check.id}: {finding.evidence}")
        if finding.remedy:
            yield from _wrapped(f"{_INDENT}-> {finding.remedy}")


def summary_lines(results: Sequence[Result]) -> Iterator[str]:
    """Say what was left out, and what it all comes to."""
    reasons = Counter(one.findings[0].evidence for one in results if one.left_out)
    for reason, count in reasons.items():
        yield from _wrapped(f"left out {_checks(count)}: {reason}")
    counts = _counts(results)
    told = ", ".join(f"{counts[one]} {one}" for one in Severity if counts[one])
    verdict = "fit to install" if is_fit(results) else "not fit to install"
    yield f"{verdict}: {told or 'nothing was checked'}"


def results_json(results: Sequence[Result]) -> dict[str, JsonValue]:
    """Return everything for programs."""
    counts = _counts(results)
    return {
        "schema": SCHEMA,
        "fit": is_fit(results),
        "counts": {str(one): counts[one] for one in Severity},
        "checks": [
            {
                "id": one.check.id,
                "about": str(one.check.topic),
                "severity": str(one.severity),
                "left_out": one.left_out,
                "findings": [_finding_json(finding) for finding in one.findings],
            }
            for one in results
        ],
    }


def catalogue_lines(checks: Sequence[Check]) -> Iterator[str]:
    """Say which checks there are, and what each can find."""
    for check in checks:
        yield from _wrapped(f"{check.id}: {check.reads}")
        for cause in check.causes:
            yield from _wrapped(f"{_INDENT}{cause.severity}: {cause.when}")


def catalogue_json(checks: Sequence[Check]) -> dict[str, JsonValue]:
    """Return the same for programs, with what to do."""
    return {
        "schema": SCHEMA,
        "checks": [
            {
                "id": check.id,
                "about": str(check.topic),
                "reads": check.reads,
                "causes": [
                    {
                        "cause": cause.name,
                        "severity": str(cause.severity),
                        "when": cause.when,
                        "remedy": cause.remedy,
                    }
                    for cause in check.causes
                ],
            }
            for check in checks
        ],
    }


def is_fit(results: Sequence[Result]) -> bool:
    """Tell whether nothing failed."""
    return all(one.severity is not Severity.FAIL for one in results)


def _counts(results: Sequence[Result]) -> Counter[Severity]:
    return Counter(one.severity for one in results if not one.left_out)


def _finding_json(finding: Finding) -> dict[str, JsonValue]:
    return {
        "severity": str(finding.severity),
        "cause": finding.cause,
        "evidence": finding.evidence,
        "remedy": finding.remedy,
    }


def _checks(count: int) -> str:
    return f"{count} check{'' if count == 1 else 's'}"


def _wrapped(text: str) -> Iterator[str]:
    indent = text[: len(text) - len(text.lstrip())] or _INDENT
    yield from textwrap.wrap(
        text,
        WIDTH,
        subsequent_indent=f"{indent}   " if "-> " in text[:12] else indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
