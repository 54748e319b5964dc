"""`--selftest IMAGE`: one image more, and the lock and the bundle say which it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bundler.locking.pins import Renew
from manifests.errors import AppManifestError, MoonliftError
from manifests.lock import Lock
from manifests.release import Release
from manifests.selftestlabel import SELFTEST_LABEL
from tests.bundler.builds import Cli, Workplace, memory, served_by
from tests.support.images import ImageSpec, IndexSpec
from tests.support.layers import LayerSpec

APP = ImageSpec((LayerSpec({"app": b"1"}),))
PROOF = ImageSpec((LayerSpec({"proof": b"1"}),), labels={SELFTEST_LABEL: "1"})
BOTH = IndexSpec((PROOF, PROOF.on("linux/arm64")))
NAME = "registry.test/proof:1"


def lock_of(place: Workplace) -> Lock:
    return Lock.read(place.lock.read_bytes())


def release_of(folder: Path) -> Release:
    return Release.read((folder / "release.json").read_bytes())


def test_the_bundle_holds_the_image_and_says_what_it_is_for(place: Workplace) -> None:
    place.write_app("registry.test/app:1")
    with served_by(memory(app=APP, proof=PROOF)):
        report = place.build(selftest=NAME)
    assert [image.name for image in report.release.images] == ["registry.test/app:1", NAME]
    assert report.release.selftest == NAME
    assert report.release.selftest_images == report.release.images[1:]
    assert release_of(place.root / "out") == report.release
    locked = lock_of(place)
    assert locked.selftest == NAME
    assert locked.images[1].places == ("--selftest:1: the self-test",)


def test_an_image_of_the_app_may_be_the_one(place: Workplace) -> None:
    place.write_app("registry.test/app:1", NAME)
    with served_by(memory(app=APP, proof=PROOF)):
        report = place.build(selftest="registry.test/proof:1")
    assert len(report.release.images) == 2
    assert report.release.selftest == NAME


def test_each_platform_has_one(place: Workplace) -> None:
    place.write_app("registry.test/app:1", more="")
    place.app.write_text(place.app.read_text().replace("amd64]", "amd64, linux/arm64]"))
    with served_by(memory(app=IndexSpec((APP, APP.on("linux/arm64"))), proof=BOTH)):
        report = place.build(selftest=NAME)
    platforms = [str(image.platform) for image in report.release.selftest_images]
    assert platforms == ["linux/amd64", "linux/arm64"]


def test_without_it_nothing_is_said_of_it(place: Workplace) -> None:
    place.write_app("registry.test/app:1")
    with served_by(memory(app=APP)):
        place.build()
    assert b"selftest" not in (place.root / "out/release.json").read_bytes()
    assert b"selftest" not in place.lock.read_bytes()


def test_a_locked_build_wants_what_was_resolved(place: Workplace) -> None:
    place.write_app("registry.test/app:1")
    with served_by(memory(app=APP, proof=PROOF)):
        place.build(selftest=NAME)
        place.build("again", selftest=NAME, renew=Renew.NOTHING)
        with pytest.raises(AppManifestError, match="selftest: gone") as caught:
            place.build("less", renew=Renew.NOTHING)
    assert caught.value.code == "lock-stale"


@pytest.mark.parametrize(
    ("written", "more", "code"),
    [
        ("registry.test/app:1", "", "selftest-foreign"),
        ("registry.test/gone:1", "", "image-not-found"),
        ("Not A Name", "", "reference-malformed"),
        (NAME, f"waived:\n  - {{image: {NAME}, reason: not here}}\n", "selftest-waived"),
    ],
)
def test_an_image_that_can_not_be_had_is_told(
    place: Workplace, written: str, more: str, code: str
) -> None:
    place.write_app("registry.test/app:1", more=more)
    with served_by(memory(app=APP, proof=PROOF)), pytest.raises(MoonliftError) as caught:
        place.build(selftest=written)
    assert caught.value.code == code
    assert not place.lock.exists()


def test_the_command_line_has_it_for_both_verbs(place: Workplace, bundle: Cli) -> None:
    place.write_app("registry.test/app:1")
    cache = ["--cache", place.cache.root, "--selftest", NAME]
    with served_by(memory(app=APP, proof=PROOF)):
        assert bundle("resolve", place.app, *cache).code == 0
        line = ["build", place.app, "--locked", "-o", place.root / "x", "-k", place.key, *cache]
        said = bundle(*line)
    assert said.code == 0, said.err
    assert f"proves  a host: {NAME}" in said.out
    shown = json.loads(bundle("inspect", "--json", place.root / "x").out)
    assert shown["release"]["selftest"] == NAME


def test_a_release_that_names_an_image_it_does_not_hold_is_refused(place: Workplace) -> None:
    place.write_app("registry.test/app:1")
    with served_by(memory(app=APP)):
        place.build()
    document = json.loads((place.root / "out/release.json").read_bytes())
    with pytest.raises(MoonliftError, match=r"no image registry\.test/proof:1"):
        Release.read(json.dumps({**document, "selftest": NAME}).encode())
