"""`make bench`: run the benchmarks, print tables and how they stand to the targets."""

from __future__ import annotations

import argparse
import sys

from tests.bench import (
    building,
    differing,
    gpukernels,
    installing,
    pruning,
    repairing,
    resolving,
    screening,
    selftesting,
    upgrading,
    verifying,
)
from tests.bench.measure import measure
from tests.bench.scene import Scene, open_scene

PARTS = {
    "resolve": resolving.run,
    "build": building.run,
    "verify": verifying.run,
    "install": installing.run,
    "screen": screening.run,
    "upgrade": upgrading.run,
    "delta": differing.run,
    "prune": pruning.run,
    "repair": repairing.run,
    "selftest": selftesting.run,
    "gpu": gpukernels.run,
}


def main() -> int:
    """Run the parts asked for; return 1 if a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"{', '.join(PARTS)}; all when none is named")
    parser.add_argument("--rounds", type=int, default=2, help="the best of so many counts")
    asked = parser.parse_args()
    unknown = set(asked.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(unknown)}")
    with open_scene() as scene:
        _run(scene, asked.parts or list(PARTS), asked.rounds)
    for target in scene.targets:
        print(target.line)
    return int(any(target.value > target.limit for target in scene.targets))


def _run(scene: Scene, parts: list[str], rounds: int) -> None:
    alone = {"delta", "prune", "repair", "resolve", "selftest", "gpu"}
    if "build" not in parts and not {*parts} <= alone:
        measure(scene.bundle_argv(scene.folder / "bundle"))
    for name, run in PARTS.items():
        if name in parts:
            run(scene, rounds)


if __name__ == "__main__":
    sys.exit(main())
