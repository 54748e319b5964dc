"""Reports: what a run leaves for whoever must approve the machine, however the run ended."""

from __future__ import annotations

import html.parser
import json
import re
import threading
from pathlib import Path
from typing import Any
from unittest.mock import patch

import jsonschema
import pytest

from installer.engines.base import EngineInfo, Store
from installer.events import (
    Advanced,
    Noted,
    Outcome,
    RemovalEnded,
    ServiceChanged,
    ServiceState,
    Stage,
)
from installer.planning.outlook import Outlook
from installer.report import store
from installer.report.before import before_install
from installer.report.facts import BundlePart
from installer.report.html import html_of
from installer.report.model import Report, report_schema
from installer.report.reporter import Reporter, reporting
from installer.report.standing import before_prune
from installer.report.store import Reports
from installer.run import run
from installer.stream.removalevents import Removed
from installer.trials.reports import read_report
from installer.trials.told import devices_tested, pictures_drawn
from manifests.errors import EngineFailed, ExitCode, MoonliftError
from tests.installer.conftest import IMAGES, NAMES, Host
from tests.installer.fake_engine import FakeEngine
from tests.installer.test_cli import call, document
from tests.support.bundles import Facts
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.tamper import flip

SCHEMA = Path(__file__).parents[3] / "docs/schemas/report.schema.json"
HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e & \"quoted\" 'words'"
PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 64


class Page(html.parser.HTMLParser):
    """What a page holds: tags that open and were never closed, and every attribute."""

    VOID = ("meta", "img", "br")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


def installed(host: Host, engine: str, path: Path | None = None) -> Report:
    bundle = path or host.bundle(IMAGES, Facts(files={"compose.yaml": b"x: 1\n"})).path
    call(host, "install", bundle, "--yes", "--engine", engine)
    return last(host)


def last(host: Host) -> Report:
    reports = Reports(host.root / "state")
    return reports.read(reports.find("last"))


def keep(host: Host, reporter: Reporter) -> None:
    Reports(host.root / "state").keep(reporter.report())


def brought(report: Report) -> BundlePart:
    assert report.bundle is not None
    return report.bundle


def raw(host: Host, report: Report) -> dict[str, Any]:
    path = host.root / "state" / "reports" / report.run / "report.json"
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def test_the_published_schema_is_that_of_the_document() -> None:
    """When this fails: `installer schema report > docs/schemas/report.schema.json`."""
    assert SCHEMA.read_bytes() == report_schema()


def test_holds_everything_that_an_auditor_asks_for(host: Host, fake: FakeEngine) -> None:
    report = installed(host, fake.url)
    found = raw(host, report)
    jsonschema.validate(found, json.loads(SCHEMA.read_bytes()))
    assert (report.outcome, report.failure) == ("done", None)
    (signer,) = brought(report).signers
    assert signer.fingerprint == host.key.public.fingerprint
    text = json.dumps(found)
    (kept,) = host.ledger.releases()
    digests = set(re.findall(r"sha256:[0-9a-f]{64}", kept.raw.decode()))
    assert digests <= set(re.findall(r"sha256:[0-9a-f]{64}", text)), "every digest is there"
    assert [one.name for one in report.loaded] == list(NAMES)
    assert [(one.name, one.old) for one in report.names] == [(name, "") for name in NAMES]
    stages = {one.stage: one for one in report.stages}
    assert {"check", "load", "tag", "record"} <= stages.keys()
    assert all(one.seconds is not None and not one.failed for one in report.stages)
    assert report.host.kernel
    assert any(one.check == "sys.kernel" for one in report.checks)
    assert [one.name for one in report.files] == ["files/compose.yaml"]
    assert report.plan.store_bytes > 0


def test_an_upgrade_says_what_it_replaced(host: Host, fake: FakeEngine) -> None:
    installed(host, fake.url)
    images = {**IMAGES, NAMES[0]: ImageSpec((LayerSpec({"new": b"1"}),))}
    report = installed(host, fake.url, host.bundle(images, Facts(sequence=2, version="2")).path)
    (moved,) = report.names
    assert moved.old.startswith("sha256:")
    assert [one.present for one in report.images] == [False, True]


def test_a_failed_run_has_a_report_too(host: Host, graph: FakeEngine) -> None:
    graph.faults.error_line = "no space left on device"
    report = installed(host, graph.url)
    assert report.outcome == "failed"
    assert report.failure is not None
    assert (report.failure.code, report.failure.exit_code) == ("engine-no-space", 12)
    assert [one.failed for one in report.stages if one.stage == "load"] == [True]
    assert (report.loaded, report.names) == ((), ())


def test_a_damaged_bundle_is_in_the_report_by_its_places(host: Host, graph: FakeEngine) -> None:
    bundle = host.bundle()
    bad = bundle.release.images[0].layers[-1].name
    flip(bundle.path / bad)
    report = installed(host, graph.url, bundle.path)
    (damage,) = report.damages
    assert (damage.file, damage.offset, damage.images) == (bad, 0, (NAMES[0],))
    assert "image-skipped" in {one.code for one in report.notes}
    assert report.failure is not None
    assert report.failure.code == "bundle-damaged"
    assert bad in html_of(report)


