"""Real engines of both stores: what nothing needs goes, what anything needs stays and runs."""

from __future__ import annotations

import json
import threading
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from installer.cli import app
from installer.events import Event, ImageLoaded, Noted, Stage, StageFinished, StageStarted
from installer.homes import Homes
from installer.ledger import Ledger
from installer.prune.after import prune_after
from installer.prune.opening import open_pruning
from installer.report.store import Reports
from installer.run import run as run_plan
from installer.running.appfiles import files_folder
from installer.stream.removalevents import Removed
from installer.tui.backing import look_for_waste, pruned
from installer.tui.session import Session
from installer.tui.summing import reported_lines
from manifests.errors import ExitCode
from manifests.prunerules.policy import PrunePolicy
from tests.installer.conftest import Host
from tests.support.bundles import Bundle, Facts
from tests.support.commandline import CliRunner
from tests.support.engine import Engine
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec, busybox_layer

pytestmark = pytest.mark.engine

BASE = busybox_layer()
NAME = "docker.io/acme/app:1"


@pytest.fixture(params=["docker_engine", "containerd_store_engine"])
def engine(request: pytest.FixtureRequest) -> Engine:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Engine)
    return found


def spec(number: int) -> ImageSpec:
    return ImageSpec((BASE, LayerSpec.random(number, 40_000)), cmd=("sleep", "1000"))


def prune(host: Host, engine: Engine, *words: str, **more: str) -> Result:
    env = {"MOONLIFT_STATE_DIR": str(host.root / "state"), **more}
    argv = ["prune", "--engine", f"docker:{engine.url}", *words]
    return CliRunner().invoke(app, argv, env=env)


