"""What runs of an app, from its files to release.json, and what people are shown of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from manifests.errors import AppManifestError
from manifests.lock import Lock
from manifests.prunerules.policy import PrunePolicy
from tests.bundler.builds import Cli, Workplace, memory, served_by
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec

WEB, DB = (ImageSpec((LayerSpec({"name": name}),)) for name in (b"web", b"db"))
COMPOSE = """
name: shop
services:
  web:
    image: registry.test/web:1
    ports: ["${PORT:-8080}:80"]
    environment: {GREETING: "${GREETING}", EMPTY: ""}
    volumes: ["./site:/site:ro"]
    depends_on: {db: {condition: service_healthy}}
    deploy: {placement: {constraints: [a]}}
  db:
    image: registry.test/db:1
    environment: [DB_PASSWORD]
    volumes: ["data:/data"]
    healthcheck: {test: [CMD, ready], interval: 5s}
volumes: {data: }
"""
APP = """schema: 1
name: viz
version: "1"
platforms: [linux/amd64]
run: {compose: compose.yaml, deadline: 90s}
prune: {grace: 72h, keep-releases: 3}
files: [site]
"""


@pytest.fixture
def shop(place: Workplace) -> Workplace:
    (place.root / "site").mkdir()
    (place.root / "site" / "index.html").write_text("hello")
    (place.root / "compose.yaml").write_text(COMPOSE)
    (place.root / ".env").write_text("GREETING=hello\n")
    place.app.write_text(APP)
    return place


def release_of(place: Workplace, out: str = "out") -> Any:
    return json.loads((place.root / out / "release.json").read_text())


def test_a_release_says_what_runs(shop: Workplace) -> None:
    with served_by(memory(web=WEB, db=DB)):
        release = shop.build(environ={}).release
    run = release.run
    assert run is not None
    assert (run.project, run.origin, run.deadline_seconds) == ("shop", "compose.yaml", 90)
    assert (run.settle_seconds, run.selftest) == (3, "off")
    assert [one.image for one in run.services] == ["registry.test/web:1", "registry.test/db:1"]
    assert release.prune == PrunePolicy(grace_seconds=72 * 3600, keep_releases=3)
    written = release_of(shop)
    web, db = written["run"]["services"]
    assert web["environment"] == [
        {"name": "GREETING", "value": "${GREETING}"},
        {"name": "EMPTY", "value": ""},
    ]
    assert web["mounts"] == [
        {"kind": "carried", "read_only": True, "source": "site", "target": "/site"}
    ]
    assert db["environment"] == [{"name": "DB_PASSWORD"}]
    assert web["place"] == "compose.yaml"
    assert {one["name"]: one.get("default") for one in written["run"]["variables"]} == {
        "PORT": None,
        "GREETING": "hello",
        "DB_PASSWORD": None,
    }
    assert [one["name"] for one in written["run"]["variables"] if one["required"]] == [
        "DB_PASSWORD"
    ]


def test_lines_that_move_make_no_new_release(shop: Workplace) -> None:
    with served_by(memory(web=WEB, db=DB)):
        first = shop.build(environ={}).release
        (shop.root / "compose.yaml").write_text("# one line more\n" + COMPOSE)
        second = shop.build("second", environ={}).release
        (shop.root / "compose.yaml").write_text(COMPOSE.replace("8080", "9090"))
        third = shop.build("third", environ={}).release
    assert release_of(shop) == release_of(shop, "second")
    assert first.sequence == second.sequence < third.sequence
    lock = Lock.read(shop.lock.read_bytes())
    assert lock.run is not None
    assert lock.run.services[0].place == "compose.yaml:4"


def test_images_are_found_once_when_sources_name_the_same_file(shop: Workplace) -> None:
    shop.app.write_text(APP + "sources: [compose.yaml]\n")
    with served_by(memory(web=WEB, db=DB)):
        release = shop.build(environ={}).release
    assert len(release.images) == 2
    db, web = Lock.read(shop.lock.read_bytes()).images
    assert (db.places, web.places) == (
        ("compose.yaml:12: service db",),
        ("compose.yaml:5: service web",),
    )


def test_a_service_whose_image_is_waived_does_not_run(shop: Workplace) -> None:
    waiver = "waived: [{image: 'registry.test/db:1', reason: runs elsewhere}]\n"
    shop.app.write_text(APP + waiver)
    with served_by(memory(web=WEB)):
        run = shop.build(environ={}).release.run
    assert run is not None
    (web,) = run.services
    assert web.dependencies == ()
    assert "service db does not run: its image registry.test/db:1 is waived" in run.remarks


def test_what_is_not_carried_stops_the_build(shop: Workplace) -> None:
    shop.app.write_text(APP.replace("files: [site]\n", ""))
    with served_by(memory(web=WEB, db=DB)), pytest.raises(AppManifestError) as caught:
        shop.build(environ={})
    assert caught.value.code == "run-file-not-carried"
    assert caught.value.hint.startswith("add to `files:` in app.yaml: - site")
    assert str(caught.value).startswith("compose.yaml:8:")


def test_people_are_shown_what_runs_and_what_they_must_set(shop: Workplace, bundle: Cli) -> None:
    with served_by(memory(web=WEB, db=DB)):
        shop.build(environ={})
        (shop.root / "compose.yaml").write_text(COMPOSE.replace("8080", "9090"))
        shop.build("second", environ={})
        resolved = bundle("resolve", shop.app, "--cache", shop.cache.root)
    shown = bundle("inspect", shop.root / "out")
    for said in (shown, resolved):
        assert said.code == 0
        assert "runs as project shop, from compose.yaml" in said.out
        assert "after   db healthy" in said.out
        assert "the host must set: DB_PASSWORD" in said.out
        assert "GREETING=hello" in said.out
        assert "remark: compose.yaml: service web: deploy.placement" in said.out
        assert "prunes what was unused for 72:00:00, keeps 3 releases" in said.out
    assert "${PORT:-8080}->80/tcp" in shown.out
    differing = bundle("diff", shop.root / "out", shop.root / "second")
    assert "service web: ports" in differing.out
    told = json.loads(bundle("diff", shop.root / "out", shop.root / "second", "--json").out)
    assert told["same"] is False
    assert [one["subject"] for one in told["run"]] == ["service web"]
