"""Installing a bundle, beside loading the same images from a compressed archive."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from tests.bench.measure import Case, best_of, print_table, shell
from tests.bench.scene import Scene, remove
from tests.support.dockerd import run_dockerd
from tests.support.engine import Engine
from tests.support.newdocker import run_new_dockerd
from tests.support.realimages import NAMES, run_real_engine

LOAD = "zstd -dc, docker load"
INSTALL = "installer install"
ONE_PASS = "installer install --one-pass"
AGAIN = "installer install, all present"
LOAD_AGAIN = "docker load, all present"

Start = Callable[[Path], AbstractContextManager[Engine]]


def run(scene: Scene, rounds: int) -> None:
    """Measure installs of the bundle in the scene's folder, on both image stores."""
    archive = scene.folder / "save.tar.zst"
    _save(archive)
    for title, start in (("Docker 20.10", run_dockerd), ("containerd store", run_new_dockerd)):
        with start(scene.folder / "engine") as engine:
            _measure(scene, title, engine, archive, rounds)
        remove(scene.folder / "engine")


def _save(archive: Path) -> None:
    with run_real_engine() as engine:
        line = f"docker save {' '.join(NAMES)} | zstd -q -T0 -3 -f -o {archive}"
        subprocess.run(shell(line), check=True, env=engine.env)


def _measure(scene: Scene, title: str, engine: Engine, archive: Path, rounds: int) -> None:
    def forget() -> None:
        engine.clear()
        remove(scene.folder / "state")
        os.sync()

    bundle = str(scene.folder / "bundle")
    install = scene.installer_argv("install", bundle, "--yes", "--engine", f"docker:{engine.url}")
    load = shell(f"zstd -dc {archive} | docker load")
    fresh = [
        Case(LOAD, load, before=forget, env=engine.env),
        Case(INSTALL, install, before=forget),
        Case(ONE_PASS, [*install, "--one-pass"], before=forget),
    ]
    results = best_of(fresh, rounds)
    present = [Case(AGAIN, install), Case(LOAD_AGAIN, load, env=engine.env)]
    results |= best_of(present, rounds)
    print_table(f"install, {title}", results, baseline=LOAD)
    reference = results[LOAD].wall_s
    scene.judge(f"install / zstd | docker load, {title}", results[INSTALL].wall_s / reference, 1.0)
    scene.judge(
        f"one pass / zstd | docker load, {title}", results[ONE_PASS].wall_s / reference, 1.0
    )
    scene.judge(f"install again / first, {title}", results[AGAIN].wall_s / reference, 0.02)
    scene.judge(f"install, peak MiB, {title}", results[INSTALL].peak_bytes / 2**20, 300)
