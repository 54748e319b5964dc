"""`report.html`: a report as one page that needs nothing else: no link, no script, no font.

Owns the page's order and look. All values go through `htmlparts`, which escapes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from installer.report.happened import SelftestPart
from installer.report.htmlparts import facts, picture, preformatted, section, table, text
from installer.report.model import Report
from installer.stream.stages import counted_text
from manifests.documents import instant_text
from manifests.quantities import bytes_text, seconds_text

_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_WORDS: Final = {
    "done": "done",
    "nothing-to-do": "nothing was to be done",
    "failed": "failed",
    "cancelled": "stopped by a person",
    "broken-off": "broken off: the installer itself did not end in order",
}
_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#59636e;--paper:#fff;--line:#d1d9e0;
--good:#1a7f37;--bad:#c4202b;--warn:#8a5a00;--shade:#f6f8fa}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--soft:#9198a1;--paper:#0d1117;
--line:#3d444d;--good:#3fb950;--bad:#ff7b72;--warn:#d29922;--shade:#151b23}}
@media print{:root{--ink:#000;--soft:#333;--paper:#fff;--line:#999;--good:#000;--bad:#000;
--warn:#000;--shade:#fff}section{break-inside:auto}tr,dl>*{break-inside:avoid}
thead{display:table-header-group}body{margin:0;max-width:none;font-size:9pt}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);
margin:2rem auto;max-width:76rem;padding:0 1rem}
h1{font-size:1.6rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem;
border-bottom:1px solid var(--line)}h3{font-size:1rem;margin:1rem 0 .3rem}
.outcome{font-size:1.1rem;font-weight:600}.done,.nothing-to-do{color:var(--good)}
.failed,.broken-off{color:var(--bad)}.cancelled{color:var(--warn)}
dl{display:grid;grid-template-columns:minmax(8rem,max-content) 1fr;gap:.1rem 1rem;margin:.5rem 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
th,td{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;
border-bottom:1px solid var(--line);overflow-wrap:anywhere}
th{color:var(--soft);font-weight:500}.number{text-align:right;font-variant-numeric:tabular-nums}
.is-fail td:first-child,.is-failed td:first-child{color:var(--bad);font-weight:600}
.is-warn td:first-child{color:var(--warn);font-weight:600}
pre{background:var(--shade);padding:.6rem;white-space:pre-wrap;overflow-wrap:anywhere}
code,pre,.digests td{font-family:ui-monospace,monospace;font-size:.85em}
img{max-width:100%;height:auto}footer{color:var(--soft);margin-top:2rem}
"""


def html_of(report: Report) -> str:
    """Return the page."""
    title = f"{report.subject}: {_WORDS[report.outcome]}"
    return "\n".join(
        (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{text(_POLICY)}">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>",
            *(part for part in _parts(report) if part),
            f"<footer>moonlift {text(report.program)}, run {text(report.run)}</footer>",
            "</body>\n</html>\n",
        )
    )


def _parts(report: Report) -> Iterator[str]:
    yield _head(report)
    yield _failure(report)
    yield _bundle(report)
    yield _machine(report)
    yield _changes(report)
    yield _timings(report)
    yield from (_selftest(one) for one in report.selftests)
    yield _checks(report)
    yield _plan(report)
    yield _digests(report)


def _head(report: Report) -> str:
    words = f"{report.verb}: {_WORDS[report.outcome]}"
    when = f"{instant_text(report.started)} to {instant_text(report.ended)}"
    return (
        f"<header><h1>{text(report.subject)}</h1>"
        f'<p class="outcome {text(report.outcome)}">{text(words)}</p>'
        f"<p>on {text(report.host.name)}, {text(when)}, {text(seconds_text(report.seconds))}</p>"
        "</header>"
    )


def _failure(report: Report) -> str:
    failure = report.failure
    if failure is None:
        return ""
    rows = [("code", failure.code), ("exit", failure.exit_code), ("next", failure.hint)]
    return section("Why it ended so", preformatted(failure.message), facts(rows))


def _bundle(report: Report) -> str:
    bundle = report.bundle
    if bundle is None:
        return ""
    rows = [
        ("product", bundle.product),
        ("version", bundle.version),
        ("sequence", f"{bundle.sequence} ({bundle.standing} on this host)"),
        ("made", instant_text(bundle.issued)),
        ("age", str(timedelta(seconds=bundle.age_seconds))),
        ("expires", instant_text(bundle.expires) if bundle.expires else None),
        ("SHA256SUMS", bundle.sums),
        ("from", bundle.path),
        ("signers asked for", bundle.threshold),
    ]
    signers = [(one.principal, one.fingerprint) for one in bundle.signers]
    remarks = [("not counted", one.code, one.text) for one in bundle.ignored]
    remarks += [("warning", one.code, one.text) for one in bundle.warnings]
    remarks += [("left out by its makers", one.code, one.text) for one in bundle.waived]
    return section(
        "Bundle",
        facts(rows),
        table(("signer", "fingerprint"), signers),
        table(("remark", "what", ""), remarks),
    )


