"""Parity and repair, beside par2: the same bytes, the same percentage, the same damage."""

from __future__ import annotations

import random
import shlex
import shutil
from pathlib import Path

from tests.bench.measure import Case, Measurement, best_of, print_table, shell
from tests.bench.scene import Scene, remove, size_of

PAYLOAD = 256 * 2**20
PERCENT = 10
DAMAGE = PAYLOAD * 5 // 100
"""Bytes of one run of damage."""

PAR2 = "par2 create"
PARITY = f"bundle build --parity {PERCENT}"
PLAIN = "bundle build"
PAR2_REPAIR = "par2 repair"
REPAIR = "installer repair --in-place"
COPY = "installer repair --in-place --from"


def run(scene: Scene, rounds: int) -> None:
    """Measure on a bundle of one file that can't be compressed."""
    if shutil.which("par2") is None:
        print("repair: par2 is not installed; nothing to compare with")
        return
    folder = scene.folder / "repair"
    _write_app(scene, folder)
    made = best_of([_par2(folder), _build(scene, folder, PLAIN), _parity(scene, folder)], rounds)
    sizes = {PAR2: _size(folder, "*.par2"), PARITY: size_of(folder / "parity/parity")}
    print_table("parity", made, baseline=PAR2, payload_bytes=PAYLOAD, sizes=sizes)
    repaired = best_of([_par2_repair(folder), *_repairs(scene, folder)], rounds)
    print_table("repair", repaired, baseline=PAR2_REPAIR, payload_bytes=PAYLOAD)
    _judge(scene, made, repaired)


def _judge(scene: Scene, made: dict[str, Measurement], repaired: dict[str, Measurement]) -> None:
    parity = made[PARITY].wall_s - made[PLAIN].wall_s
    scene.judge("build --parity less build / par2 create", parity / made[PAR2].wall_s, 1.0)
    ratio = repaired[REPAIR].wall_s / repaired[PAR2_REPAIR].wall_s
    scene.judge("repair from parity / par2 repair", ratio, 1.0)
    scene.judge("build --parity, peak MiB", made[PARITY].peak_bytes / 2**20, 300)
    scene.judge("repair, peak MiB", repaired[REPAIR].peak_bytes / 2**20, 300)


def _write_app(scene: Scene, folder: Path) -> None:
    folder.mkdir()
    lottery = random.Random(1)
    with (folder / "data").open("wb") as file:
        for _ in range(PAYLOAD // 2**20):
            file.write(lottery.randbytes(2**20))
    image = scene.references[-1]
    text = f'schema: 1\nname: data\nversion: "1"\nimages: [{image}]\nfiles: [data]\n'
    (folder / "app.yaml").write_text(text)


def _par2(folder: Path) -> Case:
    line = f"cd {shlex.quote(str(folder))} && par2 create -q -q -r{PERCENT} -n1 data.par2 data"
    return Case(PAR2, shell(line), before=lambda: remove(*folder.glob("*.par2")))


def _build(scene: Scene, folder: Path, name: str, *options: str) -> Case:
    output = folder / ("parity" if options else "plain")
    argv = [*scene.bundle_argv(output, "--layers", "original", *options)]
    argv[argv.index(str(scene.folder / "app.yaml"))] = str(folder / "app.yaml")
    return Case(name, argv, before=lambda: remove(output))


def _parity(scene: Scene, folder: Path) -> Case:
    return _build(scene, folder, PARITY, "--parity", str(PERCENT))


def _size(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern))


def _par2_repair(folder: Path) -> Case:
    line = f"cd {shlex.quote(str(folder))} && par2 repair -q -q data.par2"
    return Case(PAR2_REPAIR, shell(line), before=lambda: _damage(folder / "data"))


def _repairs(scene: Scene, folder: Path) -> list[Case]:
    bundle = folder / "parity"
    argv = scene.installer_argv("repair", str(bundle), "--in-place")
    damage = lambda: _damage(bundle / "files/data")  # noqa: E731 - two cases have it
    return [
        Case(REPAIR, argv, before=damage),
        Case(COPY, [*argv, "--from", str(folder / "plain")], before=damage),
    ]


def _damage(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(PAYLOAD // 3)
        file.write(bytes(DAMAGE))
