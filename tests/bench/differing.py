"""A release that changes one file of a 300 MB layer: complete, by whole layers, and by patches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from tests.bench.measure import Case, best_of, measure, print_table
from tests.bench.scene import Scene, program, remove, size_of
from tests.support.dockerd import run_dockerd
from tests.support.engine import Engine
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec, busybox_layer, noise, prose
from tests.support.newdocker import run_new_dockerd
from tests.support.publish import push_image

COMPLETE = "bundle build"
LAYERS = "bundle build --base release.json: whole layers"
PATCHES = "bundle build --base BUNDLE: patches"
OVER, PATCHED = "installer install, complete bundle", "installer install, patches"
REPOSITORY = "acme/large"
FILES, FILE_BYTES = 3000, 100_000
LIMIT = 0.03

Start = Callable[[Path], AbstractContextManager[Engine]]


def run(scene: Scene, rounds: int) -> None:
    """Measure building, copying to a drive, and installing on both image stores."""
    folder = scene.folder / "differing"
    folder.mkdir()
    _push(scene)
    _build(scene, folder, "1", "old")
    sizes = _measure_builds(scene, folder, rounds)
    scene.judge("difference / complete bundle", sizes[PATCHES] / sizes[COMPLETE], LIMIT)
    added = _added_to_drive(folder)
    scene.judge("bytes added to a drive / complete bundle", added / sizes[COMPLETE], LIMIT)
    for title, start in (("Docker 20.10", run_dockerd), ("containerd store", run_new_dockerd)):
        with start(folder / "engine") as engine:
            _measure_installs(scene, folder, title, engine, rounds)
        remove(folder / "engine")


def _push(scene: Scene) -> None:
    """Push two tags whose large layer differs in one file: two thirds noise, the rest text."""
    text = prose(1, FILES // 3 * FILE_BYTES)
    files: dict[str, bytes] = {}
    for number in range(FILES):
        start = number // 3 * FILE_BYTES
        data = text[start : start + FILE_BYTES] if number % 3 == 0 else noise(number, FILE_BYTES)
        files[f"opt/{number % 50}/{number}.bin"] = data
    for tag, content in (("1", files), ("2", {**files, "opt/1/1.bin": noise(9999, FILE_BYTES)})):
        push_image(scene.registry, REPOSITORY, tag, _image(content))


def _image(files: Mapping[str, bytes]) -> ImageSpec:
    large = LayerSpec(files).stored_as("zstd", 1)
    return ImageSpec((busybox_layer(), large, LayerSpec({"etc/app.conf": b"on\n"})))


def _argv(scene: Scene, folder: Path, tag: str, output: str, *options: str) -> list[str]:
    app = folder / f"app-{tag}.yaml"
    image = f"{scene.registry.address}/{REPOSITORY}:{tag}"
    app.write_text(f'schema: 1\nname: large\nversion: "{tag}.0.0"\nimages:\n  - {image}\n')
    place = ["--output", str(folder / output), "--cache", str(folder / "cache")]
    return [program("bundle"), "build", str(app), "-k", str(scene.folder / "key"), *place, *options]


def _build(scene: Scene, folder: Path, tag: str, output: str) -> None:
    measure(_argv(scene, folder, tag, output))


def _measure_builds(scene: Scene, folder: Path, rounds: int) -> dict[str, int]:
    """Build the second release in three ways, each with an empty cache; return their sizes."""
    old = folder / "old"
    ways = {
        COMPLETE: ("complete", ()),
        LAYERS: ("layers", ("--base", str(old / "release.json"))),
        PATCHES: ("patches", ("--base", str(old))),
    }

    cases = [
        Case(
            name,
            _argv(scene, folder, "2", output, *options),
            partial(remove, folder / "cache", folder / output),
        )
        for name, (output, options) in ways.items()
    ]
    results = best_of(cases, rounds)
    sizes = {name: size_of(folder / output) for name, (output, _) in ways.items()}
    print_table(f"one file of {FILES} changed", results, baseline=COMPLETE, sizes=sizes)
    scene.judge("build with patches, peak MiB", results[PATCHES].peak_bytes / 2**20, 300)
    return sizes


def _added_to_drive(folder: Path) -> int:
    """Copy both releases to a drive; return what the second one adds."""
    drive = folder / "drive"
    drive.mkdir()
    measure([program("bundle"), "drive", str(folder / "old"), str(drive)])
    before = size_of(drive)
    measure([program("bundle"), "drive", str(folder / "patches"), str(drive)])
    return size_of(drive) - before


def _measure_installs(scene: Scene, folder: Path, title: str, engine: Engine, rounds: int) -> None:
    def argv(bundle: str) -> list[str]:
        target = f"docker:{engine.url}"
        return scene.installer_argv("install", str(folder / bundle), "--yes", "--engine", target)

    def install_old() -> None:
        engine.clear()
        remove(scene.folder / "state")
        measure(argv("old"))

    cases = [
        Case(OVER, argv("complete"), before=install_old),
        Case(PATCHED, argv("patches"), before=install_old),
    ]
    results = best_of(cases, rounds)
    print_table(f"the same over the old release, {title}", results, baseline=OVER)
    peak = results[PATCHED].peak_bytes / 2**20
    scene.judge(f"install with patches, {title}, peak MiB", peak, 300)
