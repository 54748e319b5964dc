"""Reports on a terminal, and the list of them as JSON; pure, prints nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from installer.report.happened import RemovedPart
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
        number = f" ({one.bundle.sequence})" if one.bundle else ""
        what = f"{one.subject}{number}"
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
                "product": one.bundle.product if one.bundle else one.product or None,
                "version": one.bundle.version if one.bundle else None,
                "sequence": one.bundle.sequence if one.bundle else None,
                "code": one.failure.code if one.failure else None,
            }
            for one in reports
        ],
    }


def report_lines(report: Report) -> Iterator[str]:
    """Say what a run was, did and came to; the page and the JSON say more."""
    host, engine = report.host, report.engine
    yield _row("run", f"{report.run}, {seconds_text(report.seconds)}")
    yield _row("outcome", f"{report.verb}: {report.outcome}")
    if report.failure:
        yield _row("why", f"{report.failure.code}: {report.failure.message}")
        yield _row("next", report.failure.hint)
    yield from _bundle(report)
    yield _row("host", f"{host.name}, {host.system}, Linux {host.kernel}")
    what = f"{engine.kind} {engine.version}".rstrip()
    yield _row("engine", f"{what} ({engine.store}, {engine.driver})")
    yield from _done(report)


def _bundle(report: Report) -> Iterator[str]:
    bundle = report.bundle
    if bundle is None:
        yield _row("about", report.subject)
        return
    yield _row("product", f"{report.subject} ({bundle.sequence})")
    for signer in bundle.signers:
        yield _row("signer", f"{signer.principal} {signer.fingerprint}".lstrip())
    yield _row("bundle", bundle.sums)
    yield _row("from", bundle.path)


def _done(report: Report) -> Iterator[str]:
    for stage in report.stages:
        time = "never ended" if stage.seconds is None else seconds_text(stage.seconds)
        yield _row("stage", f"{stage.stage}: {time}{', failed' if stage.failed else ''}")
    for image in report.loaded:
        yield _row("loaded", f"{short_name(image.name)}: {bytes_text(image.bytes_read)}")
    for name in report.names:
        yield _row("name", f"{short_name(name.name)}: {_short(name.old)} -> {_now(name.new)}")
    for service in report.services:
        yield _row("service", f"{service.service} ({service.container}): {service.state}")
    for thing in report.removed:
        yield _row(thing.outcome, removed_text(thing))
    tested = ((one.place, device) for one in report.selftests for device in one.devices)
    for place, device in tested:
        yield _row("self-test", f"{place}: {device.address}: {device.verdict}")
    yield from _warnings(report)


def _warnings(report: Report) -> Iterator[str]:
    for one in report.checks:
        if one.severity in ("warn", "fail"):
            yield _row(one.severity, f"{one.check}: {one.evidence}")


def removed_text(thing: RemovedPart) -> str:
    """Say what a thing is, what its removal freed, and why it is still there if it is."""
    size = f", {bytes_text(thing.freed)}" if thing.freed else ""
    why = f": {thing.detail}" if thing.detail else ""
    return f"{thing.kind} {', '.join(thing.names)}{size}{why}"


def _now(digest: str) -> str:
    return _short(digest) if digest else "removed"


def _short(digest: str) -> str:
    try:
        return Digest.parse(digest).short if digest else "new"
    except MalformedDigest:
        return digest


def _row(label: str, text: str) -> str:
    return f"{label:<13}{safe_line(text)}"
