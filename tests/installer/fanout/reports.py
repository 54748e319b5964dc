"""Reports of nodes: a real one (`report.json`), with some of its figures changed."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from installer.fanout.nodereport import read_report
from installer.fanout.outcome import NodeOutcome

REPORT = Path(__file__).with_name("report.json")
_REAL: dict[str, Any] = json.loads(REPORT.read_text())


def make_report(
    copy_gbps: float = 20.0,
    *,
    kernel_ms: float = 40.0,
    compile_ms: float = 0.0,
    driver: str = "openblas 1",
    devices: int = 1,
    kind: str = "cpu",
    noisy: bool = False,
) -> dict[str, Any]:
    """Return a report whose every device has these figures."""
    report = copy.deepcopy(_REAL)
    first = report["devices"][0]
    first["yardsticks"]["copy_gbps_before"] = copy_gbps
    first["timings"] = [{**one, "kernel_ms_min": kernel_ms} for one in first["timings"][:1]]
    first["compiled"]["compile_ms"] = compile_ms
    first["device"] |= {"driver": driver, "kind": kind}
    report["devices"] = [copy.deepcopy(first) for _ in range(devices)]
    for index, one in enumerate(report["devices"]):
        one["device"]["index"] = index
    report["noise"]["reasons"] = ["load 9.0 before the run, on 2 cores"] if noisy else []
    return report


def as_bytes(report: dict[str, Any]) -> bytes:
    return json.dumps(report, indent=1).encode()


def reported(node: str, report: dict[str, Any]) -> NodeOutcome:
    """Return a node with that report and no trouble."""
    return NodeOutcome(node, read_report(as_bytes(report)))
