"""A layer that changed a little travels as a patch, and is rebuilt on the host, byte for byte."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import zstandard

from installer.delta.stock import Stock
from installer.events import Outcome
from manifests.base import PatchRecord
from manifests.bundle import layout
from manifests.bundle.sums import Sums, signature_name
from manifests.digest import Digest
from manifests.errors import NotInstallableHere
from manifests.layerpolicy import LayerPolicy
from manifests.patchform import MAGIC, copy_head, data_head, end_head
from manifests.release import Release
from tests.delta.site import Site, size_of
from tests.installer.conftest import piped
from tests.installer.fake_engine import FakeEngine
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec, noise
from tests.support.tamper import files_of

FILES = {f"data/{number}": noise(number, 100_000) for number in range(20)}
SMALL = LayerSpec({"etc/small": b"small" * 10})
APP = ImageSpec((LayerSpec(FILES), SMALL))
NEXT = ImageSpec((LayerSpec({**FILES, "data/7": noise(99, 10_000)}), SMALL))


@pytest.fixture
def old(site: Site) -> Path:
    return site.build("old", "1.0.0", app=APP)


@pytest.fixture
def delta(site: Site, old: Path) -> Path:
    return site.build("delta", "1.1.0", old, app=NEXT)


def patch_of(release: Release) -> PatchRecord:
    assert release.base is not None
    (patch,) = release.base.patches
    return patch


def test_a_changed_file_of_a_large_layer_costs_little(site: Site, old: Path, delta: Path) -> None:
    whole = site.build("whole", "1.1.0", app=NEXT)
    assert size_of(delta) < 0.03 * size_of(whole)
    one, other = site.release(delta).images[0], site.release(whole).images[0]
    assert (one.image_id, one.diff_ids) == (other.image_id, other.diff_ids)
    patch = patch_of(site.release(delta))
    assert patch.old == site.release(old).images[0].layers[0]
    assert one.layers[0].is_tar
    assert one.layers[0].name not in files_of(delta)
    assert patch.name in files_of(delta)


def test_the_same_again_is_the_same_bytes(site: Site, old: Path, delta: Path) -> None:
    before = {name: (delta / name).read_bytes() for name in files_of(delta)}
    (site.place.root / "delta").rename(site.place.root / "first")
    site.place.build("delta", base=old)
    assert before == {name: (delta / name).read_bytes() for name in files_of(delta)}


def test_what_changed_altogether_travels_whole(site: Site, old: Path) -> None:
    other = ImageSpec((LayerSpec.random(5, 500_000), SMALL))
    base = site.release(site.build("other", "1.1.0", old, app=other)).base
    assert base is not None
    assert (len(base.layers), base.patches) == (1, ())


def test_an_image_that_keeps_its_registrys_bytes_is_never_patched(
    site: Site, fake: FakeEngine
) -> None:
    site.policy = LayerPolicy.ORIGINAL
    old = site.build("old", "1.0.0", app=APP)
    made = site.build("delta", "1.1.0", old, app=NEXT)
    release = site.release(made)
    assert release.base is not None
    assert (len(release.base.layers), release.base.patches) == (1, ())
    assert str(release.images[0].manifest.digest) == NEXT.build().manifest.digest
    site.install(old, fake.url)
    assert site.install(made, fake.url, old)[0].outcome is Outcome.DONE


def test_is_rebuilt_in_a_layout_from_what_is_there(
    site: Site, old: Path, delta: Path, tmp_path: Path
) -> None:
    target = f"layout:{tmp_path / 'out'}"
    site.install(old, target)
    (site.host.ledger.directory / "old-layers-of-a-killed-run").mkdir()
    record, made = site.install(delta, target)
    assert record.outcome is Outcome.DONE
    assert made.read_bytes == patch_of(site.release(delta)).size
    layer = site.release(delta).images[0].layers[0]
    assert Digest.of((tmp_path / "out" / layer.name).read_bytes()) == layer.diff_id
    assert not list(site.host.ledger.directory.glob("old-layers-*"))


def test_is_rebuilt_from_a_kept_bundle(
    site: Site, old: Path, delta: Path, fake: FakeEngine
) -> None:
    record, _ = site.install(delta, fake.url, old)
    assert record.outcome is Outcome.DONE
    image = fake.find("registry.test/app:1")
    assert image is not None
    assert image.diff_ids == [str(one) for one in site.release(delta).images[0].diff_ids]


def test_comes_through_a_pipe(site: Site, old: Path, tmp_path: Path) -> None:
    target = f"layout:{tmp_path / 'out'}"
    site.install(old, target)
    tar = site.build("delta.tar", "1.1.0", old, app=NEXT)
    with piped(tar.read_bytes(), tmp_path / "pipe") as pipe:
        assert site.install(pipe, target)[0].outcome is Outcome.DONE


def test_two_images_with_one_patched_layer(site: Site, tmp_path: Path) -> None:
    one, two = APP, replace(APP, cmd=("two",))
    old = site.build("old", "1.0.0", one=one, two=two)
    new = site.build("new.tar", "1.1.0", old, one=NEXT, two=replace(NEXT, cmd=("two",)))
    target = f"layout:{tmp_path / 'out'}"
    site.install(old, target)
    with piped(new.read_bytes(), tmp_path / "pipe") as pipe:
        assert site.install(pipe, target)[0].outcome is Outcome.DONE


def test_a_difference_to_a_difference(site: Site, old: Path, delta: Path, tmp_path: Path) -> None:
    third = ImageSpec((LayerSpec({**FILES, "data/7": noise(100, 10_000)}), SMALL))
    newest = site.build("third", "1.2.0", delta, app=third)
    assert size_of(newest) < 0.03 * size_of(old)
    target = f"layout:{tmp_path / 'out'}"
    for bundle in (old, delta, newest):
        assert site.install(bundle, target)[0].outcome is Outcome.DONE


def test_the_builder_finds_old_layers_in_its_cache(site: Site, old: Path) -> None:
    made = site.build("delta", "1.1.0", old / "release.json", app=NEXT)
    assert size_of(made) < 0.03 * size_of(old)


def test_without_the_old_layer_nothing_starts(site: Site, delta: Path, fake: FakeEngine) -> None:
    with pytest.raises(NotInstallableHere) as caught:
        site.install(delta, fake.url)
    assert caught.value.code == "base-missing"
    diff_ids = {part.context["layer"] for part in caught.value.parts}
    assert str(patch_of(site.release(delta)).old.diff_id) in diff_ids
    assert not fake.load_calls


def test_a_damaged_old_layer_is_not_built_upon(
    site: Site, old: Path, delta: Path, tmp_path: Path
) -> None:
    target = f"layout:{tmp_path / 'out'}"
    site.install(old, target)
    blob = tmp_path / "out" / site.release(old).images[0].layers[0].name
    raw = bytearray(blob.read_bytes())
    raw[len(raw) // 2] ^= 1
    blob.write_bytes(raw)
    record, _ = site.install(delta, target)
    assert record.failure is not None
    assert record.failure.code == "engine-export"
    assert not (tmp_path / "out" / site.release(delta).images[0].layers[0].name).exists()


def test_room_for_old_layers_is_planned(site: Site, old: Path, delta: Path, tmp_path: Path) -> None:
    target = f"layout:{tmp_path / 'out'}"
    site.install(old, target)
    with site.planned(delta, target) as made:
        copied = [one for one in made.room.writings if one.purpose == "old layers"]
        assert [one.height for one in copied] == [patch_of(site.release(delta)).old.uncompressed]


def test_stops_between_copies_when_told_to(
    site: Site, old: Path, delta: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = f"layout:{tmp_path / 'out'}"
    site.install(old, target)
    fill = Stock.fill

    def stopped(stock: Stock, *arguments: Any) -> None:
        site.host.cancel.set()
        fill(stock, *arguments)

    monkeypatch.setattr(Stock, "fill", stopped)
    record, _ = site.install(delta, target)
    assert record.outcome is Outcome.CANCELLED
    assert not list(site.host.ledger.directory.glob("old-layers-*"))
    assert not (tmp_path / "out" / site.release(delta).images[0].layers[0].name).exists()


EVIL = {
    "not a patch": (b"something else altogether", "patch-malformed"),
    "another layer": (MAGIC + data_head(5) + b"short" + end_head(), "patch-malformed"),
    "beyond the old layer": (MAGIC + copy_head(2**40, 512) + end_head(), "patch-malformed"),
    "longer than it says": (bytes(5000), "layer-size"),
}


@pytest.mark.parametrize(("raw", "code"), EVIL.values(), ids=EVIL)
def test_a_signed_patch_that_lies_commits_nothing(
    site: Site, old: Path, delta: Path, fake: FakeEngine, raw: bytes, code: str
) -> None:
    size = 100 if code == "layer-size" else len(raw)
    _sign_with_patch(site, delta, zstandard.compress(raw), size)
    record, _ = site.install(delta, fake.url, old)
    assert record.failure is not None
    assert record.failure.code == code
    assert not fake.names
    assert not fake.loads


def test_a_patch_that_makes_another_layer_of_the_right_size_commits_nothing(
    site: Site, old: Path, delta: Path, fake: FakeEngine
) -> None:
    size = site.release(delta).images[0].layers[0].uncompressed
    raw = MAGIC + data_head(size) + bytes(size) + end_head()
    _sign_with_patch(site, delta, zstandard.compress(raw), len(raw))
    record, _ = site.install(delta, fake.url, old)
    assert record.failure is not None
    assert record.failure.code == "patch-malformed"
    assert not fake.loads


def _sign_with_patch(site: Site, bundle: Path, raw: bytes, size: int) -> None:
    """Put another patch into a bundle, and sign it as its maker would."""
    release = site.release(bundle)
    assert release.base is not None
    patch = patch_of(release)
    evil = patch.model_copy(
        update={"digest": Digest.of(raw), "size": len(raw), "uncompressed": size}
    )
    base = release.base.naming(release.base.layers, (evil,))
    (bundle / patch.name).unlink()
    (bundle / evil.name).write_bytes(raw)
    (bundle / layout.RELEASE).write_bytes(release.model_copy(update={"base": base}).canonical())
    names = [name for name in files_of(bundle) if not name.startswith(layout.SUMS)]
    sums = Sums({name: Digest.of((bundle / name).read_bytes()) for name in names}).render()
    (bundle / layout.SUMS).write_bytes(sums)
    (bundle / signature_name(1)).write_bytes(site.host.key.sign(sums))
