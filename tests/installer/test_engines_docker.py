"""Docker's two stores against an engine that lies, refuses or breaks off."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.engines.choose import open_engine
from installer.engines.dockerapi import full_name, read_answer, socket_url
from installer.events import Outcome, RunRecord
from manifests.errors import EngineFailed, ExitCode, NotInstallableHere, UsageError
from tests.installer.conftest import APP, IMAGES, NAMES, WEB, Host
from tests.installer.fake_engine import FakeEngine, Image, chains, digest, run_fake_engine
from tests.support.bundles import Facts
from tests.support.images import ImageSpec, IndexSpec
from tests.support.layers import LayerSpec

UPGRADE = {**IMAGES, NAMES[0]: APP.plus(LayerSpec({"new": b"1"}))}


def failed(record: RunRecord, code: str) -> str:
    assert record.outcome is Outcome.FAILED
    assert record.failure is not None
    assert record.failure.code == code
    assert record.exit_code is ExitCode.ENGINE_FAILED
    return record.failure.message


def test_a_graph_driver_gets_config_layers_and_the_token_last(
    host: Host, graph: FakeEngine
) -> None:
    release = host.bundle().release
    host.install(host.root / "bundle-0", graph.url)
    first, second = release.images
    app = [f"{first.image_id.hex}.json", *(f"{x.diff_id.hex}.tar" for x in first.layers)]
    web = [f"{second.image_id.hex}.json", f"{second.layers[1].diff_id.hex}.tar"]
    assert graph.loads == [[*app, "manifest.json"], [*web, "manifest.json"]]


def test_containerd_gets_documents_blobs_and_the_token_last(
    host: Host, containerd: FakeEngine
) -> None:
    release = host.bundle().release
    host.install(host.root / "bundle-0", containerd.url)
    first, second = release.images
    assert containerd.loads == [
        ["oci-layout", first.manifest.name, first.config.name]
        + [layer.name for layer in first.layers]
        + ["index.json"],
        ["oci-layout", second.manifest.name, second.config.name]
        + [layer.name for layer in second.layers[1:]]
        + ["index.json"],
    ]


def test_every_image_keeps_a_name_of_ours_and_no_passing_one(host: Host, fake: FakeEngine) -> None:
    host.install(host.bundle().path, fake.url)
    identities = {identity.partition(":")[2][:12] for identity in fake.images}
    assert fake.own_names == {f"moonlift.local/viz:{short}" for short in identities}


def test_a_changed_config_is_found_out_and_removed(host: Host, graph: FakeEngine) -> None:
    graph.faults.wrong_id = True
    failed(host.install(host.bundle().path, graph.url), "engine-identity")
    assert graph.images == {}


def test_an_image_that_was_there_before_is_not_removed(host: Host, graph: FakeEngine) -> None:
    bundle = host.bundle({NAMES[0]: APP})
    config = bundle.files[bundle.release.images[0].config.name]
    wrong = digest(config + b" ")
    graph.images[wrong] = Image(wrong, [], "amd64", "linux", {"docker.io/mine:1"})
    graph.faults.wrong_id = True
    failed(host.install(bundle.path, graph.url), "engine-identity")
    assert graph.names == {"docker.io/mine:1": wrong}


def test_other_layers_are_found_out_and_removed(host: Host, fake: FakeEngine) -> None:
    fake.faults.wrong_layers = True
    message = failed(host.install(host.bundle().path, fake.url), "engine-identity")
    assert "layers" in message
    assert fake.images == {}


def test_an_error_with_status_200_is_an_error(host: Host, fake: FakeEngine) -> None:
    fake.faults.error_line = "Error processing tar file: no space left on device"
    record = host.install(host.bundle().path, fake.url)
    assert "no space left" in failed(record, "engine-no-space")
    assert record.failure is not None
    assert "free space" in record.failure.hint


def test_no_answer_is_an_error(host: Host, fake: FakeEngine) -> None:
    fake.faults.answer_nothing = True
    record = host.install(host.bundle().path, fake.url)
    assert record.outcome is Outcome.FAILED
    assert record.exit_code is ExitCode.ENGINE_FAILED
    assert fake.names == {}


def test_a_cut_connection_is_an_error(host: Host, fake: FakeEngine) -> None:
    fake.faults.drop_after = 600
    failed(host.install(host.bundle().path, fake.url), "engine-load")
    assert (fake.images, fake.broken_off) == ({}, 1)


def test_an_error_before_the_end_of_the_body_is_heard(host: Host, fake: FakeEngine) -> None:
    fake.faults.drop_after, fake.faults.early_error = 600, "disk full\x1b[2J"
    images = {NAMES[0]: ImageSpec((LayerSpec.random(1, 5_000_000).stored_as("none"),))}
    message = failed(host.install(host.bundle(images).path, fake.url), "engine-load")
    assert "\x1b" not in message


def test_a_refused_part_is_followed_by_the_whole(host: Host, graph: FakeEngine) -> None:
    host.install(host.bundle().path, graph.url)
    graph.faults.refuse_parts = True
    upgrade = host.bundle(UPGRADE, Facts(sequence=2))
    assert host.install(upgrade.path, graph.url).outcome is Outcome.DONE
    part, whole = graph.loads[-2:]
    assert (len(part), len(whole)) == (3, 5)


def test_an_image_that_vanished_since_the_plan_is_sent_whole(host: Host, graph: FakeEngine) -> None:
    host.install(host.bundle().path, graph.url)
    made = host.plan(host.bundle(UPGRADE, Facts(sequence=2)).path, graph.url)
    graph.images.clear()
    (delivery,) = made.deliveries
    assert len(delivery.missing) == 1
    source = host.source(made.verified.sealed)
    made.engine.load(delivery, source)
    assert set(graph.images) == {str(delivery.image.image_id)}


def test_a_broken_import_leaves_no_name_and_is_sent_again(
    host: Host, containerd: FakeEngine
) -> None:
    containerd.faults.refuse_parts = True
    bundle = host.bundle()
    failed(host.install(bundle.path, containerd.url), "engine-load")
    assert containerd.images == {}
    containerd.faults.refuse_parts = False
    assert host.install(bundle.path, containerd.url).images_loaded == 2


def test_a_reference_by_digest_is_kept_by_containerd(host: Host, containerd: FakeEngine) -> None:
    index = IndexSpec((APP, APP.on("linux/arm64")))
    name = f"docker.io/acme/app@{index.build().index.digest}"
    assert host.install(host.bundle({name: index}).path, containerd.url).names_set == (name,)
    assert containerd.names == {name: index.build().index.digest}


def test_a_reference_by_digest_gets_no_name_in_a_graph_driver(
    host: Host, graph: FakeEngine
) -> None:
    name = f"docker.io/acme/app@{APP.build().manifest.digest}"
    assert host.install(host.bundle({name: APP}).path, graph.url).names_set == ()
    assert graph.names == {}
    assert graph.own_names == {f"moonlift.local/viz:{APP.build().config.digest[7:19]}"}


def test_asks_for_layers_only_when_an_image_is_missing(host: Host, graph: FakeEngine) -> None:
    bundle = host.bundle()
    host.install(bundle.path, graph.url)
    graph.calls.clear()
    host.plan(bundle.path, graph.url)
    assert graph.calls == ["GET /version", "GET /info", "GET /images/json"]


def test_two_hundred_images_are_asked_by_few_questions(host: Host, graph: FakeEngine) -> None:
    for number in range(200):
        diff_ids = [f"sha256:{number:064x}"]
        identity = f"sha256:{number:063x}f"
        graph.images[identity] = Image(
            identity, diff_ids, "amd64", "linux", {f"docker.io/i:{number}"}
        )
    engine = open_engine(graph.url)
    graph.calls.clear()
    found = engine.presence(host.bundle().release.images, {}, ())
    assert len(graph.calls) <= 203  # one of each image that is not known, at most
    assert len(found.layers) == 200
    engine.close()


def test_an_engine_that_can_not_inspect_is_an_error(host: Host, fake: FakeEngine) -> None:
    host.install(host.bundle({NAMES[1]: WEB}).path, fake.url)
    fake.faults.fail_inspect = True
    path = host.bundle(UPGRADE, Facts(sequence=2)).path
    if fake.store == "containerd":
        failed(host.install(path, fake.url), "engine-answer")
    else:
        with pytest.raises(EngineFailed, match="layer does not exist"):
            host.plan(path, fake.url)


def test_the_store_is_asked_not_guessed() -> None:
    for store in ("graph", "containerd"):
        with run_fake_engine(store) as fake:
            engine = open_engine(fake.url)
            assert str(engine.info().store).startswith(store)
            assert engine.info().version == "20.10.24"
            engine.close()


def test_auto_finds_the_engine_that_docker_host_names(
    graph: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{graph.socket}")
    engine = open_engine("auto")
    assert engine.name == "docker"
    engine.close()


def test_auto_without_an_engine_says_what_else_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    with pytest.raises(NotInstallableHere) as caught:
        open_engine("auto")
    assert caught.value.code == "engine-none"
    assert "layout:DIR" in caught.value.hint
    with pytest.raises(EngineFailed):
        open_engine("docker")


@pytest.mark.parametrize("given", ["podman", "layout", "layout:", "docker:tcp://h:2375", ""])
def test_other_engines_are_refused(given: str) -> None:
    with pytest.raises(UsageError):
        open_engine(given)


def test_sockets() -> None:
    assert socket_url("/run/d.sock") == "unix:///run/d.sock"
    assert socket_url("unix:///run/d.sock") == "unix:///run/d.sock"
    assert socket_url("") == "unix:///var/run/docker.sock"
    with pytest.raises(UsageError):
        socket_url("ssh://there")


@pytest.mark.parametrize(
    "line",
    [
        {"error": "boom"},
        {"errorDetail": {"message": "boom"}},
        {"errorDetail": "boom"},
        {"message": "boom"},
        {"stream": "Error unpacking image acme: boom"},
    ],
)
def test_every_kind_of_complaint_is_heard(line: dict[str, object]) -> None:
    good: dict[str, object] = {"stream": f"Loaded image ID: sha256:{'a' * 64}\n"}
    told: list[str] = []
    layer = {"status": "Loading layer", "progressDetail": {"current": 2048, "total": 4096}}
    assert len(read_answer("engine", [layer, good], told.append)) == 1
    assert told == ["2.00 KiB of 4.00 KiB"]
    for lines in ([good, line], [line, good]):
        with pytest.raises(EngineFailed, match="boom"):
            read_answer("engine", lines, told.append)


def test_names_that_engines_show() -> None:
    assert full_name("nginx:1") == "docker.io/library/nginx:1"
    assert full_name("<none>:<none>") is None
    assert full_name("???") is None


def test_the_fake_reckons_chains_as_the_specification_does() -> None:
    one, two = "sha256:" + "a" * 64, "sha256:" + "b" * 64
    assert chains([one, two])[1] == digest(f"{one} {two}".encode())
