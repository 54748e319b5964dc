"""What `installer report` does: list, show and export what earlier runs left; changes nothing.

Also keeps the report of a run that is just over: `kept_report`, which fails no run.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import KW_ONLY, dataclass
from pathlib import Path

from installer.console import Console
from installer.report.before import Before
from installer.report.html import html_of
from installer.report.model import Report
from installer.report.reporter import Reporter, reporting
from installer.report.store import Reports
from installer.report.texts import list_json, list_lines, report_lines
from manifests.errors import MoonliftError, UsageError


@dataclass(frozen=True, slots=True)
class Asked:
    """What `installer report` was asked.

    Attributes:
        state: this host's state folder.
        run: which run; empty for the list of all.
        html: file for the page; None for none.
    """

    _: KW_ONLY
    state: Path
    run: str
    html: Path | None


def show_reports(console: Console, asked: Asked) -> None:
    """List the runs, or show one, or write its page.

    Raises:
        UsageError: `report-unknown`, `report-unwritable`.
        NotInstallableHere: `report-missing`, `report-unsafe`, `report-io`.
    """
    reports = Reports(asked.state)
    if not asked.run and asked.html is None:
        _list(console, reports)
        return
    report = reports.read(reports.find(asked.run or "last"))
    if asked.html is None:
        console.lines(report_lines(report))
    else:
        _export(report, asked.html)
        console.say(f"written: {asked.html}")
    console.document("report", report.to_json())


def kept_report(console: Console, known: Before, state: Path) -> AbstractContextManager[Reporter]:
    """Make a report of what happens in the block, and keep it however that ends.

    A report that can't be written is told, and keeps no run from ending as it ended.
    """
    return reporting(known, lambda reporter: _keep(console, reporter, state))


def _keep(console: Console, reporter: Reporter, state: Path) -> None:
    try:
        Reports(state).keep(reporter.report())
    except MoonliftError as error:
        console.say(f"no report was kept: {error}")
    else:
        console.say(f"report       {reporter.run} (installer report last)")


def _list(console: Console, reports: Reports) -> None:
    found: list[Report] = []
    for run in reports.runs():
        try:
            found.append(reports.read(run))
        except MoonliftError as error:
            console.say(f"{run}: {error}")
    console.lines(list_lines(found))
    console.document("reports", list_json(found))


def _export(report: Report, file: Path) -> None:
    try:
        file.write_text(html_of(report), encoding="utf-8")
    except OSError as error:
        raise UsageError(
            "report-unwritable", f"{file}: {error.strerror or error}", hint="name another file"
        ) from error
