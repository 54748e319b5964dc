"""`bundle resolve` and the lock: what is looked up, what is pinned, what is refused and told."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest

from bundler.discover.found import Found, GpuRequest, Place
from bundler.locking.movingtags import MOVING, is_moving
from bundler.resolve import PARALLEL
from bundler.sources import Document
from bundler.sources.choose import Sources
from bundler.sources.registry import errors
from manifests.digest import Digest
from manifests.errors import AppManifestError
from manifests.lock import Lock
from manifests.oci import Descriptor
from manifests.reference import Reference
from tests.bench.resolving import IMAGES, LIMIT_S, far_registry, write_app
from tests.bundler.builds import Cli, MemorySource, Said, Workplace, memory, served_by
from tests.support.images import BuiltImage, BuiltIndex, ImageSpec, IndexSpec
from tests.support.layers import LayerSpec
from tests.support.registry import Registry, run_registry
from tests.support.slowproxy import SlowProxy

APP = ImageSpec((LayerSpec({"etc/motd": b"hello"}),))
NEWER = APP.plus(LayerSpec({"etc/motd": b"newer"}))
OTHER = ImageSpec((LayerSpec({"etc/motd": b"other"}),))
MANY = IndexSpec((OTHER, OTHER.on("linux/arm64")))
COMPOSE = """\
services:
  web:
    image: registry.test/app:1
  many:
    image: registry.test/many:1
