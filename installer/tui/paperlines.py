"""What the read-only screens of the menu say; each function asks the host, slowly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from installer.events import Failure
from installer.tui.lines import Line, Mark, blank, failure_lines, head, labelled
from manifests.errors import MoonliftError
from manifests.safetext import safe_line

if TYPE_CHECKING:
    from installer.verbs.install import AppHomes

_MARKS: Final = {"ok": Mark.GOOD, "warn": Mark.WARN, "fail": Mark.BAD, "note": Mark.FAINT}
MOST: Final = 500
"""Entries of the history that are shown."""


def help_lines() -> Iterator[Line]:
    """Say how the program is used."""
    yield head("Keys")
    for key, meaning in (
        ("Enter", "does what is chosen, marked by > <"),
        ("Tab, arrows", "choose"),
        ("PgUp, PgDn", "scroll the text"),
        ("Esc", "goes back; stops what runs, after a question"),
        ("m", "menu: status, history, roll back, prune, check, report"),
        ("q, Ctrl-C", "leaves, after a question if something runs"),
    ):
        yield Line(meaning, key)
    yield blank()
    yield head("Steps")
    for step, meaning in (
        ("Choose", "a bundle beside the program, on a drive or in a folder"),
        ("Trust", "who signed it, by the keys that this host trusts; never by the drive's"),
        ("Plan", "what would be read, written and named; nothing is changed before Enter"),
        ("Install", "every byte is checked before the engine gets it"),
        ("Self-test", "whether this machine computes, bit by bit, and how fast"),
        ("Start", "the app's services, each until it is healthy"),
        ("Summary", "what was done"),
    ):
        yield Line(meaning, step)
    yield blank()
    yield Line("Stopped or cut off, an install leaves the old release as it was; run it again.")
    yield Line("The same steps as commands: installer --help", mark=Mark.FAINT)


def history_lines(homes: AppHomes) -> Iterator[Line]:
    """Say what this host has decided, newest first."""
    from installer.ledger import Ledger  # noqa: PLC0415 - only when it is opened
    from manifests.documents import instant_text  # noqa: PLC0415

    log = Ledger(homes.state).log()
    yield from (Line(loss, mark=Mark.WARN) for loss in log.losses())
    for entry in reversed(log.entries[-MOST:]):
        what = f"{entry.what} {entry.product} {entry.sequence or ''}".strip()
        mark = Mark.WARN if "failed" in entry.what or entry.what == "refused" else Mark.PLAIN
        yield Line(safe_line(f"{instant_text(entry.at)}  {what}"), mark=mark)
        for name, value in entry.facts.items():
            yield Line(safe_line(str(value)), safe_line(name))


def check_lines(homes: AppHomes, engine: str, bundle: Path | None) -> Iterator[Line]:
    """Run every check, and say what each found and what to do."""
    from installer.checks.catalogue import Result, chosen_checks, run_checks  # noqa: PLC0415
    from installer.checks.texts import summary_lines  # noqa: PLC0415
    from installer.verbs import check as checkverb  # noqa: PLC0415 - only when it is opened

    asked = checkverb.Asked(
        trust=homes.trust,
        state=homes.state,
        bundle=bundle,
        engine=engine,
        only="",
        gpu=None,
        cuda="",
        room=0,
    )
    results: list[Result] = []
    for result in run_checks(checkverb.sources_of(asked), chosen_checks([])):
        results.append(result)
        for finding in () if result.left_out else result.findings:
            mark = _MARKS.get(str(finding.severity), Mark.PLAIN)
            text = f"{result.check.id}: {finding.evidence}"
            yield Line(text, str(finding.severity), mark)
            if finding.remedy:
                yield Line(finding.remedy, "next")
    yield blank()
    yield from map(Line, summary_lines(results))


def app_lines(homes: AppHomes, engine: str) -> Iterator[Line]:
    """Say how each installed app is."""
    from installer.ledger import Ledger  # noqa: PLC0415
    from installer.running import runningapp  # noqa: PLC0415 - only when it is opened
    from installer.tui.servicelines import status_lines  # noqa: PLC0415

    for app in Ledger(homes.state).state().apps:
        asked = runningapp.Asked(
            state=homes.state, settings=homes.settings, words=(app.product,), engine=engine
        )
        try:
            with runningapp.running_app(asked, runningapp.choose(asked)) as running:
                yield from status_lines(runningapp.current_status(running))
        except MoonliftError as error:
            yield head(safe_line(app.product))
            if error.code == "app-runs-nothing":
                yield Line(safe_line(str(error)))
            else:
                yield from failure_lines(Failure.of(error))
        yield blank()


def report_lines(homes: AppHomes) -> Iterator[Line]:
    """Show the last run's report, and say where its page lies and which others there are."""
    from installer.report.store import FOLDER, HTML, LAST, Reports  # noqa: PLC0415 - as above
    from installer.report.texts import report_lines as lines_of  # noqa: PLC0415

    reports = Reports(homes.state)
    runs = reports.runs()
    if not runs:
        yield Line("no run has left a report on this host")
        return
    run = reports.find(LAST)
    yield from labelled(lines_of(reports.read(run)))
    yield blank()
    yield Line(str(homes.state / FOLDER / run / HTML), "page")
    for earlier in reversed(runs[:-1]):
        yield Line(f"installer report {earlier}", "earlier")
