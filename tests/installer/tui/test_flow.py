"""The way from a bundle to an installed, tested app, by keys alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from manifests.errors import ExitCode
from tests.installer.conftest import Host
from tests.installer.fake_engine import FakeEngine
from tests.installer.tui.conftest import Player, Stage
from tests.support.bundles import Facts, new_key

MOST_PRESSES = 8


async def installed(player: Player) -> None:
    """Go from the first screen to the end of the install by Enter alone."""
    await player.sees("[Choose]", "> ", "bundle-0")
    await player.press("enter")
    await player.sees("[Trust]", "TRUSTED", "> Go on <")
    await player.press("enter")
    await player.sees("[Plan]", "> Install <")
    await player.press("enter")
    await player.sees("[Self-test]", "every result is right", "> Go on <")


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_enter_alone_leads_to_an_installed_and_tested_app(
    stage: Stage, host: Host, graph: FakeEngine, size: tuple[int, int]
) -> None:
    host.bundle()

    async def scenario(player: Player) -> None:
        await installed(player)
        await player.press("enter")
        await player.sees(
            "[Summary]", "installed viz 1.0.0", "PASS: every result is right", "installer report"
        )
        assert player.presses <= MOST_PRESSES
        await player.press("enter")
        await player.ends()

    program = stage.play(stage.program(graph.url), scenario, size)
    assert program.return_value == ExitCode.DONE
    assert set(graph.names) == {"docker.io/acme/app:1", "docker.io/acme/web:1"}
    assert not (host.root / "state/screen.json").exists()


def test_the_signer_is_shown_before_anything_is_asked_of_the_engine(
    stage: Stage, host: Host, graph: FakeEngine
) -> None:
    host.bundle()

    async def scenario(player: Player) -> None:
        await player.sees("bundle-0")
        assert "viz" not in player.text  # what an unread bundle says of itself
        await player.press("enter")
        await player.sees(host.key.public.fingerprint, "release@acme", "viz", "1.0.0", "days")
        assert graph.calls == []

    stage.play(stage.program(graph.url), scenario)


def test_a_layout_directory_needs_no_engine(stage: Stage, host: Host, tmp_path: Path) -> None:
    host.bundle()
    stage.play(stage.program(f"layout:{tmp_path / 'out'}"), installed)
    assert (tmp_path / "out/index.json").exists()


def test_installing_again_has_nothing_to_do(stage: Stage, host: Host, graph: FakeEngine) -> None:
    bundle = host.bundle()
    host.install(bundle.path, graph.url)
    loads = graph.load_calls

    async def scenario(player: Player) -> None:
        await player.sees("bundle-0")
        await player.press("enter")
        await player.sees("> Go on <")
        await player.press("enter")
        await player.sees("viz 1.0.0 is installed already", "> Go on <")
        await player.press("enter")
        await player.sees("nothing to do", "> Go on <")

    stage.play(stage.program(graph.url), scenario)
    assert graph.load_calls == loads


def test_a_bundle_appears_while_the_screen_waits_for_a_drive(
    stage: Stage, host: Host, graph: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("installer.tui.choosing.INTERVAL", 0.05)

    async def scenario(player: Player) -> None:
        await player.sees("No bundle lies", "Plug the drive in", "> Browse")
        host.bundle()
        await player.sees("bundle-0")
        await player.press("enter")
        await player.sees("[Trust]", "TRUSTED")

    stage.play(stage.program(graph.url), scenario)


def test_a_bundle_is_found_by_browsing(stage: Stage, host: Host, graph: FakeEngine) -> None:
    host.bundle()
    elsewhere = host.root / "nowhere"

    async def scenario(player: Player) -> None:
        await player.sees("> Browse")
        await player.press("enter")
        await player.sees("Browse for a bundle", "(the folder above)")
        await player.press("enter")  # the folder above
        await player.sees("bundle-0")
        await player.press("enter")
        await player.sees("[Trust]", "TRUSTED")

    stage.play(stage.program(graph.url, folder=elsewhere), scenario)


def test_escape_goes_back_step_by_step(stage: Stage, host: Host, graph: FakeEngine) -> None:
    host.bundle()

    async def scenario(player: Player) -> None:
        await player.sees("bundle-0")
        await player.press("enter")
        await player.sees("> Go on <")
        await player.press("enter")
        await player.sees("> Install <")
        await player.press("escape")
        await player.sees("[Trust]", "> Go on <")
        await player.press("escape")
        await player.sees("[Choose]", "bundle-0")

    stage.play(stage.program(graph.url), scenario)
    assert graph.load_calls == 0


def test_menu_help_and_history_are_a_key_away(stage: Stage, host: Host, graph: FakeEngine) -> None:
    host.install(host.bundle().path, graph.url)

    async def scenario(player: Player) -> None:
        await player.sees("bundle-0")
        await player.press("question_mark")
        await player.sees("Help", "does what is chosen")
        await player.press("escape")
        await player.sees("[Choose]")
        await player.press("m")
        await player.sees("Menu", "History")
        await player.press("down", "down", "enter")
        await player.sees("installed viz 1", "accepted viz 1")
        await player.press("enter")
        await player.sees("[Choose]")
        await player.press("m")
        await player.sees("> Back")
        await player.press("down", "down", "down", "enter")
        await player.sees("Roll back", "No other release is kept")

    stage.play(stage.program(graph.url), scenario)


def test_a_key_is_added_by_its_typed_fingerprint(
    stage: Stage, host: Host, graph: FakeEngine
) -> None:
    host.trust.remove("release@acme")
    host.bundle()
    fingerprint = host.key.public.fingerprint

    async def scenario(player: Player) -> None:
        await player.sees("bundle-0")
        await player.press("enter")
        await player.sees("NOT HERE", "trust-empty", "> Add a key <")
        await player.press("enter")
        await player.sees("Trust a signer's key", "It is never taken")
        await player.press("shift+tab", "shift+tab", "shift+tab")
        await player.type(str(host.key.public_path))
        await player.press("enter")
        await player.sees(fingerprint, "Compare it")
        await player.type(fingerprint[:-1])
        await player.press("enter")
        await player.sees("trust-fingerprint-malformed")
        assert host.trust.signers() == ()
        await player.type(fingerprint[-1])
        await player.press("enter")
        await player.sees("[Trust]", "TRUSTED", fingerprint)

    stage.play(stage.program(graph.url), scenario)
    (signer,) = host.trust.signers()
    assert signer.principal == "tests"  # the key's comment


def test_another_key_than_the_one_told_of_is_refused(
    stage: Stage, host: Host, graph: FakeEngine
) -> None:
    host.trust.remove("release@acme")
    host.bundle()
    other = new_key(host.root / "other")

    async def scenario(player: Player) -> None:
        await player.sees("bundle-0")
        await player.press("enter")
        await player.sees("> Add a key <")
        await player.press("enter")
        await player.sees("Trust a signer's key")
        await player.press("shift+tab", "shift+tab", "shift+tab")
        await player.type(str(other.public_path))
        await player.press("enter")
        await player.sees(other.public.fingerprint)
        await player.type(host.key.public.fingerprint)
        await player.press("enter")
        await player.sees("REFUSED", "trust-fingerprint", "do not trust it")

    stage.play(stage.program(graph.url), scenario)
    assert host.trust.signers() == ()


def test_an_older_release_passes_only_after_a_question(
    stage: Stage, host: Host, graph: FakeEngine
) -> None:
    new = host.bundle(facts=Facts(sequence=2, version="2.0.0"))
    host.install(new.path, graph.url)
    shelf = host.root / "shelf"
    host.bundle().path.rename(shelf)

    async def scenario(player: Player) -> None:
        await player.sees("shelf")
        await player.press("enter")
        await player.sees("REFUSED", "downgrade-refused", "> Back <", "Install the older release")
        await player.press("shift+tab", "shift+tab", "enter")
        await player.sees("> No, go back <")
        await player.press("down", "enter")
        await player.sees("TRUSTED", "older on this host", "> Go on <")

    stage.play(stage.program(graph.url, folder=shelf), scenario)
