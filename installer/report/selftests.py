"""What a report says of a self-test, read from its JSON report as of any stranger.

Source: selftest/report.schema.json, schema 1; what decides is read by `installer.trials.reports`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping

from installer.report.facts import RemarkPart
from installer.report.happened import PICTURE_LIMIT, DevicePart, FigurePart, SelftestPart
from installer.trials.reports import TrialReport
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue

PNG: bytes = b"\x89PNG\r\n\x1a\n"
MAX_DEVICES = 64
MAX_FIGURES = 200
_TEXT = 500


def selftest_part(place: str, report: TrialReport, picture: bytes = b"") -> SelftestPart:
    """Return what the self-test came to.

    Args:
        place: where it ran: `host`, or how its container came to a GPU.
        report: as it was read.
        picture: PNG; anything else, and one that is too large, is left out.
    """
    devices = _objects(report.document, "devices")[:MAX_DEVICES]
    remarks = [one for one in report.findings if one.verdict != "pass"][:MAX_FIGURES]
    return SelftestPart(
        place=safe_line(place),
        verdict=report.verdict,
        seconds=max(0.0, report.wall_s),
        devices=tuple(map(_device, devices)),
        remarks=tuple(RemarkPart(code=one.code, text=one.text) for one in remarks),
        picture=_encoded(picture),
    )


def _device(report: Mapping[str, JsonValue]) -> DevicePart:
    found = report.get("device")
    device: Mapping[str, JsonValue] = found if isinstance(found, dict) else {}
    return DevicePart(
        address=f"{_text(device, 'backend')}:{_text(device, 'index')}",
        kind=_text(device, "kind"),
        name=_text(device, "name"),
        driver=_text(device, "driver"),
        verdict=_text(report, "verdict"),
        cases=len(_objects(report, "cases")),
        figures=tuple(_figures(report)),
    )


def _figures(report: Mapping[str, JsonValue]) -> Iterator[FigurePart]:
    for one in _objects(report, "timings")[:MAX_FIGURES]:
        fractions = [_number(one, name) for name in ("fraction_of_copy", "fraction_of_peak")]
        yield FigurePart(
            case=_text(one, "case"),
            milliseconds=_number(one, "kernel_ms_min") or 0.0,
            gflops=_number(one, "gflops") or 0.0,
            gbps=_number(one, "gbps") or 0.0,
            fraction=max((part for part in fractions if part is not None), default=None),
        )


def _encoded(picture: bytes) -> str:
    text = base64.b64encode(picture).decode() if picture.startswith(PNG) else ""
    return text if len(text) <= PICTURE_LIMIT else ""


def _objects(document: Mapping[str, JsonValue], name: str) -> list[dict[str, JsonValue]]:
    value = document.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(document: Mapping[str, JsonValue], name: str) -> str:
    value = document.get(name)
    return "" if value is None else safe_line(str(value)[:_TEXT], limit=_TEXT)


def _number(document: Mapping[str, JsonValue], name: str) -> float | None:
    value = document.get(name)
    usable = isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0
    return float(value) if usable and isinstance(value, (int, float)) else None
