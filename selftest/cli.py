"""`python -m selftest`: reads the command line, runs, prints; exit 0 or 13.

The table and the pictures go to standard output, or one JSON document instead of them.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from selftest.baseline import compare_and_save
from selftest.columns import Page
from selftest.examine import add_findings, examine
from selftest.gallery import Gallery
from selftest.jsonform import json_schema, to_json
from selftest.measured import Verdict
from selftest.model import Report
from selftest.options import Options, parse_options
from selftest.runner import WORKER, Runner
from selftest.survey import Request, list_devices
from selftest.table import device_lines, finding_lines, report_lines

EXIT_OK: Final = 0
EXIT_USAGE: Final = 2
EXIT_FAILED: Final = 13
EXIT_INTERRUPTED: Final = 130

_NARROWEST: Final = 40
"""Columns of a terminal below which lines are left to it."""


def main(arguments: Sequence[str] | None = None, worker: Sequence[str] = WORKER) -> int:
    """Run the self-test.

    Args:
        arguments: of the command line; the process's own when None.
        worker: the command of the child process; tests give others.

    Returns:
        0 when every device computes what it should, 13 when one does not.
    """
    options = parse_options(arguments)
    if options.schema_only:
        _say([json.dumps(report_schema(), indent=1)])
        return EXIT_OK
    try:
        with tempfile.TemporaryDirectory(prefix="moonlift-selftest-") as folder:
            return _run(options, Runner(Path(folder), tuple(worker)))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except OSError as error:
        sys.stderr.write(f"selftest: {error}\n")
        return EXIT_USAGE


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema of the report."""
    return json_schema(Report, title="moonlift self-test report")


def _run(options: Options, runner: Runner) -> int:
    gallery = Gallery(runner.scratch / "pictures", options.side)
    request = Request(
        suite="full" if options.full else "quick",
        selection=options.selection,
        deadline_s=options.deadline_s,
        expect_gpus=options.expect_gpus,
    )
    if options.list_only:
        return _list(options, request, runner)
    unable = None
    if options.pictures or _shows_picture(options):
        unable = gallery.prepare()
        request = replace(request, pictures=None if unable else str(gallery.folder))
    with _progress() as tell:
        report = examine(request, runner, tell)
    report = add_findings(report, [unable] if unable else [])
    if options.pictures:
        report = gallery.write(report, options.pictures)
    report = compare_and_save(report, options.baseline, options.save_baseline, options.baseline_key)
    _publish(options, gallery, report)
    return EXIT_FAILED if report.verdict is Verdict.FAIL else EXIT_OK


def _publish(options: Options, gallery: Gallery, report: Report) -> None:
    text = json.dumps(to_json(report), indent=1)
    if options.report:
        options.report.write_text(text + "\n")
    if options.as_json:
        _say([text])
        return
    if _shows_picture(options):
        _say(gallery.lines(report))
    _say(report_lines(report, _page()))
    _say(f"wrote {path}" for path in report.pictures)


def _list(options: Options, request: Request, runner: Runner) -> int:
    listing = list_devices(request, runner)
    chosen = tuple(filter(request.selection.wants, listing.devices))
    if options.as_json:
        found = {"devices": to_json(chosen), "findings": to_json(listing.findings)}
        _say([json.dumps(found, indent=1)])
    else:
        _say(device_lines(chosen))
        for finding in listing.findings:
            _say(finding_lines(finding, _page()))
    failed = any(one.verdict is Verdict.FAIL for one in listing.findings)
    return EXIT_FAILED if failed or not chosen else EXIT_OK


def _say(lines: Iterable[str]) -> None:
    """Print lines; characters that the output can't show become escapes."""
    encoding = sys.stdout.encoding or "ascii"
    for line in lines:
        shown = line.encode(encoding, "backslashreplace").decode(encoding)
        sys.stdout.write(f"{shown}\n")
    sys.stdout.flush()


def _shows_picture(options: Options) -> bool:
    return sys.stdout.isatty() and options.show_picture and not options.as_json


def _page() -> Page:
    if not sys.stdout.isatty():
        return Page()
    columns = shutil.get_terminal_size().columns
    return Page(min(Page().width, max(columns, _NARROWEST)), _colour())


def _colour() -> bool:
    term = os.environ.get("TERM", "dumb")
    plain = os.environ.get("NO_COLOR") or term in ("", "dumb") or term.startswith("vt")
    return not plain


@contextmanager
def _progress() -> Iterator[Callable[[str], object]]:
    """Tell on the terminal what is being done, and wipe it away at the end."""
    if not sys.stderr.isatty() or os.environ.get("TERM", "dumb") in ("", "dumb"):
        yield lambda _: None
        return
    try:
        yield lambda text: _overwrite(text[:78])
    finally:
        _overwrite("")


def _overwrite(text: str) -> None:
    sys.stderr.write(f"\r\x1b[K{text}")
    sys.stderr.flush()
