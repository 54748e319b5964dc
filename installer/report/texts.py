"""Reports on a terminal, and the list of them as JSON; pure, prints nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from installer.report.model import Report
from installer.words.results import short_name
from manifests.digest import Digest, MalformedDigest
from manifests.documents import instant_text
from manifests.quantities import bytes_text, seconds_text
from manifests.safetext import safe_line
from manifests.strictjson import JsonValue

SCHEMA = 1


def list_lines(reports: Sequence[Report]) -> Iterator[str]:
    """Say which runs there were, oldest first."""
    if not reports:
        yield "no run has left a report on this host"
    for one in reports:
        bundle = one.bundle
        what = f"{bundle.product} {bundle.version} ({bundle.sequence})"
        code = f": {one.failure.code}" if one.failure else ""
        yield safe_line(f"{one.run}  {one.verb:<9} {one.outcome:<10} {what}{code}")


def list_json(reports: Sequence[Report]) -> dict[str, JsonValue]:
    """Return the same for programs."""
    return {
        "schema": SCHEMA,
        "reports": [
            {
                "run": one.run,
                "started": instant_text(one.started),
                "verb": one.verb,
                "outcome": one.outcome,
                "product": one.bundle.product,
                "version": one.bundle.version,
                "sequence": one.bundle.sequence,
                "code": one.failure.code if one.failure else None,
            }
            for one in reports
        ],
    }


def report_lines(report: Report) -> Iterator[str]:
    """Say what a run was, did and came to; the page and the JSON say more."""
    bundle, host, engine = report.bundle, report.host, report.engine
    yield _row("run", f"{report.run}, {seconds_text(report.seconds)}")
    yield _row("outcome", f"{report.verb}: {report.outcome}")
    if report.failure:
        yield _row("why", f"{report.failure.code}: {report.failure.message}")
        yield _row("next", report.failure.hint)
    yield _row("product", f"{bundle.product} {bundle.version} ({bundle.sequence})")
    for signer in bundle.signers:
        yield _row("signer", f"{signer.principal} {signer.fingerprint}")
    yield _row("bundle", bundle.sums)
    yield _row("from", bundle.path)
    yield _row("host", f"{host.name}, {host.system}, Linux {host.kernel}")
    yield _row("engine", f"{engine.kind} {engine.version} ({engine.store}, {engine.driver})")
    yield from _done(report)


def _done(report: Report) -> Iterator[str]:
    for stage in report.stages:
        time = "never ended" if stage.seconds is None else seconds_text(stage.seconds)
        yield _row("stage", f"{stage.stage}: {time}{', failed' if stage.failed else ''}")
    for image in report.loaded:
        yield _row("loaded", f"{short_name(image.name)}: {bytes_text(image.bytes_read)}")
    for name in report.names:
        yield _row("name", f"{short_name(name.name)}: {_short(name.old)} -> {_short(name.new)}")
    for service in report.services:
        yield _row("service", f"{service.service} ({service.container}): {service.state}")
    tested = ((one.place, device) for one in report.selftests for device in one.devices)
    for place, device in tested:
        yield _row("self-test", f"{place}: {device.address}: {device.verdict}")
    yield from _warnings(report)


def _warnings(report: Report) -> Iterator[str]:
    for one in report.checks:
        if one.severity in ("warn", "fail"):
            yield _row(one.severity, f"{one.check}: {one.evidence}")


def _short(digest: str) -> str:
    try:
        return Digest.parse(digest).short if digest else "new"
    except MalformedDigest:
        return digest


def _row(label: str, text: str) -> str:
    return f"{label:<13}{safe_line(text)}"
