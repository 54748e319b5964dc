"""The table of docs/checks.md as the code would write it; run as a program it writes the table.

python -m tests.installer.checks.document
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from string import Formatter

from installer.checks.catalogue import CHECKS
from installer.checks.diagnosis import SYMPTOMS
from installer.checks.finding import Cause, Check

DOCUMENT = Path(__file__).parents[3] / "docs/checks.md"
MARK = "<!-- from here on written by tests/installer/checks/document.py -->\n"


def written() -> str:
    """Return what stands below the mark."""
    return "\n".join(("", *_checks(), "", *_symptoms(), ""))


def _checks() -> Iterator[str]:
    yield "## Checks"
    for check in CHECKS:
        yield from _check(check)


def _check(check: Check) -> Iterator[str]:
    yield f"\n### `{check.id}`\n"
    yield f"About: {check.topic}. Reads: {_cell(check.reads)}.\n"
    yield "| severity | cause | when | what to do |"
    yield "|---|---|---|---|"
    for cause in check.causes:
        cells = (cause.severity, f"`{cause.name}`", cause.when, _remedy(cause))
        yield f"| {' | '.join(map(_cell, cells))} |"


def _symptoms() -> Iterator[str]:
    yield "## Errors of engines and drivers\n"
    yield "| code | words of the error | meaning | what to do | see |"
    yield "|---|---|---|---|---|"
    for one in SYMPTOMS:
        found = one.diagnosis
        words = " and ".join(" or ".join(f"`{word}`" for word in group) for group in one.words)
        see = ", ".join(f"`{name}`" for name in found.checks)
        cells = (f"`{found.code}`", words, found.meaning, found.remedy, see)
        yield f"| {' | '.join(map(_cell, cells))} |"


def _remedy(cause: Cause) -> str:
    names = {name for _, name, _, _ in Formatter().parse(cause.remedy) if name}
    return cause.remedy.format_map({name: name.upper() for name in names})


def _cell(text: str) -> str:
    return str(text).replace("|", r"\|").replace("*", r"\*").replace("<", "&lt;")


def main() -> None:
    """Write the table anew; what stands above the mark stays."""
    above = DOCUMENT.read_text().partition(MARK)[0]
    DOCUMENT.write_text(above + MARK + written())


if __name__ == "__main__":
    main()
