"""How fast this host's engine took images in before, by its own reports."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Final

from installer.engines.base import EngineInfo
from installer.events import Stage
from installer.report.model import Report
from installer.report.store import Reports
from manifests.errors import MoonliftError

LOOKED_AT: Final = 8
"""Reports, from the newest."""
SMALLEST: Final = 16 * 1024 * 1024
"""Bytes below which a load says nothing of the engine's speed."""


def engine_rate(state: Path, info: EngineInfo) -> float | None:
    """Return the bytes a second that an engine of this kind took in; None where that is not known.

    Args:
        state: this host's state folder.
        info: what the engine says of itself.
    """
    reports = Reports(state)
    try:
        runs = reports.runs()[-LOOKED_AT:]
    except MoonliftError:
        return None
    rates = [rate for run in runs if (rate := _rate(reports, run, info)) is not None]
    return median(rates) if rates else None


def _rate(reports: Reports, run: str, info: EngineInfo) -> float | None:
    try:
        report = reports.read(run)
    except MoonliftError:
        return None
    seconds = _load_seconds(report)
    if seconds is None or report.plan.engine_bytes < SMALLEST or not _is_same(report, info):
        return None
    return report.plan.engine_bytes / max(seconds, 1e-3)


def _load_seconds(report: Report) -> float | None:
    whole = (one for one in report.stages if one.stage == Stage.LOAD and not one.failed)
    return next((one.seconds for one in whole), None)


def _is_same(report: Report, info: EngineInfo) -> bool:
    engine = report.engine
    found = (engine.kind, engine.version, engine.store, engine.driver)
    return found == (info.kind, info.version, str(info.store), info.driver)
