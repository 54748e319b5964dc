"""The fleet for programs, as one document; its fields only grow (docs/selftest.md). Pure."""

from __future__ import annotations

from typing import Final

from installer.fanout.fleet import Fleet
from installer.fanout.nodereport import NodeDeviceReport, NodeFinding, NodeReport, Verdict
from installer.fanout.outcome import NodeOutcome, Trouble
from installer.fanout.outliers import Outlier
from manifests.strictjson import JsonValue

SCHEMA: Final = 1


def fleet_json(fleet: Fleet) -> dict[str, JsonValue]:
    """Return everything; the nodes' whole reports are in the folder of `--reports`."""
    pairs = zip(fleet.outcomes, fleet.verdicts, strict=True)
    return {
        "schema": SCHEMA,
        "way": fleet.way,
        "verdict": str(fleet.verdict),
        "nodes": [_node(outcome, verdict) for outcome, verdict in pairs],
        "outliers": [_outlier(one) for one in fleet.outliers],
        "oddities": [
            {
                "node": one.node,
                "fact": one.fact,
                "found": one.found,
                "common": one.common,
                "text": one.text,
            }
            for one in fleet.oddities
        ],
        "not_compared": list(fleet.noisy),
        "srun_said": list(fleet.talk),
    }


def _node(outcome: NodeOutcome, verdict: Verdict) -> dict[str, JsonValue]:
    return {
        "node": outcome.node,
        "verdict": str(verdict),
        "reported": outcome.report is not None,
        "troubles": [_trouble(one) for one in outcome.troubles],
        "report": None if outcome.report is None else _report(outcome.report),
    }


def _trouble(one: Trouble) -> dict[str, JsonValue]:
    return {
        "verdict": str(one.verdict),
        "code": one.code,
        "text": one.text,
        "evidence": list(one.evidence),
        "remedy": one.remedy,
    }


def _report(report: NodeReport) -> dict[str, JsonValue]:
    return {
        "tool_version": report.tool_version,
        "started_utc": report.started_utc,
        "wall_s": report.wall_s,
        "verdict": str(report.verdict),
        "host": report.host.model_dump(mode="json"),
        "noise": list(report.noise.reasons),
        "findings": [_finding(one) for one in report.findings],
        "devices": [_device(one) for one in report.devices],
    }


def _finding(one: NodeFinding) -> dict[str, JsonValue]:
    return {
        "verdict": str(one.verdict),
        "code": one.code,
        "text": one.text,
        "evidence": list(one.evidence),
        "remedy": one.remedy,
    }


def _device(report: NodeDeviceReport) -> dict[str, JsonValue]:
    wrong = [one for one in report.cases if one.verdict is Verdict.FAIL]
    return {
        "device": report.device.model_dump(mode="json"),
        "verdict": str(report.verdict),
        "cases": len(report.cases),
        "failed": [one.model_dump(mode="json") for one in wrong],
        "compile_ms": report.compiled.compile_ms if report.compiled else None,
        "copy_gbps": report.yardsticks.copy_gbps_before,
        "peak_gflops": report.yardsticks.peak_gflops,
        "kernel_ms_min": {one.case: one.kernel_ms_min for one in report.timings},
        "findings": [_finding(one) for one in report.findings],
    }


def _outlier(one: Outlier) -> dict[str, JsonValue]:
    return {
        "node": one.node,
        "device": one.device,
        "figure": one.figure.name,
        "unit": one.figure.unit,
        "value": one.figure.value,
        "median": one.median,
        "mad": one.mad,
        "count": one.count,
        "change_pct": one.change_pct,
        "worse": one.worse,
        "text": one.text,
    }
