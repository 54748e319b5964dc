"""A difference bundle in the full-screen program: what it builds on can be given, or chosen."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from manifests.errors import ExitCode
from tests.delta.site import Site
from tests.delta.test_verbs import APP, NEXT, installer
from tests.installer.tui.conftest import Player, Scenario, Stage
from tests.support.tamper import flip


@pytest.fixture
def stage(site: Site, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A machine on whose one drive lie both releases, and beside the program only the new one."""
    monkeypatch.setattr("installer.tui.places.removable_mounts", lambda: ())
    old = site.build("old", "1.0.0", app=APP)
    site.build("drive/viz-1.1.0", "1.1.0", old, app=NEXT)
    monkeypatch.chdir(site.host.root)
    return Stage(site.host)


@pytest.fixture
def target(site: Site) -> Path:
    return site.host.root / "out"


async def to_plan(player: Player) -> None:
    await player.sees("viz-1.1.0")
    await player.press("enter")
    await player.sees("> Go on <")
    await player.press("enter")


def play(stage: Stage, site: Site, target: Path, base: Path | None, then: Scenario) -> None:
    program = stage.program(f"layout:{target}", folder=site.place.root / "drive")
    program.session.base_bundle = base
    stage.play(program, then)


def test_what_is_missing_is_listed_and_can_be_chosen(
    stage: Stage, site: Site, target: Path
) -> None:
    async def scenario(player: Player) -> None:
        await to_plan(player)
        await player.sees("NOT HERE", "base-missing", "choose the old release's bundle")
        await player.sees("> Choose the old bundle <", "Look again")
        assert "--base-bundle" not in player.text
        await player.press("enter")
        await player.sees("Browse for the old bundle", "> viz-1.1.0", "(the folder above)")
        await player.press("tab", "enter")
        await player.sees("> old   (bundle)")
        await player.press("enter")
        await player.sees("old bundle", "> Install <")
        await player.press("enter")
        await player.sees("[Self-test]", "> Go on <")

    play(stage, site, target, None, scenario)
    assert site.release(site.place.root / "drive/viz-1.1.0").images[0].manifest.digest.hex in {
        one.name for one in (target / "blobs/sha256").iterdir()
    }


def test_one_that_was_given_is_used(stage: Stage, site: Site, target: Path) -> None:
    async def scenario(player: Player) -> None:
        await to_plan(player)
        await player.sees("old bundle", "> Install <")

    play(stage, site, target, site.place.root / "old", scenario)


def test_one_that_is_not_to_be_believed_is_told_with_its_path(
    stage: Stage, site: Site, target: Path
) -> None:
    flip(site.place.root / "old/SHA256SUMS")

    async def scenario(player: Player) -> None:
        await to_plan(player)
        await player.sees("REFUSED", "signature-", "old bundle", "/old", "Another old bundle")

    play(stage, site, target, site.place.root / "old", scenario)
    assert not target.exists()


def test_one_that_has_other_layers_leaves_the_choice(
    stage: Stage, site: Site, target: Path
) -> None:
    async def scenario(player: Player) -> None:
        await to_plan(player)
        await player.sees("base-missing", "that was given lacks them, too", "Another old bundle")

    play(stage, site, target, site.place.root / "drive/viz-1.1.0", scenario)


def test_it_may_stand_before_a_verb_that_takes_it(stage: Stage, site: Site, target: Path) -> None:
    del stage
    bundle, old = site.place.root / "drive/viz-1.1.0", site.place.root / "old"
    words = ("plan", bundle, "--engine", f"layout:{target}")
    assert installer(site, *words).exit_code == ExitCode.NOT_INSTALLABLE
    assert installer(site, "--base-bundle", old, *words).exit_code == ExitCode.DONE
    refused = installer(site, "--base-bundle", old, "verify", bundle)
    assert refused.exit_code == ExitCode.USAGE
    assert "--base-bundle" in refused.stderr
    assert "only install and plan and the full-screen program take it" in refused.stderr


OPENED = """
from installer import cli
from installer.tui import opening
opening.run_screens = lambda homes, base_bundle: print("given", base_bundle) or 0
cli.main()
"""


def test_the_program_gets_it_from_the_command_line(site: Site) -> None:
    master, slave = pty.openpty()
    environ = {"TERM": "xterm", "MOONLIFT_STATE_DIR": str(site.host.ledger.directory)}
    argv = [sys.executable, "-c", OPENED, "--base-bundle", "kept"]
    done = subprocess.run(argv, check=False, env=environ, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    assert (done.returncode, os.read(master, 1000)) == (0, b"given kept\r\n")
    os.close(master)
