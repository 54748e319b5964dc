"""The folder of reports: `<state>/reports/<run>/report.json` and `report.html`, the newest kept.

Owns writing, finding and removing. `report.json` comes last, so that a folder without one is the
rest of a process that was killed, and no report.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from installer.report.html import html_of
from installer.report.model import REPORT_LIMIT, Report
from installer.state.hostdir import HostDirectory
from manifests.errors import MoonliftError, NotInstallableHere, UsageError

FOLDER: Final = "reports"
JSON: Final = "report.json"
HTML: Final = "report.html"
KEPT: Final = 100
"""Reports; older ones are removed."""
LAST: Final = "last"
"""What a person calls the newest."""

_ROOM: Final = "report"
_RUN: Final = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9a-f]{6}", re.ASCII)


class Reports:
    """The reports of this host."""

    def __init__(self, state: Path) -> None:
        self._state = HostDirectory(state, _ROOM)
        self._home = HostDirectory(state / FOLDER, _ROOM)

    def runs(self) -> tuple[str, ...]:
        """Return the runs that there are reports of, oldest first.

        Raises:
            NotInstallableHere: `report-unsafe`, `report-io`.
        """
        return tuple(name for name in self._home.names() if _RUN.fullmatch(name))

    def read(self, run: str) -> Report:
        """Return a report.

        Raises:
            NotInstallableHere: `report-missing`; `report-unsafe`, `report-io`.
            MalformedInput: it is damaged.
        """
        raw = self._of(run).read(JSON, limit=REPORT_LIMIT)
        if raw is None:
            raise NotInstallableHere(
                "report-missing",
                f"{self._of(run).path / JSON} is not there",
                hint="installer report",
            )
        return Report.parse(raw, limit=REPORT_LIMIT, subject=JSON)

    def find(self, wanted: str) -> str:
        """Return the one run that `wanted` names: whole, by its beginning, or `last`.

        Raises:
            UsageError: `report-unknown`.
            NotInstallableHere: as `runs`.
        """
        runs = self.runs()
        fitting = runs[-1:] if wanted == LAST else [one for one in runs if one.startswith(wanted)]
        if len(fitting) == 1:
            return fitting[0]
        raise UsageError(
            "report-unknown",
            f"expected the name of one run, found {wanted!r}, which fits {len(fitting)}",
            hint="installer report lists them",
        )

    def keep(self, report: Report) -> Path:
        """Write a report, remove those that are too many, and return its folder.

        Raises:
            NotInstallableHere: `report-unsafe`, `report-io`.
        """
        self._state.create()
        self._home.create()
        home = self._of(report.run)
        home.create()
        home.write(HTML, html_of(report).encode())
        home.write(JSON, report.readable())
        for run in self.runs()[:-KEPT]:
            self._remove(run)
        return home.path

    def _of(self, run: str) -> HostDirectory:
        return HostDirectory(self._home.path / run, _ROOM)

    def _remove(self, run: str) -> None:
        home = self._of(run)
        with suppress(MoonliftError, OSError):
            for name in home.names():
                home.remove(name)
            home.path.rmdir()