"""


class Asked(MemorySource):
    """A source that notes what it is asked for by tag."""

    def resolve(self, reference: Reference) -> Document:
        TAGS.extend([str(reference)] if reference.tag else [])
        return super().resolve(reference)


TAGS: list[str] = []


def serving(**changes: BuiltImage | BuiltIndex) -> MemorySource:
    images = memory(app=APP, many=MANY).images
    named = {f"registry.test/{name}:1": image for name, image in changes.items()}
    return Asked({**images, **named})


@pytest.fixture
def app(place: Workplace) -> Iterator[Workplace]:
    """An app whose compose.yaml names two images."""
    TAGS.clear()
    (place.root / "compose.yaml").write_text(COMPOSE)
    write(place)
    with served_by(serving()):
        yield place


def write(place: Workplace, more: str = "", platforms: str = "linux/amd64") -> None:
    head = f'schema: 1\nname: viz\nversion: "1.0.0"\nplatforms: [{platforms}]\n'
    place.app.write_text(f"{head}sources: [compose.yaml]\n{more}")


def add(place: Workplace, *services: str) -> None:
    """Add services to compose.yaml; a line is such as `image: x`."""
    text = "".join(f"  s{number}:\n    {line}\n" for number, line in enumerate(services))
    (place.root / "compose.yaml").write_text(COMPOSE + text)


def build(bundle: Cli, place: Workplace, *more: object) -> Said:
    cache = ["--cache", place.cache.root]
    return bundle("build", place.app, "-o", place.root / "out", "-k", place.key, *cache, *more)


def resolve(bundle: Cli, place: Workplace, *more: object) -> Said:
    return bundle("resolve", place.app, "--cache", place.cache.root, *more)


def locked(place: Workplace) -> Lock:
    return Lock.read(place.lock.read_bytes())


def digest_of(image: BuiltImage | BuiltIndex) -> str:
    return str(image.index.digest if isinstance(image, BuiltIndex) else image.manifest.digest)


def test_resolve_tells_digest_platforms_size_and_every_place(app: Workplace, bundle: Cli) -> None:
    add(app, "image: registry.test/app:1")
    said = resolve(bundle, app)
    assert said.code == 0
    size = len(APP.build().layers[0].data)
    assert said.out.splitlines()[:5] == [
        "registry.test/app:1",
        f"  {digest_of(APP.build())}",
        f"  linux/amd64  {size} B",
        "  compose.yaml:3: service web",
        "  compose.yaml:7: service s0",
    ]
    assert f"wrote {app.lock}" in said.out
    image = locked(app).images[0]
    assert (image.manifests[0].layers_size, image.written) == (size, "registry.test/app:1")
    assert not (app.root / "out").exists()


def test_resolve_as_json_is_the_lock_and_what_changed(app: Workplace, bundle: Cli) -> None:
    told = json.loads(resolve(bundle, app, "--json").out)
    assert told["written"] is True
    assert told["stale"] is True
    assert told["lock"] == json.loads(app.lock.read_text())
    with served_by(serving(app=NEWER.build())):
        told = json.loads(resolve(bundle, app, "--json").out)
    (change,) = told["changes"]
    assert change["subject"] == "registry.test/app:1"
    assert (change["old"], change["new"]) == (digest_of(APP.build()), digest_of(NEWER.build()))


@pytest.mark.parametrize("option", ["--check", "--dry-run"])
def test_check_writes_nothing_and_fails_when_the_lock_would_change(
    app: Workplace, bundle: Cli, option: str
) -> None:
    said = resolve(bundle, app, option)
    assert (said.code, app.lock.exists()) == (20, False)
    assert "would be written" in said.out
    resolve(bundle, app)
    before = app.lock.read_bytes()
    assert resolve(bundle, app, option).code == 0
    with served_by(serving(app=NEWER.build())):
        said = resolve(bundle, app, option)
    assert said.code == 20
    old, new = (digest_of(one.build())[:19] for one in (APP, NEWER))
    assert f"registry.test/app:1: {old} -> {new}" in said.out
    assert app.lock.read_bytes() == before


def test_build_keeps_what_is_locked_and_looks_up_only_what_is_new(
    app: Workplace, bundle: Cli
) -> None:
    resolve(bundle, app)
    with served_by(serving(app=NEWER.build(), extra=OTHER.build())):
        assert build(bundle, app, "--locked").code == 0
        add(app, "image: registry.test/extra:1")
        TAGS.clear()
        said = build(bundle, app)
    assert TAGS == ["registry.test/extra:1"]
    assert f"app.lock.json: registry.test/extra:1: new, {digest_of(OTHER.build())[:19]}" in said.err
    assert said.err.count("app.lock.json") == 1
    images = {image.reference: str(image.digest) for image in locked(app).images}
    assert images["registry.test/app:1"] == digest_of(APP.build())


def test_a_locked_image_is_not_asked_for_at_all_when_its_documents_are_cached(
    app: Workplace, bundle: Cli
) -> None:
    build(bundle, app)
    with served_by(MemorySource({})):
        assert build(bundle, app, "--locked").code == 0


def test_what_is_stale_is_named_and_refused_where_the_lock_may_not_change(
    app: Workplace, bundle: Cli
) -> None:
    said = build(bundle, app, "--locked")
    assert (said.code, "lock-missing" in said.err) == (20, True)
    assert f"next: bundle resolve {app.app}" in said.err
    resolve(bundle, app)
    before = app.lock.read_bytes()
    add(app, "image: registry.test/extra:1", "image: registry.test/more:1")
    TAGS.clear()
    said = build(bundle, app, "--locked")
    assert (said.code, "lock-stale" in said.err) == (20, True)
    assert "registry.test/extra:1: not locked" in said.err
    assert "registry.test/more:1: not locked" in said.err
    (app.root / "compose.yaml").write_text("services:\n  web: {image: 'registry.test/app:1'}\n")
    assert "registry.test/many:1: gone" in build(bundle, app, "--locked").err
    (app.root / "compose.yaml").write_text(COMPOSE)
    write(app, "files: [compose.yaml]\n")
    assert "files/compose.yaml: new" in build(bundle, app, "--locked").err
    assert app.lock.read_bytes() == before
    assert TAGS == []


def test_lines_added_above_move_places_and_make_no_new_release(app: Workplace, bundle: Cli) -> None:
    build(bundle, app)
    before = locked(app)
    (app.root / "compose.yaml").write_text("# moved\n\n" + COMPOSE)
    assert build(bundle, app, "--locked").code == 0
    after = locked(app)
    assert after.images[0].places == ("compose.yaml:5: service web",)
    assert (after.sequence, after.issued) == (before.sequence, before.issued)
    assert resolve(bundle, app, "--check").code == 0


def test_another_platform_is_taken_from_the_same_index(app: Workplace, bundle: Cli) -> None:
    (app.root / "compose.yaml").write_text("services:\n  many: {image: 'registry.test/many:1'}\n")
    resolve(bundle, app)
    write(app, platforms="linux/amd64, linux/arm64")
    TAGS.clear()
    said = build(bundle, app)
    assert TAGS == []
    assert said.code == 0, said.err
    assert "platforms linux/amd64 -> linux/amd64, linux/arm64" in said.err
    (image,) = locked(app).images
    assert str(image.digest) == digest_of(MANY.build())
    assert [str(one.platform) for one in image.manifests] == ["linux/amd64", "linux/arm64"]


def test_another_policy_needs_no_look_at_the_registry(app: Workplace, bundle: Cli) -> None:
    build(bundle, app)
    TAGS.clear()
    said = build(bundle, app, "--layers", "original")
    assert "registry.test/app:1: layers zstd -> original" in said.err
    assert TAGS == []


def test_local_images_are_looked_at_anew_each_time(app: Workplace, bundle: Cli) -> None:
    write(app, "images: [{image: 'registry.test/app:1', from: docker}]\n")
    for image in (APP, NEWER):
        local = replace(serving(app=image.build()), origin="docker")
        with patch.object(Sources, "_docker", lambda _, local=local: local):
            assert build(bundle, app).code == 0
    assert str(locked(app).images[0].digest) == digest_of(NEWER.build())


def test_a_locked_digest_that_is_gone_says_what_to_do(app: Workplace, bundle: Cli) -> None:
    def missing(_: object, reference: Reference, descriptor: Descriptor) -> Document:
        raise errors.missing_content(reference, descriptor.digest, "")

    resolve(bundle, app)
    elsewhere = ["--cache", app.root / "new"]
    with patch.object(MemorySource, "document", missing):
        said = bundle("build", app.app, "-o", app.root / "out", "-k", app.key, *elsewhere)
    assert said.code == 20
    for name, image in (("app", APP.build()), ("many", MANY.build())):
        assert f"registry.test/{name}:1: {digest_of(image)}, which the lock names" in said.err
    assert said.err.count("next: look every tag up anew: bundle resolve") == 2


def test_every_problem_of_a_run_is_told_at_once_and_nothing_is_written(
    app: Workplace, bundle: Cli
) -> None:
    digest = "sha256:" + "1" * 64
    add(
        app,
        "image: UPPER/case",
        "image: registry.test/gone:1",
        "image: registry.test/many:1\n    platform: linux/s390x",
        "image: ${UNSET:?set it}/x",
        f"image: registry.test/app:1@{digest}",
        f"image: registry.test/pinned:1@{digest}\n    # and",
        "image: registry.test/pinned:1@sha256:" + "2" * 64,
    )
    write(app, "files: [missing.txt]\n")
    for said in (resolve(bundle, app), build(bundle, app)):
        assert said.code == 20
        assert not app.lock.exists()
        assert not (app.root / "out").exists()
        places = [f"compose.yaml:{line}:" for line in (7, 9, 11, 14, 21)]
        for words in (*places, "UPPER/case", "gone:1", "linux/s390x", "missing.txt", "set it"):
            assert words in said.err
        assert "names two images" in said.err
    told = json.loads(resolve(bundle, app, "--json").out)["error"]
    codes = {one["code"] for one in told["problems"]}
    assert {"image-not-found", "platform-missing", "digest-disagrees"} <= (codes)


def test_a_tag_and_a_digest_that_agree_are_one_image(app: Workplace, bundle: Cli) -> None:
    pinned = digest_of(MANY.build())
    member = MANY.build().images[0].manifest.digest
    add(app, f"image: registry.test/many:1@{pinned}", f"image: registry.test/many:1@{member}")
    said = resolve(bundle, app)
    assert "names two images" in said.err
    add(app, f"image: registry.test/many:1@{member}")
    assert resolve(bundle, app).code == 0
    image = locked(app).images[1]
    assert (image.reference, image.policy) == ("registry.test/many:1", "original")
    assert build(bundle, app, "--locked").code == 0
    assert len([one for one in locked(app).images if "many" in one.reference]) == 1


def test_a_digest_of_another_platform_of_the_same_index_agrees_without_a_new_look(
    app: Workplace, bundle: Cli
) -> None:
    add(app, f"image: registry.test/many:1@{MANY.build().images[1].manifest.digest}")
    resolve(bundle, app)
    TAGS.clear()
    assert build(bundle, app, "--locked").code == 0
    assert TAGS == []


def test_a_tag_that_names_another_digest_today_is_told_with_both_places(
    app: Workplace, bundle: Cli
) -> None:
    add(app, f"image: registry.test/app:1@{digest_of(APP.build())}")
    with served_by(serving(app=NEWER.build())):
        said = resolve(bundle, app)
    assert said.code == 20
    for words in ("compose.yaml:3", "compose.yaml:7", digest_of(APP.build())):
        assert words in said.err
    assert digest_of(NEWER.build()) in said.err


def test_a_waived_image_is_left_out_and_carried_with_its_reason(
    app: Workplace, bundle: Cli
) -> None:
    add(app, "image: vendor/secret:3", "image: ${VENDOR:?}/x")
    write(
        app,
        "waived:\n"
        "  - {image: 'vendor/secret:3', reason: the vendor brings it}\n"
        "  - {image: '${VENDOR:?}/x', reason: never started here}\n"
        "  - {image: nobody/wants:1, reason: old}\n",
    )
    said = build(bundle, app)
    assert said.code == 0, said.err
    assert "app.yaml:9: the waiver of nobody/wants:1 is not needed" in said.err
    assert [one.image for one in locked(app).waived] == ["vendor/secret:3", "${VENDOR:?}/x"]
    assert locked(app).waived[0].places == ("compose.yaml:7: service s0",)
    assert "waived  vendor/secret:3: the vendor brings it" in said.out
    inspected = bundle("inspect", app.root / "out")
    assert "vendor/secret:3: the vendor brings it" in inspected.out
    told = json.loads(bundle("inspect", app.root / "out", "--json").out)
    assert told["release"]["waived"][0]["reason"] == "the vendor brings it"
    verified = bundle("verify", app.root / "out", "-k", app.public_key)
    assert "vendor/secret:3: the vendor brings it" in verified.out
    assert build(bundle, app, "--locked").code == 0


def test_gpu_requests_are_locked(app: Workplace, bundle: Cli) -> None:
    add(app, "image: registry.test/app:1\n    gpus: all")
    resolve(bundle, app)
    (gpu,) = locked(app).gpus
    assert (gpu.count, gpu.by, gpu.place) == (None, "service s0", "compose.yaml:8")


@pytest.mark.parametrize("count", [10**400, -1])
def test_any_number_of_gpus_makes_a_lock_that_can_be_read(
    app: Workplace, bundle: Cli, count: int
) -> None:
    request = GpuRequest(Place("job.sbatch", 3), "srun --gres\x1b[2J", count, ("0",) * 3)
    write(app, "images: ['registry.test/app:1']\n")
    with patch("bundler.locking.relock.gather", return_value=(Found(gpus=(request,)),)):
        assert "\x1b" not in resolve(bundle, app).out
    (gpu,) = locked(app).gpus
    assert gpu.count is not None
    assert 0 <= gpu.count < 2**31


def test_moving_tags_are_warned_about_when_they_are_looked_up(app: Workplace, bundle: Cli) -> None:
    images = {**serving().images, "registry.test/app:latest": APP.build()}
    add(app, "image: registry.test/app")
    with served_by(Asked(images)):
        said = build(bundle, app)
        assert "compose.yaml:7: registry.test/app: the tag 'latest' moves" in said.err
        assert "moves" not in build(bundle, app).err
        assert "moves" in resolve(bundle, app).err


@pytest.mark.parametrize(
    ("tag", "moves"),
    [
        ("latest", True),
        ("Nightly", True),
        ("stable-alpine", True),
        ("main", True),
        ("1.4-SNAPSHOT", True),
        ("3.12-dev", True),
        ("1.25", False),
        ("2024.11.1-stable", False),
        ("bookworm-slim", False),
        ("v1.2.3-alpine3.20", False),
        ("sha-0123abc", False),
    ],
)
def test_moving_tags(tag: str, moves: bool) -> None:
    assert is_moving(tag) == moves


def test_moving_tags_are_documented() -> None:
    text = " ".join((Path(__file__).parents[2] / "docs/app-manifest.md").read_text().split())
    assert f"`{' '.join(sorted(MOVING))}`" in text


def test_credentials_that_are_missing_are_told_with_the_image_its_place_and_how_to_log_in(
    app: Workplace, bundle: Cli
) -> None:
    def denied(_: object, reference: Reference) -> Document:
        hint = "check the spelling, then `docker login registry.test`"
        raise AppManifestError("image-denied", f"registry.test refuses {reference}", hint=hint)

    with served_by(serving()), patch.object(MemorySource, "resolve", denied):
        said = resolve(bundle, app)
    assert said.code == 20
    for words in ("compose.yaml:3:12: registry.test refuses registry.test/app:1", "docker login"):
        assert words in said.err


def test_the_lock_is_the_same_however_often_it_is_made(app: Workplace, bundle: Cli) -> None:
    resolve(bundle, app)
    first = app.lock.read_bytes()
    resolve(bundle, app)
    assert app.lock.read_bytes() == first
    text = app.lock.read_text()
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def test_an_app_in_another_folder_names_places_from_there(
    app: Workplace, bundle: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "  compose.yaml:3: service web" in resolve(bundle, app).out
    assert Digest.parse(digest_of(APP.build())) == locked(app).images[0].digest


@pytest.fixture
def far(tmp_path: Path) -> Iterator[tuple[Registry, SlowProxy]]:
    with run_registry(tmp_path / "registry") as registry, far_registry(registry) as proxy:
        yield registry, proxy


@pytest.mark.engine
def test_sixty_images_of_a_far_registry_take_two_questions_each_and_few_connections(
    place: Workplace, bundle: Cli, far: tuple[Registry, SlowProxy]
) -> None:
    """The time is measured by `make bench`; on a busy machine only the round trips are sure."""
    registry, proxy = far
    write_app(place.root, proxy.address)
    since = len(registry.requests())
    started = time.monotonic()
    assert resolve(bundle, place).code == 0
    assert time.monotonic() - started < 5 * LIMIT_S
    assert len(locked(place).images) == IMAGES
    asked = len(registry.requests()) - since
    assert asked <= 2 * IMAGES + 1
    assert proxy.connections <= PARALLEL + 1
    assert resolve(bundle, place, "--check").code == 0
    again = registry.requests()[since + asked :]
    assert len(again) <= IMAGES + 1
    assert not [one for one in again if one.method == "GET" and "/manifests/" in one.path]