def _machine(report: Report) -> str:
    host, engine = report.host, report.engine
    rows = [
        ("host", host.name),
        ("system", host.system),
        ("kernel", f"{host.kernel} on {host.machine}"),
        ("run by user", host.user),
        ("engine", f"{engine.kind} {engine.version}".strip()),
        ("store", f"{engine.store}, {engine.driver}"),
        ("platform", engine.platform),
        ("images in", engine.root),
    ]
    return section("Machine", facts(rows))


def _changes(report: Report) -> str:
    names = [(one.name, one.old or "was not there", one.new or "removed") for one in report.names]
    loads = [
        (one.name, one.layers_sent, bytes_text(one.bytes_read), seconds_text(one.seconds))
        for one in report.loaded
    ]
    services = [(one.state, one.service, one.container, one.detail) for one in report.services]
    removed = [
        (one.outcome, one.kind, ", ".join(one.names), bytes_text(one.freed), one.detail)
        for one in report.removed
    ]
    notes = [(one.stage, one.code, one.text) for one in report.notes]
    damages = [
        (one.file, one.offset, one.length, one.found, ", ".join(one.images))
        for one in report.damages
    ]
    others = [(one.get("event", ""), _other(one)) for one in report.others]
    return section(
        "What was changed",
        table(("image loaded", "#layers sent", "#read", "#time"), loads),
        table(("name", "before", "now"), names),
        table(("state", "service", "container", "detail"), services, marked=0),
        table(("", "kind", "was to go", "#freed", "why not"), removed, marked=0),
        table(("stage", "note", ""), notes),
        table(("damaged in the bundle", "#offset", "#bytes", "found", "images"), damages),
        table(("event", "facts"), others),
        "" if loads or names or services or removed or others else "<p>Nothing.</p>",
    )


def _other(event: dict[str, object]) -> str:
    return ", ".join(f"{name}: {value}" for name, value in event.items() if name != "event")


def _timings(report: Report) -> str:
    rows = [
        (
            "failed" if one.failed else "done" if one.seconds is not None else "never ended",
            one.stage,
            bytes_text(one.total) if one.unit == "bytes" else counted_text(one.total, one.unit),
            "" if one.seconds is None else seconds_text(one.seconds),
        )
        for one in report.stages
    ]
    return section("Stages", table(("", "stage", "#of", "#time"), rows, marked=0))


def _selftest(part: SelftestPart) -> str:
    devices = [
        (one.verdict, one.address, one.name, one.kind, one.driver, one.cases)
        for one in part.devices
    ]
    figures = [
        (
            device.address,
            one.case,
            f"{one.milliseconds:.3f}",
            f"{one.gflops:.1f}",
            f"{one.gbps:.1f}",
            "" if one.fraction is None else f"{one.fraction:.0%}",
        )
        for device in part.devices
        for one in device.figures
    ]
    return section(
        f"Self-test: {part.place}",
        table(("", "device", "name", "kind", "driver", "#results compared"), devices, marked=0),
        table(("device", "case", "#ms", "#GFLOP/s", "#GB/s", "#of its limit"), figures),
        *(picture(one.png, one.what) for one in part.pictures),
    )


def _checks(report: Report) -> str:
    rows = [(one.severity, one.check, one.evidence, one.remedy) for one in report.checks]
    return section("Checks of the host", table(("", "check", "found", "to do"), rows, marked=0))


def _plan(report: Report) -> str:
    plan = report.plan
    rows = [
        ("checked before", bytes_text(plan.checked_bytes)),
        ("read while loading", bytes_text(plan.read_bytes)),
        ("unpacked", bytes_text(plan.unpack_bytes)),
        ("to the engine's temporary folder", bytes_text(plan.temporary_bytes)),
        ("to its store", bytes_text(plan.store_bytes)),
        ("drive", f"{bytes_text(plan.drive_rate)}/s" if plan.drive_rate else None),
        ("time foreseen", seconds_text(plan.seconds) if plan.seconds is not None else None),
        ("by", plan.basis),
    ]
    systems = [
        (one.mount, one.device, ", ".join(one.purposes), bytes_text(one.need), bytes_text(one.free))
        for one in plan.file_systems
    ]
    heads = ("file system", "device", "for", "#needed", "#free")
    return section("Plan", facts(rows), table(heads, systems))


def _digests(report: Report) -> str:
    images = [
        table(
            ("layer", "diff ID", "#size", "sent"),
            [
                (one.digest, one.diff_id, bytes_text(one.size), "yes" if one.sent else "was there")
                for one in image.layers
            ],
        )
        for image in report.images
    ]
    heads = [
        f"<h3>{text(image.name)}</h3>"
        + facts(
            [
                ("platform", image.platform),
                ("image ID", image.image_id),
                ("manifest", image.manifest),
                ("before", "it was there" if image.present else "it was not there"),
            ]
        )
        for image in report.images
    ]
    blocks = [
        f'<div class="digests">{head}{body}</div>' for head, body in zip(heads, images, strict=True)
    ]
    files = [(one.name, one.digest, bytes_text(one.size)) for one in report.files]
    return section("Digests", *blocks, table(("file", "digest", "#size"), files))
