"""Reports as the self-test writes them, made without it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from installer.trials.reports import TrialReport, read_report

CPUS = ("numpy:0", "opencl:0")


def finding(code: str, verdict: str = "fail", text: str = "words") -> dict[str, Any]:
    return {"verdict": verdict, "code": code, "text": text, "evidence": ["quoted"], "remedy": "do"}


def device(address: str, kind: str = "cpu", *, uuid: str | None = None) -> dict[str, Any]:
    backend, _, index = address.partition(":")
    named = {"backend": backend, "index": int(index), "kind": kind, "name": "Some device"}
    return {
        "device": {**named, "uuid": uuid},
        "verdict": "pass",
        "findings": [],
        "cases": [{"case": "dense-r1", "verdict": "pass", "code": None, "text": ""}],
    }


def raw_report(
    devices: Sequence[Mapping[str, Any]] = tuple(map(device, CPUS)),
    findings: Sequence[Mapping[str, Any]] = (),
) -> bytes:
    failed = any(one["verdict"] == "fail" for one in (*devices, *findings))
    document = {
        "schema": 1,
        "verdict": "fail" if failed else "pass",
        "wall_s": 4.5,
        "devices": list(devices),
        "findings": list(findings),
    }
    return json.dumps(document).encode()


def report(
    devices: Sequence[Mapping[str, Any]] = tuple(map(device, CPUS)),
    findings: Sequence[Mapping[str, Any]] = (),
) -> TrialReport:
    return read_report(raw_report(devices, findings))
