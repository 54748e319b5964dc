"""Plans: what is missing, where names will point, whether it fits; nothing is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from installer import plan as plan_module
from installer.engines.base import Presence, Store, keep_name
from installer.planning.space import SPACE_FACTOR, SPACE_MARGIN, FileSystem, needed_bytes
from installer.planning.suiting import suiting
from manifests.digest import Digest
from manifests.errors import NotInstallableHere
from manifests.oci import chain_ids
from manifests.reference import Reference
from tests.installer.conftest import APP, IMAGES, NAMES, WEB, Host
from tests.installer.fake_engine import FakeEngine
from tests.support.bundles import Facts
from tests.support.images import ImageSpec, IndexSpec
from tests.support.layers import LayerSpec

NEW_LAYER = LayerSpec({"etc/new": b"new"})


def missing(host: Host, path: Path, fake: FakeEngine) -> dict[str, int]:
    made = host.plan(path, fake.url)
    return {one.image.name: len(one.missing) for one in made.deliveries}


def test_shared_layers_are_sent_once(host: Host, fake: FakeEngine) -> None:
    assert missing(host, host.bundle().path, fake) == {NAMES[0]: 2, NAMES[1]: 1}


def test_upgrade_sends_only_new_layers(host: Host, fake: FakeEngine) -> None:
    host.install(host.bundle().path, fake.url)
    images = {**IMAGES, NAMES[0]: APP.plus(NEW_LAYER)}
    upgrade = host.bundle(images, Facts(sequence=2, version="2"))
    assert missing(host, upgrade.path, fake) == {NAMES[0]: 1}


def test_layers_of_foreign_images_count_in_a_graph_driver(host: Host, graph: FakeEngine) -> None:
    host.install(host.bundle({"docker.io/other/app:9": APP}).path, graph.url)
    for name in graph.own_names:
        graph.remove(name)
    assert missing(host, host.bundle(facts=Facts(product="web")).path, graph) == {NAMES[1]: 1}


def test_names_alone_prove_nothing_in_containerd(host: Host, containerd: FakeEngine) -> None:
    bundle = host.bundle()
    host.install(bundle.path, containerd.url)
    for name in containerd.own_names:
        containerd.remove(name)
    assert missing(host, bundle.path, containerd) == {NAMES[0]: 2, NAMES[1]: 1}


def test_names_show_where_they_pointed(host: Host, fake: FakeEngine) -> None:
    host.install(host.bundle().path, fake.url)
    before = dict(fake.names)
    upgrade = host.bundle({**IMAGES, NAMES[0]: APP.plus(NEW_LAYER)}, Facts(sequence=2))
    (change,) = [one for one in host.plan(upgrade.path, fake.url).names if not one.ours]
    assert (change.name, str(change.old)) == (NAMES[0], before[NAMES[0]])
    assert change.new != change.old


def test_planning_changes_nothing(host: Host, fake: FakeEngine) -> None:
    bundle = host.bundle()
    before = sorted(host.root.rglob("*"))
    host.plan(bundle.path, fake.url)
    assert all(call.startswith("GET ") for call in fake.calls)
    assert sorted(host.root.rglob("*")) == before


def test_takes_the_platform_that_the_engine_runs(host: Host, fake: FakeEngine) -> None:
    both = IndexSpec((APP.on("linux/arm64"), APP))
    made = host.plan(host.bundle({NAMES[0]: both}).path, fake.url)
    assert [str(image.platform) for image in made.images] == ["linux/amd64"]


def test_refuses_a_platform_that_the_engine_does_not_run(host: Host, fake: FakeEngine) -> None:
    bundle = host.bundle({NAMES[0]: APP.on("linux/arm64")})
    with pytest.raises(NotInstallableHere, match="linux/arm64") as caught:
        host.plan(bundle.path, fake.url)
    assert caught.value.code == "platform-mismatch"


def test_a_layout_takes_every_platform(host: Host, tmp_path: Path) -> None:
    both = IndexSpec((APP.on("linux/arm64"), APP))
    made = host.plan(host.bundle({NAMES[0]: both}).path, f"layout:{tmp_path / 'out'}")
    assert len(suiting(made.verified.release, made.info)) == 2


def test_refuses_when_space_is_missing(
    host: Host, fake: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = FileSystem("/dev/sdx1", "/dev/sdx1", "/small", "ext4", free=1000, total=2000)
    monkeypatch.setattr(plan_module, "file_system_of", lambda _: small)
    with pytest.raises(NotInstallableHere, match="missing") as caught:
        host.plan(host.bundle().path, fake.url)
    assert caught.value.code == "no-space"
    assert caught.value.context["free"] == 1000


def test_space_counts_what_a_store_needs_at_its_height(host: Host, tmp_path: Path) -> None:
    big = {"docker.io/a/a:1": ImageSpec((LayerSpec.random(1, 5_000_000, compressible=True),))}
    made = host.plan(host.bundle(big).path, f"layout:{tmp_path / 'out'}")
    layer = made.deliveries[0].missing[0]

    def need(store: Store) -> int:
        return round((needed_bytes(store, made.deliveries) - SPACE_MARGIN) / SPACE_FACTOR)

    assert need(Store.GRAPH_DRIVER) == pytest.approx(2 * layer.uncompressed, abs=2)
    assert need(Store.CONTAINERD) == pytest.approx(layer.uncompressed + layer.size, abs=2)
    assert need(Store.LAYOUT) == pytest.approx(layer.size, abs=2)
    assert needed_bytes(Store.LAYOUT, ()) == 0


def test_nothing_to_do_only_when_all_is_as_it_shall_be(host: Host, fake: FakeEngine) -> None:
    bundle = host.bundle()
    assert not host.plan(bundle.path, fake.url).nothing_to_do
    host.install(bundle.path, fake.url)
    assert host.plan(bundle.path, fake.url).nothing_to_do
    fake.remove(NAMES[0])
    assert not host.plan(bundle.path, fake.url).nothing_to_do


def test_presence_is_reckoned_in_each_stores_way(host: Host) -> None:
    image = host.bundle().release.images[0]
    chains = chain_ids(image.diff_ids)
    graph = Presence(Store.GRAPH_DRIVER, layers=frozenset(chains[:1]))
    assert graph.missing(image) == image.layers[1:]
    blobs = Presence(Store.CONTAINERD, layers=frozenset({image.layers[1].digest}))
    assert blobs.missing(image) == image.layers[:1]
    assert blobs.after(image).missing(image) == ()
    assert blobs.after(image).holds(image)


@pytest.mark.parametrize("product", ["viz", "a.b_c", "a--b", "0", "x" * 64, "a-._b"])
def test_keeping_names_are_references(product: str) -> None:
    name = keep_name(product, Digest("a" * 64))
    assert str(Reference.parse(name)) == name


def test_unchanged_image_of_another_product_gets_its_own_keeping_name(
    host: Host, graph: FakeEngine
) -> None:
    host.install(host.bundle({NAMES[1]: WEB}).path, graph.url)
    other = host.bundle({NAMES[1]: WEB}, Facts(product="other"))
    assert [one.ours for one in host.plan(other.path, graph.url).names] == [True]
    host.install(other.path, graph.url)
    assert {name.partition(":")[0] for name in graph.own_names} == {
        "moonlift.local/viz",
        "moonlift.local/other",
    }