def document(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def install(host: Host, engine: Engine, sequence: int, policy: PrunePolicy | None = None) -> str:
    """Install a release; return the identity of its image."""
    files = {"files/settings": str(sequence).encode()}
    facts = Facts(sequence=sequence, version=f"1.{sequence}", files=files, prune=policy)
    bundle = host.bundle({NAME: spec(sequence)}, facts)
    host.install(bundle.path, f"docker:{engine.url}")
    place_by_hand(host, bundle)
    image = bundle.release.images[0]
    return str(image.target if engine.containerd_store else image.image_id)


def place_by_hand(host: Host, bundle: Bundle) -> None:
    """Lay the files where they lie when the release starts something."""
    folder = files_folder(host.root / "state", bundle.release)
    folder.mkdir(parents=True)
    (folder / "settings").write_text(bundle.release.version)


def kept(host: Host) -> list[int]:
    return [one.sequence for one in host.ledger.releases()]


def run(engine: Engine, image: str, *words: str) -> str:
    return engine.docker("run", "--network", "none", *words, image).strip()


def test_old_releases_go_and_all_that_is_of_use_stays(host: Host, engine: Engine) -> None:
    images = [install(host, engine, number) for number in (1, 2, 3, 4)]
    running = run(engine, images[0], "--detach", "--name", "debug")
    engine.docker("create", "--name", "soon", "--network", "none", images[3])
    assert {one.sequence for one in host.ledger.releases()} == {1, 2, 3, 4}

    assert prune(host, engine, "--yes").stdout.splitlines()[-1].startswith("0 things removed")
    assert set(images) <= engine.image_ids()

    result = prune(host, engine, "--yes", "--grace", "0s", "--json")
    found = document(result)
    assert result.exit_code == ExitCode.DONE, result.output
    gone = [one["names"][0] for one in found["results"] if one["outcome"] == "removed"]
    assert gone[1:] == ["viz 1.2"]
    assert gone[0].startswith("moonlift.local/viz:")
    assert engine.image_ids() & set(images) == {images[0], images[2], images[3]}
    assert kept(host) == [1, 3, 4]
    why = {one["names"][0]: one["reason"]["code"] for one in found["items"] if not one["goes"]}
    assert why["viz 1.1"] == "image-stays"
    assert why["debug"] == why["soon"] == "in-use"
    assert engine.inspect(running)["State"]["Running"]

    engine.docker("kill", "debug")
    found = document(prune(host, engine, "--yes", "--grace", "0", "--json"))
    gone = [one["kind"] for one in found["results"]]
    assert gone == ["container", "image", "release"]
    assert found["freed_bytes"] >= 40_000
    assert engine.image_ids() & set(images) == {images[2], images[3]}
    folders = list((host.root / "state/files/viz").iterdir())
    assert len(folders) == 2
    assert host.ledger.history()[-1].what == "pruned"
    reports = Reports(host.root / "state")
    last = reports.read(reports.find("last"))
    assert (last.verb, [one.kind for one in last.removed]) == ("prune", gone)


def test_images_of_others_go_by_all_their_names_unless_they_are_kept(
    host: Host, engine: Engine
) -> None:
    engine.docker("import", "-", "acme/one:1", stdin=BASE.tar())
    engine.docker("tag", "acme/one:1", "other.example/two:2")
    engine.docker("import", "-", "acme/db:1", stdin=LayerSpec({"etc/x": b"x" * 5000}).tar())
    engine.docker("import", "-", stdin=LayerSpec({"etc/nameless": b"y"}).tar())
    ids = engine.image_ids()
    plan = document(prune(host, engine, "--dry-run", "--grace", "0", "--json"))
    assert {one["kind"] for one in plan["items"]} == {"image"}
    assert engine.image_ids() == ids

    result = prune(host, engine, "--yes", "--grace", "0", "--exclude", "acme/db")
    assert result.exit_code == ExitCode.DONE, result.output
    assert {"acme/db:1"} == {name for name in engine.images() if "<none>" not in name}
    nameless = [one for one in plan["items"] if len(one["names"][0]) == 12]
    assert len(nameless) == 1  # seen for the first time just now; it went by the grace of none


def test_docker_gcs_variables_and_files_count(host: Host, engine: Engine, tmp_path: Path) -> None:
    for name in ("acme/a:1", "acme/b:1", "acme/c:1"):
        engine.docker("import", "-", name, stdin=LayerSpec({"etc/n": name.encode()}).tar())
    (tmp_path / "exclude").write_text("acme/a:.*\n\n# no line\n")
    gc = {"GRACE_PERIOD_SECONDS": "0", "EXCLUDE_FROM_GC": str(tmp_path / "exclude")}
    result = prune(host, engine, DRY_RUN="1", FORCE_IMAGE_REMOVAL="1", **gc)
    assert "2 things to remove" in result.stdout
    assert "FORCE_IMAGE_REMOVAL has no effect here" in result.stderr
    assert prune(host, engine, "--yes", "--no-volumes", **gc).exit_code == ExitCode.DONE
    assert engine.images() == {"acme/a:1"}


def test_volumes_go_only_if_asked_and_never_those_of_an_app(host: Host, engine: Engine) -> None:
    image = install(host, engine, 1)
    engine.docker("volume", "create", "loose")
    engine.docker("volume", "create", "--label", "com.docker.compose.project=shop", "shop_data")
    run(engine, image, "--detach", "--volume", "held:/data")
    prune(host, engine, "--yes", "--grace", "0")
    assert set(engine.docker("volume", "ls", "-q").split()) == {"loose", "shop_data", "held"}
    result = prune(host, engine, "--yes", "--grace", "0", "--volumes")
    assert result.exit_code == ExitCode.DONE, result.output
    assert set(engine.docker("volume", "ls", "-q").split()) == {"shop_data", "held"}
    engine.remove_containers()
    engine.docker("volume", "rm", "shop_data", "held")


def test_room_is_asked_for_and_missing(host: Host, engine: Engine) -> None:
    engine.docker("import", "-", "acme/big:1", stdin=BASE.tar())
    assert "0 things removed" in prune(host, engine, "--yes", "--grace", "0", "--free", "1").stdout
    result = prune(host, engine, "--yes", "--grace", "0", "--free", "900TiB")
    assert result.exit_code == ExitCode.NOT_INSTALLABLE
    assert "prune-short" in result.stderr
    assert not engine.image_ids()


def test_a_pruning_from_the_screen_leaves_a_report_and_says_where(
    host: Host, engine: Engine
) -> None:
    engine.docker("import", "-", "acme/old:1", stdin=BASE.tar())
    homes = Homes(host.root / "trust", host.root / "state", host.root / "settings")
    session = Session(homes, f"docker:{engine.url}", host.root)
    plan, asked = look_for_waste(session)
    assert plan.going == ()
    terms = replace(asked.terms, policy=PrunePolicy(grace_seconds=0))
    asked = replace(asked, terms=replace(terms, now=datetime.now(UTC)))
    with closing(open_pruning(session.engine, Ledger(homes.state))) as opened:
        plan = opened.pruning.plan(asked)
    (result,) = pruned(session, plan, asked, threading.Event())
    assert result.outcome is Removed.REMOVED
    first, second = reported_lines(session)
    assert Path(first.text).is_file()
    report = Reports(homes.state).read(second.text.split()[-1])
    assert (report.verb, report.outcome, report.removed[0].names) == (
        "prune",
        "done",
        ("acme/old:1",),
    )


def test_what_a_broken_off_install_left_is_named_and_goes(host: Host, engine: Engine) -> None:
    install(host, engine, 1)
    names = {f"docker.io/acme/app:{number}": spec(number) for number in (1, 2, 3)}
    plan = host.plan(host.bundle(names, Facts(sequence=2)).path, f"docker:{engine.url}")
    cancel = threading.Event()
    for event in run_plan(plan, cancel):
        if isinstance(event, ImageLoaded):
            cancel.set()
    ours = {name for name in engine.images() if name.startswith("moonlift.local/viz:")}
    assert len(ours) == 2, "one of release 1, one that was left"
    found = document(prune(host, engine, "--dry-run", "--json"))
    assert [one["reason"]["code"] for one in found["items"] if one["goes"]] == []
    result = prune(host, engine, "--yes", "--grace", "0")
    assert "left by an install of viz that was broken off" in result.stdout
    assert len({name for name in engine.images() if name.startswith("moonlift.local/")}) == 1
    assert kept(host) == [1]
    again = host.install(host.bundle(names, Facts(sequence=2)).path, f"docker:{engine.url}")
    assert again.failure is None


def test_after_an_upgrade_only_what_the_product_leaves_goes(host: Host, engine: Engine) -> None:
    policy = PrunePolicy(grace_seconds=0)
    engine.docker("import", "-", "acme/else:1", stdin=BASE.tar())
    for number in (1, 2):
        install(host, engine, number, policy)
    old = kept(host)
    install(host, engine, 3, policy)
    release = host.bundle({NAME: spec(3)}, Facts(sequence=3, prune=policy)).release
    with host.ledger.locked() as ledger:
        events = list(prune_after(f"docker:{engine.url}", ledger, release, {}, threading.Event()))
    assert old == [1, 2]
    assert kept(host) == [2, 3]
    assert "acme/else:1" in engine.images()
    check_stage(events)


def check_stage(events: list[Event]) -> None:
    """The law of the stream: one stage, begun and ended."""
    assert isinstance(events[0], StageStarted)
    assert isinstance(events[-1], StageFinished)
    assert all(getattr(one, "stage", None) is Stage.PRUNE for one in events)
    assert any(isinstance(one, Noted) and one.code == "pruned" for one in events)
