"""`installer status`, `logs`, `stop`, `start` and `restart` of an app that was installed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from installer.ledger import PendingSwitch
from manifests.errors import ExitCode
from tests.installer.app.hosts import AppHost
from tests.support.bundles import new_key
from tests.support.realapp import PRODUCT, RealRelease
from tests.support.site import Site

pytestmark = pytest.mark.engine


@pytest.fixture
def site(old_host: AppHost) -> Site:
    """A host on which release 1 runs."""
    folder = old_host.root / "site"
    folder.mkdir()
    made = Site(old_host.engine, folder, new_key(folder / "key"))
    made.trust()
    done = made.install(made.bundle(RealRelease(1, selftest=False)))
    assert done.returncode == 0, done.stderr
    return made


def status(site: Site, *words: str) -> tuple[int, dict[str, Any]]:
    done = site.ask("status", *words, "--json")
    return done.returncode, json.loads(done.stdout)


def test_what_runs_is_shown_stopped_and_started(site: Site) -> None:
    code, found = status(site)
    assert (code, found["well"], found["active"], found["pending"]) == (0, True, 1, None)
    assert [one["service"] for one in found["instances"]] == ["db", "web", "worker"]
    web = found["instances"][1]
    assert (web["state"], web["health"], web["release"]) == ("running", "healthy", 1)
    assert any("8080->8080/tcp" in port for port in web["ports"])

    assert site.installer("stop", "worker").returncode == 0
    shown = site.installer("status")
    assert shown.returncode == ExitCode.START_FAILED
    assert "moonbase-worker-1: ended with status" in shown.stdout
    assert site.installer("start", PRODUCT, "worker").returncode == 0
    assert status(site, PRODUCT, "worker")[1]["well"]

    at = ("--engine", f"docker:{site.engine.url}")
    plan = json.loads(site.ask("prune", "--dry-run", "--json", *at).stdout)
    kept = {one["identity"]: one["reason"]["text"] for one in plan["items"] if not one["goes"]}
    assert kept[f"{PRODUCT} 1"] == f"the active release of {PRODUCT}"
    assert status(site)[1]["leftovers"] == []
    image = site.engine.docker("image", "ls", "--quiet").split()[0]
    left = f"moonlift.local/{PRODUCT}:0123456789ab"
    site.engine.docker("tag", image, left)
    assert f"broken off: {left}" in site.ask("status").stdout
    (found_left,) = status(site)[1]["leftovers"]
    assert found_left["bytes"] > 0
    site.engine.docker("image", "rm", left)

    logs = site.ask("logs", "db", "--tail", "5", "--json")
    assert (logs.returncode, json.loads(logs.stdout).keys()) == (0, {"lines"})
    unknown = site.installer("stop", "nobody")
    assert unknown.returncode == ExitCode.USAGE
    assert "service-unknown" in unknown.stderr
    check_that_start_ends_what_was_broken_off(site)
    check_that_each_left_a_report(site)


def check_that_each_left_a_report(site: Site) -> None:
    listed = json.loads(site.ask("report", "--json").stdout)["reports"]
    left = [(one["verb"], one["outcome"], one["sequence"]) for one in listed]
    done = [(verb, "done", 1) for verb in ("install", "stop", "start", "start", "restart")]
    assert left[:3] == done[:3]
    assert left[-2:] == done[-2:]
    assert ("stop", "failed", 1) in left
    first, last = (
        json.loads(site.ask("report", one["run"], "--json").stdout)
        for one in (listed[0], listed[-1])
    )
    assert last["engine"]["kind"] == "docker"
    assert last["engine"]["store"] == first["engine"]["store"]
    assert [one["identity"] for one in last["images"]] == [
        one["identity"] for one in first["images"]
    ]
    states = [one["state"] for one in last["services"] if one["service"] == "db"]
    assert (states[0], states[-1]) == ("stopped", "healthy")


def check_that_start_ends_what_was_broken_off(site: Site) -> None:
    with site.ledger.locked() as ledger:
        at = ledger.history()[-1].at.replace(microsecond=0)
        pending = PendingSwitch(sequence=1, since=at)
        ledger.change_app(PRODUCT, lambda app: app.with_pending(pending))
    code, found = status(site)
    assert (code, found["pending"]["sequence"]) == (ExitCode.START_FAILED, 1)
    done = site.installer("start")
    assert done.returncode == 0, done.stderr
    assert "was broken off; release 1 is brought back" in done.stderr
    assert status(site)[0] == 0
    restarted = site.installer("restart")
    assert restarted.returncode == 0, restarted.stderr
    assert "stopped      moonbase-db-1" in restarted.stderr
    assert [one.what for one in site.ledger.history()][-2:] == ["started", "restarted"]
