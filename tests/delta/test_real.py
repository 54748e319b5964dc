"""Real engines of both stores: what a difference leaves to the host is read out of the engine."""

from __future__ import annotations

import pytest

from installer.events import Outcome
from tests.delta.site import Site, size_of
from tests.support.engine import Engine
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec, busybox_layer, noise

pytestmark = pytest.mark.engine

NAME = "registry.test/app:1"
FILES = {f"data/{number}": noise(number, 100_000) for number in range(20)}
TOP = LayerSpec({"etc/top": b"top\n"})
APP = ImageSpec((busybox_layer(), LayerSpec(FILES), TOP), cmd=("sha256sum", "/data/7"))
NEXT = ImageSpec(
    (busybox_layer(), LayerSpec({**FILES, "data/7": b"new\n"}), TOP),
    cmd=("cat", "/data/7", "/etc/top"),
)


@pytest.mark.parametrize("store", ["docker_engine", "containerd_store_engine"])
def test_an_upgrade_is_rebuilt_from_the_engines_own_image(
    site: Site, store: str, request: pytest.FixtureRequest
) -> None:
    engine: Engine = request.getfixturevalue(store)
    url = f"docker:{engine.url}"
    old = site.build("old", "1.0.0", app=APP)
    assert site.install(old, url)[0].outcome is Outcome.DONE
    delta = site.build("delta", "1.1.0", site.inventory(url), app=NEXT)
    assert size_of(delta) < size_of(old) // 20
    record, made = site.install(delta, url)
    assert record.outcome is Outcome.DONE, record.failure
    assert record.bytes_read == made.read_bytes < 20_000
    found = engine.inspect(NAME)
    expected = site.release(delta).images[0].diff_ids
    assert found["RootFS"]["Layers"] == [str(one) for one in expected]
    said = engine.docker("run", "--rm", "--network", "none", NAME)
    assert said.split() == ["new", "top"]
    assert not list(site.host.ledger.directory.glob("old-layers-*"))
