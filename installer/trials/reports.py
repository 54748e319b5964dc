"""Reads the self-test's JSON report, as of any stranger: bounded, strict in what is needed.

Of the report only what decides is read; the whole is handed on as it is. Fields that are not known
are no mistake: a newer self-test may say more.

Source: selftest/report.schema.json, schema 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from manifests.errors import SelftestFailed
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue, MalformedJson, load_object

REPORT_LIMIT: Final = 8 * 1024**2
"""Bytes of a report; that of a full run on sixteen devices has less than one."""
SCHEMA: Final = 1
FAIL: Final = "fail"

_TEXT: Final = 500
_EVIDENCE_LINES: Final = 20


@dataclass(frozen=True, slots=True)
class ReportedFinding:
    """Something that the self-test found.

    Attributes:
        verdict: `pass`, `skip`, `warn` or `fail`.
        code: stable.
        text: in words.
        remedy: what to do.
        evidence: what drivers and loaders said.
        device: address, such as `opencl:0`; empty for what belongs to none.
    """

    verdict: str
    code: str
    text: str
    remedy: str = ""
    evidence: tuple[str, ...] = ()
    device: str = ""


@dataclass(frozen=True, slots=True)
class ReportedDevice:
    """A device that was tested.

    Attributes:
        backend: `numpy`, `opencl` or `cuda`.
        address: such as `opencl:0`.
        kind: `cpu`, `gpu` or `accelerator`.
        name: as its driver gives it.
        verdict: of all its cases.
        identity: its UUID, else its address.
    """

    backend: str
    address: str
    kind: str
    name: str
    verdict: str
    identity: str


@dataclass(frozen=True, slots=True)
class TrialReport:
    """A report, as far as it decides.

    Attributes:
        verdict: the worst of all.
        wall_s: how long it took.
        devices: that were tested.
        findings: of the run, of its devices and of their cases.
        document: the whole of it.
    """

    verdict: str
    wall_s: float
    devices: tuple[ReportedDevice, ...]
    findings: tuple[ReportedFinding, ...]
    document: Mapping[str, JsonValue]

    @property
    def gpus(self) -> int:
        """How many GPUs were seen, by the backend that saw most."""
        seen: dict[str, set[str]] = {}
        for one in self.devices:
            if one.kind == "gpu":
                seen.setdefault(one.backend, set()).add(one.identity)
        return max(map(len, seen.values()), default=0)

    @property
    def failures(self) -> tuple[ReportedFinding, ...]:
        """What failed."""
        return tuple(one for one in self.findings if one.verdict == FAIL)


def read_report(raw: bytes) -> TrialReport:
    """Return what a report says.

    Raises:
        SelftestFailed: `selftest-report`: it is none, or of another version.
    """
    try:
        document = load_object(raw, limit=REPORT_LIMIT, subject="the self-test's report")
    except MalformedJson as error:
        raise _unreadable(str(error)) from error
    if document.get("schema") != SCHEMA:
        raise _unreadable(f"expected schema {SCHEMA}, found {document.get('schema')!r:.100}")
    wall_s = document.get("wall_s")
    listed = [one for one in _objects(document, "devices") if isinstance(one.get("device"), dict)]
    return TrialReport(
        verdict=_text(document, "verdict"),
        wall_s=float(wall_s) if isinstance(wall_s, (int, float)) else 0.0,
        devices=tuple(_device(one) for one in listed),
        findings=(*_findings(document, ""), *_findings_of(listed)),
        document=document,
    )


def _device(report: Mapping[str, JsonValue]) -> ReportedDevice:
    device = _object(report, "device")
    address = _address(device)
    return ReportedDevice(
        backend=_text(device, "backend"),
        address=address,
        kind=_text(device, "kind"),
        name=_text(device, "name"),
        verdict=_text(report, "verdict"),
        identity=_text(device, "uuid") or address,
    )


def _findings_of(devices: list[dict[str, JsonValue]]) -> Iterator[ReportedFinding]:
    for report in devices:
        address = _address(_object(report, "device"))
        yield from _findings(report, address)
        for case in _objects(report, "cases"):
            if case.get("verdict") == FAIL:
                text = f"{_text(case, 'case')}: {_text(case, 'text')}"
                yield ReportedFinding(FAIL, _text(case, "code"), text, device=address)


def _findings(report: Mapping[str, JsonValue], address: str) -> Iterator[ReportedFinding]:
    for one in _objects(report, "findings"):
        quoted = one.get("evidence")
        lines = quoted[:_EVIDENCE_LINES] if isinstance(quoted, list) else ()
        yield ReportedFinding(
            verdict=_text(one, "verdict"),
            code=_text(one, "code"),
            text=_text(one, "text"),
            remedy=_text(one, "remedy"),
            evidence=tuple(safe_line(str(line), limit=_TEXT) for line in lines),
            device=address,
        )


def _address(device: Mapping[str, JsonValue]) -> str:
    return f"{_text(device, 'backend')}:{_text(device, 'index')}"


def _objects(document: Mapping[str, JsonValue], name: str) -> list[dict[str, JsonValue]]:
    value = document.get(name)
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _object(document: Mapping[str, JsonValue], name: str) -> Mapping[str, JsonValue]:
    value = document.get(name)
    return value if isinstance(value, dict) else {}


def _text(document: Mapping[str, JsonValue], name: str) -> str:
    value = document.get(name)
    return "" if value is None else safe_line(str(value)[:_TEXT], limit=_TEXT)


def _unreadable(reason: str) -> SelftestFailed:
    return SelftestFailed(
        "selftest-report",
        f"expected the self-test's report, found something else: {reason}",
        hint="the image must be one that `bundle selftest-image` made, of about this version",
    )
