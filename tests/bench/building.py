"""Building a bundle, beside what else puts images on a drive."""

from __future__ import annotations

import shlex

from tests.bench.measure import Case, best_of, print_table, shell
from tests.bench.scene import Scene, remove, size_of
from tests.support.realimages import NAMES, run_real_engine

SKOPEO = "skopeo copy, tar, zstd -T0 -3"
SAVE = "docker save, gzip -6"
RECOMPRESS = "pigz -dc, zstd -4 --long=27, two layers at a time"
BUILD = "bundle build"
ORIGINAL = "bundle build --layers original"
AGAIN = "bundle build, nothing changed"


def run(scene: Scene, rounds: int) -> None:
    """Measure builds; keep the last bundle as `bundle` in the scene's folder."""
    with run_real_engine() as engine:
        results = best_of([_save(scene, engine.env)], rounds=1)
    fresh = [_skopeo(scene), _recompress(scene), _original(scene), _build(scene)]
    results |= best_of(fresh, rounds)
    results |= best_of([_again(scene)], rounds)
    outputs = {SKOPEO: "skopeo.tar.zst", SAVE: "save.tar.gz", ORIGINAL: "original", BUILD: "bundle"}
    sizes = {name: size_of(scene.folder / output) for name, output in outputs.items()}
    print_table("build", results, baseline=SKOPEO, sizes=sizes)
    reference, save = results[SKOPEO], results[SAVE]
    scene.judge("bundle size / docker save | gzip", sizes[BUILD] / sizes[SAVE], 0.80)
    scene.judge("build time / skopeo + zstd", results[BUILD].wall_s / reference.wall_s, 1.6)
    scene.judge("build --layers original / same", results[ORIGINAL].wall_s / reference.wall_s, 1.0)
    scene.judge("build time / docker save | gzip", results[BUILD].wall_s / save.wall_s, 0.2)
    scene.judge("build again / build", results[AGAIN].wall_s / results[BUILD].wall_s, 0.1)
    scene.judge("build, peak MiB", results[BUILD].peak_bytes / 2**20, 300)


def _save(scene: Scene, env: dict[str, str]) -> Case:
    target = shlex.quote(str(scene.folder / "save.tar.gz"))
    return Case(SAVE, shell(f"docker save {' '.join(NAMES)} | gzip -6 > {target}"), env=env)


def _skopeo(scene: Scene) -> Case:
    layout, packed = scene.folder / "skopeo", scene.folder / "skopeo.tar.zst"
    lines = [
        f"skopeo copy -q --src-tls-verify=false docker://{reference} oci:{layout}:{name}"
        for reference, name in zip(scene.references, NAMES, strict=True)
    ]
    lines.append(f"tar -C {layout} -c . | zstd -q -T0 -3 -o {packed}")
    return Case(SKOPEO, shell("\n".join(lines)), before=lambda: remove(layout, packed))


def _recompress(scene: Scene) -> Case:
    """Return what recompression alone costs the command-line tools, on what skopeo copied."""
    largest_first = (
        f"find {scene.folder}/skopeo/blobs -type f -size +64k -printf '%s %p\\n' | sort -rn"
    )
    each = "xargs -P2 -I{} bash -c 'pigz -dc < {} | zstd -q -4 --long=27 -c > {}.zst'"
    return Case(RECOMPRESS, shell(f"{largest_first} | cut -d' ' -f2 | {each}"))


def _original(scene: Scene) -> Case:
    output, cache = scene.folder / "original", scene.folder / "cache-original"
    argv = scene.bundle_argv(output, "--layers", "original", "--cache", str(cache))
    return Case(ORIGINAL, argv, before=lambda: remove(output, cache))


def _build(scene: Scene) -> Case:
    output, cache = scene.folder / "bundle", scene.folder / "cache"
    return Case(BUILD, scene.bundle_argv(output), before=lambda: remove(output, cache))


def _again(scene: Scene) -> Case:
    output = scene.folder / "bundle"
    return Case(AGAIN, scene.bundle_argv(output), before=lambda: remove(output))
