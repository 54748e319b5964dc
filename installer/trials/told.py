"""What a self-test's report tells as events: its devices with their figures, and its pictures.

Source: selftest/report.schema.json, schema 1; what decides is read by `installer.trials.reports`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from installer.stream.stages import Stage
from installer.stream.testevents import DeviceTested, Figure, PictureDrawn
from installer.trials.reports import TrialReport
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue

PNG: Final = b"\x89PNG\r\n\x1a\n"
PICTURE_SIDE: Final = 256
"""Pixels of a picture's side."""
PICTURE_LIMIT: Final = 512 * 1024
"""Bytes of a picture."""
MAX_PICTURES: Final = 4
MAX_DEVICES: Final = 64
MAX_FIGURES: Final = 200
_TEXT: Final = 500


def devices_tested(place: str, report: TrialReport) -> Iterator[DeviceTested]:
    """Yield each device.

    Args:
        place: `host`, or how its container came to GPUs.
        report: as it was read.
    """
    for one in _objects(report.document, "devices")[:MAX_DEVICES]:
        yield _device(place, one)


def pictures_drawn(place: str, folder: Path) -> Iterator[PictureDrawn]:
    """Yield the pictures in a folder; what is none, or too large, is left out."""
    for file in sorted(folder.glob("*.png"))[:MAX_PICTURES]:
        with file.open("rb") as stream:
            data = stream.read(PICTURE_LIMIT + 1)
        if data.startswith(PNG) and len(data) <= PICTURE_LIMIT:
            text = base64.b64encode(data).decode()
            yield PictureDrawn(Stage.SELFTEST, place, safe_line(file.stem), text)


def _device(place: str, report: Mapping[str, JsonValue]) -> DeviceTested:
    found = report.get("device")
    device: Mapping[str, JsonValue] = found if isinstance(found, dict) else {}
    return DeviceTested(
        stage=Stage.SELFTEST,
        place=place,
        address=f"{_text(device, 'backend')}:{_text(device, 'index')}",
        kind=_text(device, "kind"),
        name=_text(device, "name"),
        driver=_text(device, "driver"),
        verdict=_text(report, "verdict"),
        cases=len(_objects(report, "cases")),
        figures=tuple(_figures(report)),
    )


def _figures(report: Mapping[str, JsonValue]) -> Iterator[Figure]:
    for one in _objects(report, "timings")[:MAX_FIGURES]:
        fractions = [_number(one, name) for name in ("fraction_of_copy", "fraction_of_peak")]
        yield Figure(
            case=_text(one, "case"),
            milliseconds=_number(one, "kernel_ms_min") or 0.0,
            gflops=_number(one, "gflops") or 0.0,
            gbps=_number(one, "gbps") or 0.0,
            fraction=max((part for part in fractions if part is not None), default=None),
        )


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