def test_a_cancelled_and_a_broken_off_run_too(host: Host, graph: FakeEngine) -> None:
    cancel = threading.Event()
    plan = host.plan(host.bundle().path, graph.url)
    reporter = Reporter(before_install(Outlook(plan.verified, plan), plan))
    assert reporter.report().outcome == "broken-off"
    for event in reporter.told(run(plan, cancel)):
        if isinstance(event, Advanced):
            cancel.set()
    report = reporter.report()
    assert report.outcome == "cancelled"
    assert report.failure is not None
    assert report.failure.code == "interrupted"


def test_going_back_leaves_one_too(host: Host, fake: FakeEngine) -> None:
    first = installed(host, fake.url)
    changed = {**IMAGES, NAMES[0]: ImageSpec((LayerSpec({"new": b"1"}),))}
    installed(host, fake.url, host.bundle(changed, Facts(sequence=2, version="2")).path)
    assert call(host, "rollback", "--yes", "--engine", fake.url).exit_code == 0
    report = last(host)
    assert (report.verb, report.outcome, brought(report).sequence) == ("rollback", "done", 1)
    assert brought(report).sums == brought(first).sums
    assert [one.fingerprint for one in brought(report).signers] == [host.key.public.fingerprint]
    (moved,) = [one for one in report.names if not one.name.startswith("moonlift.local/")]
    assert (moved.name, moved.new) == (NAMES[0], first.names[0].new)


def test_taking_an_app_off_leaves_one_too(host: Host, tmp_path: Path) -> None:
    engine = f"layout:{tmp_path / 'layout'}"
    first = installed(host, engine)
    assert call(host, "uninstall", "viz", "--yes", "--engine", engine).exit_code == 0
    report = last(host)
    jsonschema.validate(raw(host, report), json.loads(SCHEMA.read_bytes()))
    assert (report.verb, report.outcome, report.product) == ("uninstall", "done", "viz")
    assert (brought(report).sums, brought(report).standing) == (brought(first).sums, "active")
    assert {one.identity for one in report.images} == {one.identity for one in first.images}
    assert {one.name for one in report.names if not one.new} >= set(NAMES)
    shown = call(host, "report", "last").stdout
    assert re.search(r"name +docker.io/acme/[^\n]+ -> removed", shown)
    assert "<td>removed</td>" in html_of(report)


def test_pruning_says_of_each_thing_what_became_of_it(host: Host) -> None:
    info = EngineInfo("docker", "26.1", Store.GRAPH_DRIVER, "overlay2", None, None)
    gone = RemovalEnded(Stage.PRUNE, "image", ("acme/web:1",), "sha256:1", Removed.REMOVED, 5 << 20)
    stays = RemovalEnded(Stage.PRUNE, "volume", (HOSTILE,), "v", Removed.FAILED, detail=HOSTILE)
    with (
        pytest.raises(EngineFailed),
        reporting(before_prune("", "docker", info), lambda one: keep(host, one)),
    ):
        raise EngineFailed("engine-unreachable", "gone")
    assert (last(host).outcome, last(host).subject) == ("failed", "this host")
    with reporting(before_prune("", "docker", info), lambda one: keep(host, one)) as reporter:
        for event in (gone, stays):
            reporter.take(event)
        reporter.end(Outcome.DONE)
    report = last(host)
    jsonschema.validate(raw(host, report), json.loads(SCHEMA.read_bytes()))
    assert (report.bundle, report.outcome) == (None, "done")
    assert "removed      image acme/web:1, 5.00 MiB" in call(host, "report", "last").stdout
    assert re.search(r"prune +done +this host", call(host, "report").stdout)
    listed = document(call(host, "report", "--json"))["reports"][-1]
    assert (listed["product"], listed["version"]) == (None, None)
    page = Page(html_of(report))
    assert "acme/web:1" in page.words
    assert "script" not in page.tags


def test_a_run_that_had_nothing_to_do_leaves_none(host: Host, fake: FakeEngine) -> None:
    path = host.bundle().path
    first = installed(host, fake.url, path)
    assert installed(host, fake.url, path).run == first.run
    assert len(Reports(host.root / "state").runs()) == 1


def test_only_so_many_are_kept(host: Host, graph: FakeEngine) -> None:
    plan = host.plan(host.bundle().path, graph.url)
    reports = Reports(host.root / "state")
    reporter = Reporter(before_install(Outlook(plan.verified, plan), plan))
    with patch.object(store, "KEPT", 3):
        for second in range(5):
            reporter.run = f"2026010{second}T000000Z-abcdef"
            reports.keep(reporter.report())
    assert [one[:8] for one in reports.runs()] == ["20260102", "20260103", "20260104"]
    assert sorted(one.name for one in (host.root / "state/reports").iterdir()) == [*reports.runs()]


def test_a_report_that_can_not_be_written_fails_no_install(host: Host, fake: FakeEngine) -> None:
    (host.root / "state").mkdir()
    (host.root / "state" / "reports").write_text("in the way")
    result = call(host, "install", host.bundle().path, "--yes", "--engine", fake.url)
    assert result.exit_code == ExitCode.DONE
    assert "no report was kept" in result.stderr


