"""Layers that hosts have are left out of a bundle; a host that lacks one is told so first."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer.events import Outcome
from manifests.errors import NotInstallableHere
from tests.delta.site import Site, size_of
from tests.installer.conftest import piped
from tests.installer.fake_engine import FakeEngine, run_fake_engine
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.tamper import files_of

BIG = LayerSpec.random(1, 400_000)
APP = ImageSpec((BIG, LayerSpec({"bin/app": b"one" * 300})))
NEXT = ImageSpec((BIG, LayerSpec({"bin/app": b"two" * 300})))


@pytest.fixture
def old(site: Site) -> Path:
    return site.build("old", "1.0.0", app=APP)


@pytest.fixture
def delta(site: Site, old: Path) -> Path:
    return site.build("delta", "1.1.0", old, app=NEXT)


def test_holds_only_what_is_new(site: Site, old: Path, delta: Path) -> None:
    assert size_of(delta) < size_of(old) // 20
    release = site.release(delta)
    assert release.base is not None
    assert (release.base.product, release.base.version) == ("viz", "1.0.0")
    assert release.base.sequence == site.release(old).sequence
    (left,) = release.base.layers
    assert left == site.release(old).images[0].layers[0]
    assert left.name not in files_of(delta)


def test_is_the_same_image_as_the_complete_bundle_has(site: Site, delta: Path) -> None:
    whole = site.build("whole", "1.1.0", app=NEXT)
    assert site.release(whole).base is None
    one, other = site.release(delta).images[0], site.release(whole).images[0]
    assert (one.image_id, one.diff_ids, one.target) == (
        other.image_id,
        other.diff_ids,
        other.target,
    )


def test_installs_over_the_old_release(
    site: Site, old: Path, delta: Path, fake: FakeEngine
) -> None:
    site.install(old, fake.url)
    record, made = site.install(delta, fake.url)
    assert record.outcome is Outcome.DONE
    assert made.read_bytes < 10_000
    assert len(fake.loads) == 2


def test_a_layout_directory_takes_it(site: Site, old: Path, delta: Path, tmp_path: Path) -> None:
    target = f"layout:{tmp_path / 'out'}"
    site.install(old, target)
    assert site.install(delta, target)[0].outcome is Outcome.DONE
    image = site.release(delta).images[0]
    assert all((tmp_path / "out" / blob.name).is_file() for blob in image.blobs)


def test_comes_through_a_pipe(site: Site, old: Path, tmp_path: Path) -> None:
    target = f"layout:{tmp_path / 'out'}"
    site.install(old, target)
    tar = site.build("delta.tar", "1.1.0", old, app=NEXT)
    with piped(tar.read_bytes(), tmp_path / "pipe") as pipe:
        assert site.install(pipe, target)[0].outcome is Outcome.DONE


def test_a_host_without_the_layer_is_told_which(site: Site, delta: Path, fake: FakeEngine) -> None:
    with pytest.raises(NotInstallableHere) as caught:
        site.install(delta, fake.url)
    assert caught.value.code == "base-missing"
    diff_id = site.release(delta).images[0].diff_ids[0]
    assert f"layer {diff_id}" in str(caught.value)
    assert "since viz 1.0.0 (sequence" in str(caught.value)
    assert [part.context["layer"] for part in caught.value.parts] == [str(diff_id)]
    assert not fake.load_calls
    assert not site.host.ledger.state().accepted


def test_a_kept_bundle_brings_what_the_host_lacks(
    site: Site, old: Path, delta: Path, fake: FakeEngine
) -> None:
    record, _ = site.install(delta, fake.url, old)
    assert record.outcome is Outcome.DONE
    image = site.release(delta).images[0]
    assert fake.find(str(record.names_set[0])) is not None
    assert len(image.layers) == 2


def test_the_old_release_json_alone_will_do(site: Site, old: Path) -> None:
    made = site.build("delta", "1.1.0", old / "release.json", app=NEXT)
    assert len(site.release(made).base.layers) == 1  # type: ignore[union-attr]


def test_a_base_that_shares_nothing_leaves_the_bundle_complete(site: Site, old: Path) -> None:
    other = ImageSpec((LayerSpec({"etc/other": b"other"}),))
    assert site.release(site.build("other", "2.0.0", old, app=other)).base is None


def test_an_inventory_of_the_host_will_do(site: Site, old: Path, fake: FakeEngine) -> None:
    site.install(old, fake.url)
    made = site.build("delta", "1.1.0", site.inventory(fake.url), app=NEXT)
    assert size_of(made) < size_of(old) // 20
    record, _ = site.install(made, fake.url)
    assert record.outcome is Outcome.DONE


def test_a_host_that_was_not_asked_for_its_inventory_is_told_what_it_lacks(
    site: Site, old: Path, tmp_path: Path
) -> None:
    target = f"layout:{tmp_path / 'out'}"
    site.install(old, target)
    made = site.build("delta", "1.1.0", site.inventory(target), app=NEXT)
    with site.host.ledger.locked() as ledger:
        ledger.forget_app(site.release(made).product)
    with pytest.raises(NotInstallableHere) as caught:
        site.install(made, f"layout:{tmp_path / 'other'}")
    assert caught.value.code == "base-missing"
    assert "install" not in caught.value.hint
    assert "--base-bundle" in caught.value.hint


def test_a_signed_lie_about_the_base_is_refused(site: Site, delta: Path) -> None:
    release = site.release(delta)
    assert release.base is not None
    (left,) = release.base.layers
    for wrong in (
        (left, left),
        (left.model_copy(update={"size": left.size + 1}),),
        (left.model_copy(update={"digest": release.images[0].image_id}),),
    ):
        raw = release.model_copy(update={"base": release.base.naming(wrong)}).canonical()
        with pytest.raises(ValueError, match="base"):
            type(release).read(raw)


def test_an_engine_that_takes_no_part_fails_and_is_told_of(
    site: Site, old: Path, delta: Path
) -> None:
    with run_fake_engine("graph") as engine:
        site.install(old, engine.url)
        engine.faults.refuse_parts = True
        record, _ = site.install(delta, engine.url)
    assert record.failure is not None
    assert record.failure.code == "engine-load"
