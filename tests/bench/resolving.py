"""Resolving an app of sixty images against a registry that is 50 ms away in each direction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.bench.measure import Case, best_of, print_table
from tests.bench.scene import Scene, program, remove
from tests.support.images import ImageSpec, IndexSpec
from tests.support.layers import LayerSpec
from tests.support.publish import push_image
from tests.support.registry import Registry
from tests.support.slowproxy import SlowProxy, run_slow_proxy

EMPTY, FULL = "bundle resolve, empty cache", "bundle resolve, full cache"
IMAGES = 60
DELAY_S = 0.05
LIMIT_S = 3.0


def run(scene: Scene, rounds: int) -> None:
    """Measure `bundle resolve` with an empty cache, and again with a full one."""
    folder = scene.folder / "resolving"
    cache, lock = folder / "cache", folder / "app.lock.json"
    with far_registry(scene.registry) as proxy:
        write_app(folder, proxy.address)
        argv = [program("bundle"), "resolve", str(folder / "app.yaml"), "--cache", str(cache)]
        cases = [Case(EMPTY, argv, before=lambda: remove(cache, lock)), Case(FULL, argv)]
        best = best_of(cases, rounds)
    print_table(
        f"{IMAGES} images, a registry {DELAY_S * 1000:.0f} ms away each way", best, baseline=EMPTY
    )
    scene.judge(f"seconds to resolve {IMAGES} images", best[EMPTY].wall_s, LIMIT_S)


@contextmanager
def far_registry(registry: Registry) -> Iterator[SlowProxy]:
    """Push the images, and hold the registry at arm's length."""
    push_images(registry)
    with run_slow_proxy(registry.address, DELAY_S) as proxy:
        yield proxy


def push_images(registry: Registry) -> None:
    """Push sixty small images: two thirds of them indexes of two platforms."""
    for number in range(IMAGES):
        image = ImageSpec((LayerSpec({"number": str(number).encode()}),))
        spec = IndexSpec((image, image.on("linux/arm64"))) if number % 3 else image
        push_image(registry, f"many/image{number}", "1", spec)


def write_app(folder: Path, address: str) -> None:
    """Write an app whose list names every image."""
    folder.mkdir(parents=True, exist_ok=True)
    names = "".join(f"{address}/many/image{number}:1\n" for number in range(IMAGES))
    (folder / "images.txt").write_text(names)
    (folder / "app.yaml").write_text(
        "schema: 1\nname: many\nversion: '1'\nplatforms: [linux/amd64]\n"
        "sources: [{list: images.txt}]\n"
    )