def test_the_page_needs_nothing_else_and_runs_nothing(host: Host, fake: FakeEngine) -> None:
    report = installed(host, fake.url)
    text = (host.root / "state/reports" / report.run / "report.html").read_text()
    page = Page(text)
    assert page.open == []
    assert not re.search(r"https?:|url\(|@import", text)
    assert not page.tags & {"script", "link", "iframe", "object", "form", "a", "base"}
    names = {name for name, _ in page.attributes}
    assert not names & {"href", "src", "onclick", "onload", "style", "srcset"}
    for words in (host.key.public.fingerprint, *NAMES, brought(report).sums, "install: done"):
        assert words in page.words
    assert "prefers-color-scheme:dark" in page.words
    assert "@media print" in page.words


def test_foreign_words_are_words_and_nothing_else(host: Host, graph: FakeEngine) -> None:
    plan = host.plan(host.bundle(facts=Facts(waived={"evil/img:1": "<b>x</b>"})).path, graph.url)
    reporter = Reporter(before_install(Outlook(plan.verified, plan), plan))
    reporter.take(Noted(Stage.LOAD, "hostile", HOSTILE))
    reporter.take(
        ServiceChanged(Stage.START, HOSTILE, HOSTILE, ServiceState.UNHEALTHY, f"{HOSTILE}\nmore")
    )
    text = html_of(reporter.report())
    page = Page(text)
    assert "script" not in page.tags
    assert "b" not in page.tags
    assert "<script>alert(1)</script>" in page.words
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_secrets_of_others_do_not_come_into_it(host: Host, graph: FakeEngine) -> None:
    plan = host.plan(host.bundle().path, graph.url)
    reporter = Reporter(before_install(Outlook(plan.verified, plan), plan))
    reporter.take(Noted(Stage.START, "x", "DB_PASSWORD=hunter2hunter2 https://u:p4ssw0rd@host/"))
    text = reporter.report().readable().decode()
    assert "hunter2hunter2" not in text
    assert "p4ssw0rd" not in text
    assert "DB_PASSWORD=[hidden]" in text


def test_the_self_test_has_its_figures_and_its_picture(
    host: Host, graph: FakeEngine, tmp_path: Path
) -> None:
    timing = {"case": "blur", "kernel_ms_min": 1.25, "gflops": 12.5, "gbps": 3.5}
    device = {"backend": "opencl", "index": 0, "kind": "gpu", "name": HOSTILE, "driver": "1"}
    tested = {
        "device": device,
        "verdict": "pass",
        "cases": [{"case": "a"}],
        "timings": [{**timing, "fraction_of_copy": 0.82}],
    }
    told = json.dumps({"schema": 1, "verdict": "pass", "wall_s": 2.5, "devices": [tested]})
    (tmp_path / "blur.png").write_bytes(PNG)
    (tmp_path / "none.png").write_bytes(b"no picture")
    plan = host.plan(host.bundle().path, graph.url)
    reporter = Reporter(before_install(Outlook(plan.verified, plan), plan))
    for event in devices_tested("host", read_report(told.encode())):
        reporter.take(event)
    for drawn in pictures_drawn("host", tmp_path):
        reporter.take(drawn)
    report = reporter.report()
    (part,) = report.selftests
    (figure,) = part.devices[0].figures
    assert (figure.milliseconds, figure.fraction) == (1.25, 0.82)
    assert [one.what for one in part.pictures] == ["blur"]
    page = Page(html_of(report))
    assert "82%" in page.words
    sources = [value for name, value in page.attributes if name == "src"]
    assert [str(one)[:22] for one in sources] == ["data:image/png;base64,"]


def test_lists_shows_and_exports(host: Host, fake: FakeEngine, tmp_path: Path) -> None:
    assert "no run has left a report" in call(host, "report").stdout
    report = installed(host, fake.url)
    listed = document(call(host, "report", "--json"))
    assert [one["run"] for one in listed["reports"]] == [report.run]
    shown = call(host, "report", "last").stdout
    assert brought(report).sums in shown
    assert document(call(host, "report", report.run[:12], "--json"))["run"] == report.run
    call(host, "report", "last", "--html", tmp_path / "page.html")
    assert Page((tmp_path / "page.html").read_text()).open == []
    unknown = call(host, "report", "1999")
    assert unknown.exit_code == ExitCode.USAGE
    assert "code: report-unknown" in unknown.stderr
    assert call(host, "report", "last", "--html", "/nowhere/x").exit_code == ExitCode.USAGE


def test_a_damaged_report_is_told_and_hides_no_other(host: Host, fake: FakeEngine) -> None:
    report = installed(host, fake.url)
    damaged = host.root / "state/reports/20200101T000000Z-abcdef"
    damaged.mkdir()
    (damaged / "report.json").write_text("{")
    result = call(host, "report")
    assert report.run in result.stdout
    assert "20200101T000000Z-abcdef" in result.stderr
    with pytest.raises(MoonliftError):
        Reports(host.root / "state").read(damaged.name)
