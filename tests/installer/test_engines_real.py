"""Real Docker engines of both stores, cut off from the network: what is signed is what runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from installer.events import Outcome
from tests.installer.conftest import Host
from tests.support.bundles import Bundle, Facts
from tests.support.engine import Engine, EngineError
from tests.support.images import ImageSpec, IndexSpec
from tests.support.layers import LayerSpec, busybox_layer

pytestmark = pytest.mark.engine

BASE = busybox_layer().stored_as("zstd")
HELLO = ImageSpec(
    (BASE, LayerSpec({"etc/motd": b"hello\n"}).stored_as("zstd")), cmd=("cat", "/etc/motd")
)
OTHER = ImageSpec((BASE, LayerSpec({"etc/other": b"other\n"})), cmd=("cat", "/etc/other"))
EMPTY = LayerSpec({})
NAMES = ("docker.io/acme/hello:1", "docker.io/acme/other:1")
IMAGES = {NAMES[0]: HELLO, NAMES[1]: OTHER}
ENGINES = (
    "docker_engine",
    "containerd_store_engine",
    pytest.param("new_docker_engine", marks=pytest.mark.long),
)


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Engine)
    return found


def url(engine: Engine) -> str:
    return f"docker:{engine.url}"


def says(engine: Engine, name: str) -> str:
    return engine.docker("run", "--rm", "--network", "none", name).strip()


def identity(bundle: Bundle, number: int, engine: Engine) -> str:
    image = bundle.release.images[number]
    return str(image.target if engine.containerd_store else image.image_id)


def test_what_is_loaded_is_what_was_signed_and_it_runs(host: Host, engine: Engine) -> None:
    bundle = host.bundle(IMAGES)
    record = host.install(bundle.path, url(engine))
    assert (record.outcome, record.images_loaded) == (Outcome.DONE, 2)
    for number, name in enumerate(NAMES):
        found = engine.inspect(name)
        assert found["Id"] == identity(bundle, number, engine)
        expected = [str(one) for one in bundle.release.images[number].diff_ids]
        assert found["RootFS"]["Layers"] == expected
    assert says(engine, "acme/hello:1") == "hello"
    assert says(engine, "acme/other:1") == "other"


def test_second_run_does_nothing(host: Host, engine: Engine) -> None:
    bundle = host.bundle(IMAGES)
    host.install(bundle.path, url(engine))
    before = engine.images()
    record = host.install(bundle.path, url(engine))
    assert (record.outcome, record.bytes_read) == (Outcome.NOTHING_TO_DO, 0)
    assert engine.images() == before


def test_an_upgrade_sends_only_its_new_layers(host: Host, engine: Engine) -> None:
    host.install(host.bundle(IMAGES).path, url(engine))
    new = HELLO.plus(LayerSpec({"etc/motd": b"good day\n"}))
    upgrade = host.bundle({**IMAGES, NAMES[0]: new}, Facts(sequence=2, version="2"))
    record = host.install(upgrade.path, url(engine))
    assert record.bytes_read == upgrade.release.images[0].layers[-1].size
    assert (record.images_loaded, record.names_set) == (1, (NAMES[0],))
    assert says(engine, "acme/hello:1") == "good day"
    assert says(engine, "acme/other:1") == "other"


def test_goes_back_without_reading_a_layer(host: Host, engine: Engine) -> None:
    first = host.bundle(IMAGES)
    host.install(first.path, url(engine))
    changed = {**IMAGES, NAMES[0]: HELLO.plus(LayerSpec({"etc/motd": b"good day\n"}))}
    host.install(host.bundle(changed, Facts(sequence=2)).path, url(engine))
    host.lenient = True
    record = host.install(first.path, url(engine))
    assert (record.images_loaded, record.bytes_read) == (0, 0)
    assert says(engine, "acme/hello:1") == "hello"


def test_survives_a_prune_between_load_and_start(host: Host, engine: Engine) -> None:
    pinned = f"docker.io/acme/hello@{HELLO.build().manifest.digest}"
    bundle = host.bundle({pinned: HELLO})
    host.install(bundle.path, url(engine))
    engine.docker("image", "prune", "--force")
    assert host.install(bundle.path, url(engine)).outcome is Outcome.NOTHING_TO_DO
    assert says(engine, identity(bundle, 0, engine)) == "hello"


def test_equal_and_empty_layers_in_one_image(host: Host, engine: Engine) -> None:
    spec = ImageSpec((BASE, EMPTY, LayerSpec({"etc/a": b"1"}), EMPTY), cmd=("cat", "/etc/a"))
    assert host.install(host.bundle({NAMES[0]: spec}).path, url(engine)).images_loaded == 1
    assert says(engine, "acme/hello:1") == "1"


def test_an_old_name_for_another_image_moves(host: Host, engine: Engine) -> None:
    host.install(host.bundle({NAMES[0]: OTHER}, Facts(product="before")).path, url(engine))
    assert says(engine, "acme/hello:1") == "other"
    host.install(host.bundle(IMAGES).path, url(engine))
    assert says(engine, "acme/hello:1") == "hello"


def test_the_platform_of_the_engine_is_taken_from_several(host: Host, engine: Engine) -> None:
    both = IndexSpec((HELLO.on("linux/arm64"), HELLO), attestations=True)
    bundle = host.bundle({NAMES[0]: both})
    host.install(bundle.path, url(engine))
    assert says(engine, "acme/hello:1") == "hello"
    assert host.install(bundle.path, url(engine)).outcome is Outcome.NOTHING_TO_DO


def test_references_by_digest_resolve_offline(host: Host, containerd_store_engine: Engine) -> None:
    engine = containerd_store_engine
    index = IndexSpec((HELLO, HELLO.on("linux/arm64")), attestations=True)
    pinned = [
        f"acme/hello@{index.build().index.digest}",
        f"acme/other@{OTHER.build().manifest.digest}",
    ]
    bundle = host.bundle({f"docker.io/{pinned[0]}": index, f"docker.io/{pinned[1]}": OTHER})
    host.install(bundle.path, url(engine))
    assert [says(engine, name) for name in pinned] == ["hello", "other"]
    assert host.install(bundle.path, url(engine)).outcome is Outcome.NOTHING_TO_DO


def test_a_tag_and_its_digest_both_resolve(host: Host, containerd_store_engine: Engine) -> None:
    engine = containerd_store_engine
    host.install(host.bundle(IMAGES).path, url(engine))
    assert says(engine, f"acme/hello@{HELLO.build().manifest.digest}") == "hello"
    assert says(engine, f"acme/hello:1@{HELLO.build().manifest.digest}") == "hello"


def test_a_broken_import_is_seen_and_mended(host: Host, containerd_store_engine: Engine) -> None:
    """The store keeps a record of an image that it could not unpack: it must not count."""
    engine = containerd_store_engine
    bundle = host.bundle({NAMES[0]: HELLO})
    image = bundle.release.images[0]
    entry = {
        "mediaType": image.manifest.media_type,
        "digest": str(image.target),
        "size": image.manifest.size,
        "annotations": {"io.containerd.image.name": NAMES[0]},
    }
    index = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    files = {name: bundle.files[name] for name in (image.manifest.name, image.config.name)}
    with pytest.raises(EngineError):
        engine.load(_tar({"oci-layout": bundle.files["oci-layout"], **files, "index.json": index}))
    assert engine.inspect(NAMES[0])["Id"] == str(image.target)
    assert host.install(bundle.path, url(engine)).images_loaded == 1
    assert says(engine, "acme/hello:1") == "hello"


def _tar(files: dict[str, bytes]) -> bytes:
    from manifests.bundle.tarform import END, header, padding  # noqa: PLC0415

    return (
        b"".join(
            part
            for name, data in files.items()
            for part in (header(name, len(data)), data, padding(len(data)))
        )
        + END
    )


@pytest.fixture
def large(host: Host) -> Bundle:
    noise = [LayerSpec.random(seed, 24_000_000).stored_as("zstd", 1) for seed in (1, 2)]
    one, two = (ImageSpec((BASE, layer), cmd=("true",)) for layer in noise)
    return host.bundle({NAMES[0]: one, NAMES[1]: two})


@contextmanager
def installing(
    host: Host, bundle: Bundle, engine: Engine
) -> Iterator[tuple[subprocess.Popen[bytes], Iterator[dict[str, object]]]]:
    """Run the command, and yield it with its events; it has ended afterwards."""
    homes = {"MOONLIFT_TRUST_DIR": host.trust.directory, "MOONLIFT_STATE_DIR": host.root / "state"}
    environ = {**os.environ, **{name: str(path) for name, path in homes.items()}}
    argv = [sys.executable, "-m", "installer", "install", "--yes", "--jsonl"]
    argv += [f"--engine={url(engine)}", str(bundle.path)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, env=environ) as process:
        assert process.stdout is not None
        yield process, map(json.loads, process.stdout)


@pytest.mark.parametrize(
    "at", ["advanced", pytest.param("image-loaded", marks=pytest.mark.long), "name-set"]
)
def test_killed_during_a_load_the_next_run_finishes(
    host: Host, engine: Engine, large: Bundle, at: str
) -> None:
    with installing(host, large, engine) as (process, events):
        for event in events:
            if event["event"] == at and event["stage"] != "check":
                process.kill()
                break
    assert process.returncode == -signal.SIGKILL
    record = host.install(large.path, url(engine))
    assert record.exit_code == 0
    assert {"acme/hello:1", "acme/other:1"} <= engine.images()
    assert not [name for name in engine.images() if "loading" in name]
    assert says(engine, "acme/hello:1") == says(engine, "acme/other:1") == ""
    assert host.install(large.path, url(engine)).outcome is Outcome.NOTHING_TO_DO


def test_interrupted_it_stops_soon_and_moves_no_name(
    host: Host, engine: Engine, large: Bundle
) -> None:
    last: dict[str, object] = {}
    asked = 0.0
    with installing(host, large, engine) as (process, events):
        for event in events:
            last = event
            if event["event"] == "advanced" and event["stage"] == "load" and not asked:
                process.send_signal(signal.SIGINT)
                asked = time.monotonic()
    assert process.returncode == 130
    assert time.monotonic() - asked < 60
    assert last["event"] == "run-finished"
    assert not {"acme/hello:1", "acme/other:1"} & engine.images()
    assert host.install(large.path, url(engine)).outcome is Outcome.DONE


def test_a_full_disk_is_told_and_nothing_is_named(host: Host, tmp_path: Path) -> None:
    """A data root of 48 MiB: too small for the image that the plan would have refused."""
    from tests.support.dockerd import run_dockerd  # noqa: PLC0415

    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", small], check=True)
    try:
        with run_dockerd(small) as engine:
            bundle = host.bundle({NAMES[0]: ImageSpec((LayerSpec.random(1, 60_000_000),))})
            record = host.install_without_space_check(bundle.path, url(engine))
            assert record.failure is not None
            assert record.failure.code == "engine-no-space"
            assert engine.image_ids() == set()
    finally:
        subprocess.run(["umount", "--lazy", small], check=True)
