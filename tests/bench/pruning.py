"""Planning what to remove from a host of 200 images and 100 containers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench.measure import Case, best_of, measure, print_table
from tests.bench.scene import Scene, remove
from tests.support.dockerd import run_dockerd
from tests.support.engine import Engine
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec, busybox_layer
from tests.support.newdocker import run_new_dockerd
from tests.support.publish import docker_archive

IMAGES, CONTAINERS = 200, 100
EVERY_SHARED = 10
"""Images on one layer besides the base."""
PLAN = "installer prune --dry-run"
AGAIN = "the same after another plan"
START = "installer --version"


def run(scene: Scene, rounds: int) -> None:
    """Measure the first plan and a later one on both image stores, the program's start in it."""
    for title, start in (("Docker 20.10", run_dockerd), ("containerd store", run_new_dockerd)):
        with start(scene.folder / "engine") as engine:
            fill(engine)
            state = scene.folder / "prune-state"
            state.mkdir(mode=0o700)
            again = plan_argv(scene, engine, state)
            measure(again)
            cases = [
                Case(START, scene.installer_argv("--version")),
                Case(PLAN, plan_argv(scene, engine, scene.folder / "no-state")),
                Case(AGAIN, again),
            ]
            results = best_of(cases, rounds)
        remove(scene.folder / "engine", state)
        print_table(
            f"prune, {IMAGES} images, {CONTAINERS} containers, {title}", results, baseline=PLAN
        )
        scene.judge(f"first plan to prune, {title}, s", results[PLAN].wall_s, 2.0)
        scene.judge(f"plan to prune after another, {title}, s", results[AGAIN].wall_s, 2.0)


def plan_argv(scene: Scene, engine: Engine, state: Path) -> list[str]:
    """Return the command that plans and shows, and removes nothing."""
    words = ("prune", "--dry-run", "--grace", "0", "--json", "--engine", f"docker:{engine.url}")
    return scene.installer_argv("--state-dir", str(state), *words)


def fill(engine: Engine) -> None:
    """Give an engine images of three layers, and containers of half of them that have ended."""
    base = busybox_layer()
    shared = [LayerSpec.random(number, 2000) for number in range(IMAGES // EVERY_SHARED)]
    images = {
        f"acme/app{number // EVERY_SHARED}:{number}": ImageSpec(
            (base, shared[number // EVERY_SHARED], LayerSpec.random(1000 + number, 1000)),
            cmd=("true",),
        )
        for number in range(IMAGES)
    }
    engine.load(docker_archive(images))
    names = list(images)[: CONTAINERS * 2 : 2]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda name: _run(engine, name), names))


def _run(engine: Engine, name: str) -> None:
    engine.docker("run", "--detach", "--network", "none", name)
