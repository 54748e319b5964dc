"""The life of a real app on a real engine without a network, from its install to its end.

The tests are the chapters of one story and run in their order, on one host.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from manifests.errors import ExitCode
from tests.support.bundles import Bundle, new_key
from tests.support.engine import Engine
from tests.support.forked import Done
from tests.support.realapp import PRODUCT, SELFTEST, VOLUME, RealRelease
from tests.support.site import Site

pytestmark = pytest.mark.engine

SERVICES = ["db", "web", "worker"]


@pytest.fixture(scope="module")
def site(_bridged_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("site")
    made = Site(_bridged_engine, root, new_key(root / "key"))
    made.trust()
    yield made
    _bridged_engine.clear()


@pytest.fixture(scope="module")
def bundles(site: Site) -> dict[int, Bundle]:
    return {n: site.bundle(RealRelease(n, broken=n == 3)) for n in (1, 2, 3)}


def code_of(done: Done) -> int:
    return done.returncode


def runs(site: Site, bundle: Bundle) -> bool:
    """Tell whether exactly this release's containers run, all of them healthy, by image ID."""
    found = site.containers()
    images = {str(image.image_id) for image in bundle.release.images if image.name != SELFTEST}
    assert {one["Image"] for one in found} == images
    services = sorted(one["Config"]["Labels"]["com.docker.compose.service"] for one in found)
    assert services == SERVICES
    assert sorted(one["Name"] for one in found) == [f"/moonbase-{one}-1" for one in SERVICES]
    return all(one["State"]["Health"]["Status"] == "healthy" for one in found)


def named(site: Site, bundle: Bundle) -> bool:
    """Tell whether all of the app's names point to this release's images."""
    return all(
        site.engine.inspect(image.name)["Id"] == str(image.image_id)
        for image in bundle.release.images
    )


def standing(site: Site) -> tuple[int | None, int | None]:
    app = site.ledger.app(PRODUCT)
    assert app is not None
    assert app.pending is None
    return app.active, app.previous


def engine_words(site: Site) -> tuple[str, str]:
    return "--engine", f"docker:{site.engine.url}"


def test_1_install_starts_it(site: Site, bundles: dict[int, Bundle]) -> None:
    links = site.engine.docker("network", "ls", "--format", "{{.Driver}}").split()
    assert "bridge" in links
    done = site.install(bundles[1])
    assert done.returncode == 0, done.stderr
    for words in ("self-test    in containers", "db: start", "files        1, "):
        assert words in done.stdout
    assert "moonbase 1.1 runs" in done.stdout
    assert site.answer().startswith("version 1.1 lines ")
    assert "greeting = hello from the moon" in site.answer()
    assert runs(site, bundles[1])
    assert named(site, bundles[1])
    assert standing(site) == (1, None)


def test_2_install_again_is_nothing_to_do(site: Site, bundles: dict[int, Bundle]) -> None:
    before = [one["Id"] for one in site.containers()]
    done = site.install(bundles[1], "--json")
    assert code_of(done) == 0
    assert json.loads(done.stdout)["outcome"] == "nothing-to-do"
    assert [one["Id"] for one in site.containers()] == before


def test_3_what_does_not_run_is_started(site: Site, bundles: dict[int, Bundle]) -> None:
    site.engine.docker("stop", "moonbase-web-1")
    done = site.install(bundles[1])
    assert code_of(done) == 0, done.stderr
    assert "web: replace (of release 1, exited)" in done.stdout
    assert "db: unchanged" in done.stdout
    assert runs(site, bundles[1])
    assert [one.what for one in site.ledger.history()][-1] == "started"


def test_4_upgrade_keeps_the_data(site: Site, bundles: dict[int, Bundle]) -> None:
    before = site.lines()
    done = site.install(bundles[2], "--jsonl")
    assert code_of(done) == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    stages = [one["stage"] for one in events if one["event"] == "stage-started"]
    assert stages == ["check", "load", "selftest", "start", "tag", "record"]
    assert site.answer().startswith("version 1.2 lines ")
    after = site.lines()
    assert after == [f"{n} line-{n}" for n in range(1, len(after) + 1)]
    assert after[: len(before)] == before
    assert runs(site, bundles[2])
    assert named(site, bundles[2])
    assert standing(site) == (2, 1)


