"""`installer plan`: everything that is known before, everything that is wrong, nothing changed."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from installer.checks.sources import Sources, Wanted
from installer.planning.space import FileSystem
from manifests.errors import ExitCode
from tests.installer.checks.hosts import PLAIN
from tests.installer.conftest import APP, IMAGES, NAMES, WEB, Host
from tests.installer.fake_engine import FakeEngine
from tests.installer.test_cli import call, document
from tests.support.bundles import Facts
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec

LONG_AGO = datetime(1999, 1, 1, tzinfo=UTC)
SMALL = FileSystem("/dev/sdx1", "/dev/sdx1", "/small", "ext4", free=1000, total=2000)
NOISE = LayerSpec.random(1, 3_000_000).stored_as("zstd", 1)
LARGE = {NAMES[0]: ImageSpec((NOISE,))}


def planned(host: Host, path: Path, engine: str, *more: str) -> dict[str, Any]:
    return document(call(host, "plan", path, "--engine", engine, "--json", *more))


def problems(found: dict[str, Any]) -> list[str]:
    return [one["code"] for one in found["problems"]]


def test_shows_who_signed_what_is_sent_where_it_goes_and_how_long_it_takes(
    host: Host, graph: FakeEngine
) -> None:
    result = call(host, "plan", host.bundle(LARGE).path, "--engine", graph.url)
    assert result.exit_code == ExitCode.DONE, result.stdout
    said = [line.split()[0] for line in result.stdout.splitlines() if line[0] != " "]
    for label in ("fingerprint", "age", "engine", "images", "to", "space", "drive", "time"):
        assert label in said, label
    assert said.index("fingerprint") < said.index("engine") < said.index("time")
    assert "to the engine's temporary folder" in result.stdout
    assert result.stdout.splitlines()[-1] == "it can be installed here"
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_changes_nothing(host: Host, fake: FakeEngine) -> None:
    path = host.bundle(LARGE).path
    before = {one: one.stat().st_mtime_ns for one in path.rglob("*")}
    call(host, "plan", path, "--engine", fake.url)
    assert (fake.load_calls, fake.images) == (0, {})
    assert not (host.root / "state").exists()
    assert {one: one.stat().st_mtime_ns for one in path.rglob("*")} == before


def test_names_every_file_system_and_every_place_for_programs(
    host: Host, graph: FakeEngine
) -> None:
    found = planned(host, host.bundle(LARGE).path, graph.url)
    assert {one["purpose"] for one in found["writes"]} == {"temporary", "store"}
    size = found["unpack_bytes"]
    assert [one["bytes"] for one in found["writes"]] == [size, size]
    (system,) = found["file_systems"]
    assert system["mount"].startswith("/")
    assert system["free_bytes"] > system["need_bytes"] > 2 * size
    assert found["drive_bytes_per_second"] > 0
    assert found["seconds"]["basis"] == "drive alone"
    assert (found["installable"], found["problems"]) == (True, [])


def test_tells_all_that_is_wrong_at_once_and_exits_11(host: Host, fake: FakeEngine) -> None:
    images = {NAMES[0]: APP.on("linux/arm64"), NAMES[1]: WEB.on("linux/s390x"), "acme/ok:1": APP}
    path = host.bundle(
        {f"docker.io/{name.removeprefix('docker.io/')}": spec for name, spec in images.items()}
    ).path
    with patch("installer.plan.file_system_of", return_value=SMALL):
        result = call(host, "plan", path, "--engine", fake.url)
        found = planned(host, path, fake.url)
    assert result.exit_code == ExitCode.NOT_INSTALLABLE
    assert sorted(problems(found)) == ["no-space", "platform-mismatch", "platform-mismatch"]
    assert found["installable"] is False
    assert "it can't be installed here: 3 problems" in result.stdout
    assert "/small (/dev/sdx1)" in " ".join(result.stdout.split())


def test_install_tells_the_same_and_touches_nothing(host: Host, fake: FakeEngine) -> None:
    images = {NAMES[0]: APP.on("linux/arm64"), NAMES[1]: WEB.on("linux/s390x")}
    result = call(host, "install", host.bundle(images).path, "--yes", "--engine", fake.url)
    assert result.exit_code == ExitCode.NOT_INSTALLABLE
    assert "2 things keep it from being installed here" in result.stderr
    assert "linux/arm64" in result.stderr
    assert "linux/s390x" in result.stderr
    assert fake.load_calls == 0


def test_a_host_that_is_not_fit_is_refused_by_both_unless_a_person_accepts_it(
    host: Host, fake: FakeEngine
) -> None:
    path, roots = host.bundle().path, iter(range(99))

    def sources(_: str, wanted: Wanted) -> Sources:
        return PLAIN.having(wanted=wanted, now=LONG_AGO).sources(host.root / f"host-{next(roots)}")

    with patch("installer.planning.preflight.host_sources", sources):
        found = planned(host, path, fake.url)
        (problem,) = found["problems"]
        assert (problem["code"], problem["context"]["check"]) == ("host-unfit", "sys.time")
        assert "--accept-unfit" in problem["hint"]
        for words in (("plan", path), ("install", path, "--yes"), ("install", path, "--dry-run")):
            refused = call(host, *words, "--engine", fake.url)
            assert refused.exit_code == ExitCode.NOT_INSTALLABLE
            assert "host-unfit" in refused.output
        assert fake.load_calls == 0
        for words in (("plan", path), ("install", path, "--yes")):
            done = call(host, *words, "--accept-unfit", "--engine", fake.url)
            assert done.exit_code == ExitCode.DONE, done.output
            assert "fail: sys.time" in done.stdout


def test_without_an_engine_it_says_so_with_the_remedy_and_what_else_it_knows(host: Host) -> None:
    words = ("plan", host.bundle(LARGE).path, "--engine", "docker:unix:///nowhere")
    result = call(host, *words)
    assert result.exit_code == ExitCode.NOT_INSTALLABLE
    assert "docker.answer" in result.stdout
    assert "drive" in result.stdout
    found = document(call(host, *words, "--json"))
    assert problems(found) == ["engine-unreachable"]
    assert found["problems"][0]["hint"]


def test_a_refused_bundle_is_refused_as_ever(host: Host, graph: FakeEngine) -> None:
    path = host.bundle().path
    (path / "SHA256SUMS.1.sig").unlink()
    result = call(host, "plan", path, "--engine", graph.url)
    assert result.exit_code == ExitCode.BUNDLE_REFUSED
    assert host.ledger.history() == ()


def test_says_when_there_is_nothing_to_do(host: Host, fake: FakeEngine) -> None:
    path = host.bundle().path
    host.install(path, fake.url)
    result = call(host, "plan", path, "--engine", fake.url)
    assert result.exit_code == ExitCode.DONE
    assert result.stdout.splitlines()[-1] == "nothing to do: it is installed already"


@pytest.mark.parametrize("engine", ["layout", "fake"])
def test_a_later_plan_knows_how_fast_the_engine_was(
    host: Host, graph: FakeEngine, engine: str
) -> None:
    url = graph.url if engine == "fake" else f"layout:{host.root / 'out'}"
    first = host.bundle({NAMES[0]: ImageSpec((LayerSpec.random(2, 20_000_000),))})
    assert planned(host, first.path, url)["seconds"]["basis"] == "drive alone"
    assert call(host, "install", first.path, "--yes", "--engine", url).exit_code == 0
    images = {NAMES[1]: ImageSpec((LayerSpec.random(3, 5_000_000),))}
    found = planned(host, host.bundle(images, Facts(sequence=2)).path, url)
    assert found["seconds"]["basis"] == "drive and engine"
    assert found["seconds"]["load"] > 0


def test_dry_run_is_the_same_plan(host: Host, fake: FakeEngine) -> None:
    path = host.bundle(IMAGES).path
    dry = document(call(host, "install", path, "--dry-run", "--json", "--engine", fake.url))
    plan = planned(host, path, fake.url)
    same = ("images", "names", "writes", "read_bytes", "unpack_bytes", "checked_bytes", "problems")
    assert {name: dry[name] for name in same} == {name: plan[name] for name in same}
