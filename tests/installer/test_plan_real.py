"""What a plan says of bytes, against what real engines and file systems then took."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest

from installer.planning.space import Purpose
from tests.installer.conftest import NAMES, Host
from tests.installer.test_cli import call, document
from tests.support.engine import Engine
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec, busybox_layer

MIB = 1024 * 1024
TOLERANCE = 0.08
"""Of what is foreseen for a store: file systems round each file up, engines keep records."""
RECORDS = 2 * MIB
"""That an engine writes besides, whatever the size of the images."""


@cache
def images() -> dict[str, ImageSpec]:
    one, two, three = (LayerSpec.random(n, 20_000_000).stored_as("zstd", 1) for n in (1, 2, 3))
    base = busybox_layer().stored_as("zstd")
    return {NAMES[0]: ImageSpec((base, one, two)), NAMES[1]: ImageSpec((base, one, three))}


def taken(folder: Path) -> int:
    """Bytes that the files below a folder take on their file system."""
    total = 0
    for parent, _, files in os.walk(folder):
        for name in files:
            total += (Path(parent) / name).lstat().st_blocks * 512
    return total


def test_a_layout_takes_what_was_foreseen(host: Host, tmp_path: Path) -> None:
    path, out = host.bundle(images()).path, tmp_path / "out"
    plan = host.plan(path, f"layout:{out}")
    foreseen = plan.room.written(Purpose.STORE)
    host.install(path, f"layout:{out}")
    assert abs(taken(out) - foreseen) < 128 * 1024


@pytest.mark.engine
@pytest.mark.parametrize("name", ["docker_engine", "containerd_store_engine"])
def test_a_real_engine_takes_what_was_foreseen(
    host: Host, request: pytest.FixtureRequest, name: str
) -> None:
    engine = request.getfixturevalue(name)
    assert isinstance(engine, Engine)
    path, url = host.bundle(images()).path, f"docker:{engine.url}"
    found = document(call(host, "plan", path, "--engine", url, "--json"))
    assert found["problems"] == [], found["problems"]
    before = taken(engine.data_root)
    assert call(host, "install", path, "--yes", "--engine", url).exit_code == 0
    os.sync()
    grown = taken(engine.data_root) - before
    (store,) = [one for one in found["writes"] if one["purpose"] == "store"]
    assert abs(grown - store["bytes"]) < store["bytes"] * TOLERANCE + RECORDS, (
        f"foreseen {store['bytes']}, taken {grown}"
    )
    assert Path(store["path"]).is_relative_to(engine.data_root)
    (system,) = found["file_systems"]
    assert system["need_bytes"] > grown
