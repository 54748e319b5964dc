"""`make soak`: kills an upgrade at random moments, and prints what came of it.

Takes a while: some ten seconds a kill on two cores. The seed is printed, to have the same moments
again with `SOAK_ARGS="--seed N"`.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.soak.killable import run_killable_dockerd
from tests.soak.rounds import Figures, Soak
from tests.support.bundles import new_key
from tests.support.site import Site


def main() -> int:
    """Soak; return the exit status."""
    asked = _parser().parse_args()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"soak with seed {seed}: {asked.installer} kills of the installer, {asked.engine} of the"
          " engine", flush=True)  # fmt: skip
    started = time.monotonic()
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="moonlift-soak-")))
        killable = stack.enter_context(run_killable_dockerd(root / "engine"))
        site = Site(killable.engine, root, new_key(root / "key"))
        site.trust()
        soak = Soak(site, killable, seed)
        soak.begin()
        rounds = [soak.kill_installer] * asked.installer + [soak.kill_engine] * asked.engine
        random.Random(seed).shuffle(rounds)
        for number, one in enumerate(rounds, start=1):
            one()
            if number % 10 == 0:
                print(f"{number} of {len(rounds)}: {_summary(soak.figures)}", flush=True)
    print(f"done in {time.monotonic() - started:.0f} s")
    print(_report(soak.figures))
    return 0


def _summary(figures: Figures) -> str:
    return f"installer {figures.installer}, engine {figures.engine}, too late {figures.finished}"


def _report(figures: Figures) -> str:
    kills = figures.installer + figures.engine
    rows = [
        ("kills at work", f"{kills}: installer {figures.installer}, engine {figures.engine}"),
        ("too late", f"{figures.finished}: the upgrade was faster"),
        ("left pending", str(figures.caught["pending"])),
        ("left arrived", str(figures.caught["arrived"])),
        ("left both releases' containers", str(figures.caught["both-releases"])),
        ("left something not running", str(figures.caught["down"])),
        ("left names of both releases", str(figures.caught["names-mixed"])),
        ("after the next run", "one healthy release each time, its names, a true ledger"),
        ("database", f"{figures.lines} lines, none lost, none wrong"),
        ("slowest next run", f"{figures.slowest:.1f} s"),
    ]
    return "\n".join(f"{name:<32}{value}" for name, value in rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--installer", type=int, default=200, help="kills of the installer")
    parser.add_argument("--engine", type=int, default=20, help="kills of the engine")
    parser.add_argument("--seed", type=int, help="for the same moments again")
    return parser


if __name__ == "__main__":
    sys.exit(main())
