"""`make drive-test`: a large bundle on each kind of drive, then drives that fail again and again.

The seed is printed, to have the same moments again: `DRIVE_ARGS="--seed N"`.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.drives.large import build_large, carry
from tests.drives.rounds import MEGABYTES, Fault, Figures, Rounds
from tests.drives.scene import open_scene
from tests.machine.kernel import Kernel, fetched_kernel, missing
from tests.support.bundles import new_key
from tests.support.media import Format

FORMS = (Format.FAT32, Format.EXFAT, Format.EXT4)


def main() -> int:
    """Test drives; return the exit status."""
    asked = _parser().parse_args()
    reason = missing()
    if reason is not None:
        print(f"no drives can be tested here: {reason}", file=sys.stderr)
        return 2
    kernel = fetched_kernel()
    with tempfile.TemporaryDirectory(prefix="moonlift-drives-", dir=asked.folder) as name:
        forms = asked.form or FORMS
        if not asked.small:
            _carry(Path(name) / "large", kernel, forms)
        for form in forms if asked.rounds else ():
            _fail(Path(name) / form, kernel, form, asked)
    return 0


def _carry(folder: Path, kernel: Kernel, forms: Sequence[Format]) -> None:
    folder.mkdir()
    started = time.monotonic()
    build_large(folder, new_key(folder / "key"))
    _say(f"a bundle of 6 GiB in {time.monotonic() - started:.0f} s")
    for form in forms:
        carry(folder, kernel, form, lambda text, form=form: _say(f"{form}: {text}"))  # type: ignore[misc]


def _fail(folder: Path, kernel: Kernel, form: Format, asked: argparse.Namespace) -> None:
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(10**6)
    count = asked.rounds
    _say(f"{form}: {count} faults with seed {seed}")
    started = time.monotonic()
    chance = random.Random(f"{seed} {form}")
    with open_scene(folder, kernel, form, MEGABYTES) as scene:
        rounds = Rounds(scene, chance)
        rounds.begin()
        _say(f"{form}: begun after {time.monotonic() - started:.0f} s")
        try:
            for number, fault in enumerate(_faults(count, chance), start=1):
                _say(f"{form}: {number} of {count}: {fault}")
                rounds.round(fault)
        finally:
            _say(_report(rounds.figures))
    _say(f"{form}: {count} faults in {time.monotonic() - started:.0f} s")


def _faults(count: int, chance: random.Random) -> Sequence[Fault]:
    """Return so many faults, each kind as often, in any order."""
    kinds = list(Fault)
    every = [kinds[number % len(kinds)] for number in range(count)]
    chance.shuffle(every)
    return every


def _report(figures: Figures) -> str:
    lines = [f"  {fault:<50}{figures.struck[fault]:>4}, {figures.late[fault]} too late"
             for fault in Fault if figures.struck[fault] + figures.late[fault]]  # fmt: skip
    total, late = sum(figures.struck.values()), sum(figures.late.values())
    lines.append(f"  {'in all':<50}{total:>4}, {late} too late; {figures.mended} times mended")
    lines += [f"    {what}: {times}" for what, times in sorted(figures.ended.items())]
    return "\n".join(lines)


def _say(text: str) -> None:
    print(text, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make drive-test", description=__doc__)
    parser.add_argument("--rounds", type=int, default=66, help="faults on each kind of drive")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--form", type=Format, action="append", help="fat32, exfat, ext4")
    parser.add_argument("--small", action="store_true", help="leave out the bundle of 6 GiB")
    parser.add_argument("--folder", type=Path, help="where there is room")
    return parser


if __name__ == "__main__":
    sys.exit(main())
