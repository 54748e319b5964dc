"""Upgrading by one small layer, beside installing the same release on an empty host."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from tests.bench.measure import Case, best_of, measure, print_table
from tests.bench.scene import PRODUCT, Scene, remove
from tests.support.dockerd import run_dockerd
from tests.support.engine import Engine
from tests.support.layers import LayerSpec, digest_of
from tests.support.newdocker import run_new_dockerd
from tests.support.registry import Registry

FRESH = "installer install, new release, empty host"
UPGRADE = "installer install, new release over the old"
REPOSITORY, OLD_TAG, NEW_TAG = "acme/viz", "1", "2"
ADDED_BYTES = 100_000

Start = Callable[[Path], AbstractContextManager[Engine]]


def run(scene: Scene, rounds: int) -> None:
    """Measure upgrades from the bundle in the scene's folder, on both image stores."""
    _add_layer(scene.registry)
    bundle = _build(scene)
    for title, start in (("Docker 20.10", run_dockerd), ("containerd store", run_new_dockerd)):
        with start(scene.folder / "engine") as engine:
            _measure(scene, title, engine, bundle, rounds)
        remove(scene.folder / "engine")


def _add_layer(registry: Registry) -> None:
    """Push the largest image once more, with a small layer on top."""
    media_type, raw = registry.get_manifest(REPOSITORY, OLD_TAG)
    manifest = json.loads(raw)
    config = json.loads(registry.blob_path(manifest["config"]["digest"]).read_bytes())
    tar = LayerSpec.random(7, ADDED_BYTES).tar()
    layer = LayerSpec.random(7, ADDED_BYTES).compressed(tar)
    config["rootfs"]["diff_ids"].append(digest_of(tar))
    config.pop("history", None)
    packed = json.dumps(config).encode()
    kind = manifest["layers"][0]["mediaType"]
    manifest["layers"].append(_descriptor(registry, layer) | {"mediaType": kind})
    manifest["config"] |= _descriptor(registry, packed)
    registry.put_manifest(REPOSITORY, NEW_TAG, json.dumps(manifest).encode(), media_type)


def _descriptor(registry: Registry, data: bytes) -> dict[str, str | int]:
    registry.put_blob(REPOSITORY, data)
    return {"digest": digest_of(data), "size": len(data)}


def _build(scene: Scene) -> Path:
    """Build the next release: one image moved to its new tag."""
    moved = f"{REPOSITORY}:{NEW_TAG}"
    old = f"{scene.registry.address}/{REPOSITORY}:{OLD_TAG}"
    app = scene.folder / "upgrade.yaml"
    images = [
        f"{scene.registry.address}/{moved}" if reference == old else reference
        for reference in scene.references
    ]
    lines = "".join(f"  - {reference}\n" for reference in images)
    app.write_text(f'schema: 1\nname: {PRODUCT}\nversion: "1.5.0"\nimages:\n{lines}')
    bundle = scene.folder / "upgrade"
    argv = [str(app) if word.endswith("app.yaml") else word for word in scene.bundle_argv(bundle)]
    measure(argv)
    return bundle


def _measure(scene: Scene, title: str, engine: Engine, bundle: Path, rounds: int) -> None:
    def argv(path: Path) -> list[str]:
        target = f"docker:{engine.url}"
        return scene.installer_argv("install", str(path), "--yes", "--engine", target)

    def forget() -> None:
        engine.clear()
        remove(scene.folder / "state")

    def install_old() -> None:
        forget()
        measure(argv(scene.folder / "bundle"))

    cases = [
        Case(FRESH, argv(bundle), before=forget),
        Case(UPGRADE, argv(bundle), before=install_old),
    ]
    results = best_of(cases, rounds)
    print_table(f"upgrade by one layer, {title}", results, baseline=FRESH)
    ratio = results[UPGRADE].wall_s / results[FRESH].wall_s
    scene.judge(f"upgrade by one small layer / fresh, {title}", ratio, 0.05)