def test_5_a_broken_release_is_put_back_by_itself(site: Site, bundles: dict[int, Bundle]) -> None:
    ids = sorted(one["Id"] for one in site.containers())
    done = site.install(bundles[3])
    assert code_of(done) == ExitCode.START_FAILED
    assert "no configuration for the new format" in done.stderr
    assert "code: app-unhealthy" in done.stderr
    assert "release 2 of moonbase runs again; no name was moved" in done.stdout
    assert site.answer().startswith("version 1.2 lines ")
    assert sorted(one["Id"] for one in site.containers()) == ids
    assert named(site, bundles[2])
    assert standing(site) == (2, 1)
    back = next(one for one in site.ledger.history() if one.what == "rolled-back")
    assert (back.sequence, back.facts["from"], back.facts["code"]) == (2, 3, "app-unhealthy")


def test_6_what_runs_may_be_installed_again_after_that(
    site: Site, bundles: dict[int, Bundle]
) -> None:
    done = site.install(bundles[2], "--json")
    assert json.loads(done.stdout)["outcome"] == "nothing-to-do"
    assert code_of(site.install(bundles[1])) == ExitCode.BUNDLE_REFUSED


def test_7_rollback_needs_no_bundle(site: Site, bundles: dict[int, Bundle]) -> None:
    shown = site.installer("rollback", "--dry-run", *engine_words(site))
    assert "back to      1.1, release 1" in shown.stdout
    assert standing(site) == (2, 1)
    done = site.installer("rollback", "--yes", *engine_words(site))
    assert code_of(done) == 0, done.stderr
    assert "rolled back: moonbase 1.1 runs again" in done.stdout
    assert site.answer().startswith("version 1.1 lines ")
    assert runs(site, bundles[1])
    assert named(site, bundles[1])
    assert standing(site) == (1, 2)
    refused = site.install(bundles[1], "--dry-run")
    assert code_of(refused) == 0


def test_8_the_history_says_all_of_it(site: Site) -> None:
    done = site.ask("history", PRODUCT, "--json")
    entries = json.loads(done.stdout)["entries"]
    told = [one["what"] for one in entries if one["what"] not in ("name-moved", "accepted")]
    assert told == [
        "installed",
        "started",
        "upgraded",
        "rolled-back",
        "install-failed",
        "rolled-back",
    ]
    lines = site.ask("history").stdout
    assert "rolled-back      moonbase 1.1 release 1: from 2, reason asked for" in lines


def test_9_uninstall_leaves_volumes_that_are_not_named(site: Site) -> None:
    shown = site.installer("uninstall", PRODUCT, "--dry-run", *engine_words(site))
    assert f"{VOLUME}: stays" in shown.stdout
    done = site.installer("uninstall", PRODUCT, "--yes", *engine_words(site))
    assert code_of(done) == 0, done.stderr
    assert site.containers() == []
    assert site.engine.image_ids() == set()
    assert site.engine.docker("network", "ls", "--format", "{{.Name}}").split() == [
        "bridge",
        "host",
        "none",
    ]
    assert site.lines()
    assert site.ledger.app(PRODUCT) is None
    assert site.ledger.releases() == ()
    assert not list(Path(site.ledger.directory, "files", PRODUCT).iterdir())
    assert site.ledger.history()[-1].what == "uninstalled"
    again = site.installer("uninstall", PRODUCT, "--all-volumes", "--yes", *engine_words(site))
    assert code_of(again) == 0, again.stderr
    assert VOLUME not in site.engine.docker("volume", "ls", "--quiet").split()
    report = json.loads(site.ask("report", "last", "--json").stdout)
    assert (report["verb"], report["product"]) == ("uninstall", PRODUCT)
    assert [VOLUME] in [one["names"] for one in report["removed"] if one["kind"] == "volume"]
    gone = site.installer("uninstall", PRODUCT, "--yes", *engine_words(site))
    assert code_of(gone) == ExitCode.NOT_INSTALLABLE
