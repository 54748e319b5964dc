"""When something goes wrong: what the screen says, what it offers, what it leaves on the host."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import pytest

from installer import events
from installer.checks.sources import Sources, Wanted
from installer.planning.space import FileSystem
from installer.tui.journal import Journal, Place
from installer.tui.steps import Step
from installer.tui.terminal import Glyphs, Palette, Terminal
from manifests.errors import ExitCode
from tests.installer.checks.hosts import PLAIN
from tests.installer.conftest import NAMES, Host
from tests.installer.fake_engine import FakeEngine
from tests.installer.tui.conftest import Player, Stage, screen_text
from tests.support.bundles import make_bundle, new_key
from tests.support.images import ImageSpec
from tests.support.layers import LayerSpec
from tests.support.tamper import flip

IMAGE = {NAMES[0]: ImageSpec((LayerSpec.random(1, 3_000_000).stored_as("none"),))}


async def to_plan(player: Player) -> None:
    await player.sees("bundle-0")
    await player.press("enter")
    await player.sees("> Go on <")
    await player.press("enter")
    await player.sees("[Plan]")


async def to_install(player: Player) -> None:
    await to_plan(player)
    await player.sees("> Install <")
    await player.press("enter")


def test_without_an_engine_the_plan_says_so_and_another_one_can_be_named(
    stage: Stage, host: Host, tmp_path: Path
) -> None:
    host.bundle()

    async def scenario(player: Player) -> None:
        await to_plan(player)
        await player.sees("engine-unreachable", "> Look again <", "Another engine")
        await player.press("tab", "enter")
        await player.sees("Which engine takes the images?")
        await player.press("ctrl+u")
        await player.type(f"layout:{tmp_path / 'out'}")
        await player.press("enter")
        await player.sees("> Install <", "layout")

    stage.play(stage.program(f"docker:{tmp_path / 'none.sock'}"), scenario)


def test_a_host_that_is_not_fit_is_installed_on_only_if_a_person_accepts_it(
    stage: Stage, host: Host, graph: FakeEngine
) -> None:
    host.bundle()
    roots = iter(range(99))

    def sources(_: str, wanted: Wanted) -> Sources:
        aged = PLAIN.having(wanted=wanted, now=datetime(1999, 1, 1, tzinfo=UTC))
        return aged.sources(host.root / f"host-{next(roots)}")

    async def scenario(player: Player) -> None:
        await to_plan(player)
        await player.sees("host-unfit", "sys.time", "> Look again <", "Accept this host")
        assert graph.load_calls == 0
        await player.press("tab", "tab", "enter")
        await player.sees("sys.time", "> Install <")
        await player.press("enter")
        await player.sees("every result is right", "> Go on <")

    with patch("installer.planning.preflight.host_sources", sources):
        stage.play(stage.program(graph.url), scenario, (120, 50))
    assert set(graph.names) == {"docker.io/acme/app:1", "docker.io/acme/web:1"}


def test_a_full_disk_is_found_before_anything_is_touched(
    stage: Stage, host: Host, graph: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.bundle()
    full = FileSystem(key="x", device="/dev/x", mount="/x", kind="ext4", free=10, total=100)
    monkeypatch.setattr("installer.plan.file_system_of", lambda _: full)

    async def scenario(player: Player) -> None:
        await to_plan(player)
        await player.sees("NOT HERE", "no-space", "> Look again <")
        assert "> Install" not in player.text

    stage.play(stage.program(graph.url), scenario)
    assert graph.load_calls == 0


def test_an_engine_that_dies_half_way_is_told_and_tried_again(
    stage: Stage, host: Host, graph: FakeEngine
) -> None:
    host.bundle(IMAGE)
    graph.faults.drop_after = 100_000

    async def scenario(player: Player) -> None:
        await to_install(player)
        await player.sees("FAILED", "code", "> Try again <")
        assert graph.names == {}
        graph.faults.drop_after = -1
        await player.press("enter")
        await player.sees("[Self-test]", "> Go on <")

    stage.play(stage.program(graph.url), scenario)
    assert set(graph.names) == {NAMES[0]}


def test_a_drive_that_was_pulled_out_is_told_and_the_run_goes_on_when_it_is_back(
    stage: Stage, host: Host, graph: FakeEngine
) -> None:
    bundle = host.bundle(IMAGE)
    layer = bundle.path / bundle.release.images[0].layers[0].name
    drawer = host.root / "drawer"

    async def scenario(player: Player) -> None:
        await to_plan(player)
        await player.sees("> Install <")
        layer.rename(drawer)
        await player.press("enter")
        await player.sees("REFUSED", "no such file", "bundle-damaged", "> Try again <")
        drawer.rename(layer)
        await player.press("enter")
        await player.sees("[Self-test]", "> Go on <")

    stage.play(stage.program(graph.url), scenario)
    assert set(graph.names) == {NAMES[0]}


def test_a_damaged_layer_reaches_no_engine(stage: Stage, host: Host, graph: FakeEngine) -> None:
    bundle = host.bundle(IMAGE)
    flip(bundle.path / bundle.release.images[0].layers[0].name)

    async def scenario(player: Player) -> None:
        await to_install(player)
        await player.sees("damaged", "bytes 0 to", "REFUSED", "bundle-damaged", "installer repair")
        await player.press("q")
        await player.ends()

    program = stage.play(stage.program(graph.url), scenario)
    assert program.return_value == ExitCode.BUNDLE_REFUSED
    assert graph.load_calls == 0


def test_a_stranger_s_bundle_is_refused_with_its_reason(
    stage: Stage, host: Host, graph: FakeEngine
) -> None:
    make_bundle(host.root / "bundle-0", IMAGE, new_key(host.root / "stranger"))

    async def scenario(player: Player) -> None:
        await player.sees("bundle-0")
        await player.press("enter")
        await player.sees("REFUSED", "signature-unknown-signer", "> Add a key <", "Back")

    stage.play(stage.program(graph.url), scenario)
    assert [entry.what for entry in host.ledger.history()] == ["refused"]


def test_a_failed_self_test_leaves_the_choice_to_go_on(
    stage: Stage, host: Host, graph: FakeEngine
) -> None:
    host.bundle()

    async def scenario(player: Player) -> None:
        await to_install(player)
        await player.sees("does not compute as it must", "FAIL", "> Test again <")
        assert graph.names == {}
        await player.press("tab", "enter")  # install it all the same
        await player.sees("[Self-test]", "> Go on <")
        await player.press("enter")
        await player.sees("[Summary]", "installed viz", "FAIL: this machine does not compute")

    stage.play(stage.program(graph.url, selftest="fail"), scenario)
    assert set(graph.names) == set(NAMES)


def test_a_self_test_that_breaks_is_a_failure_of_its_own(
    stage: Stage, host: Host, graph: FakeEngine
) -> None:
    host.bundle()

    async def scenario(player: Player) -> None:
        await to_install(player)
        await player.sees("selftest-broken", "Segmentation fault", "> Test again <")

    stage.play(stage.program(graph.url, selftest="broken"), scenario)
    assert graph.names == {}


def test_leaving_asks_once_while_something_runs(
    stage: Stage, host: Host, graph: FakeEngine
) -> None:
    host.bundle(IMAGE)
    graph.faults.slow = threading.Event()

    async def scenario(player: Player) -> None:
        await to_install(player)
        await player.sees("> Stop <")
        await player.press("q")
        await player.sees("The install is not done", "> Stay <")
        await player.press("enter")
        await player.sees("> Stop <")
        await player.press("ctrl+c")
        await player.sees("> Stay")
        await player.press("down", "enter")
        graph.faults.slow.set()  # type: ignore[union-attr]
        await player.ends()

    program = stage.play(stage.program(graph.url), scenario)
    assert program.return_value == ExitCode.INTERRUPTED
    assert graph.names == {}


def test_a_stopped_self_test_stops_the_install(stage: Stage, host: Host, graph: FakeEngine) -> None:
    host.bundle()

    async def scenario(player: Player) -> None:
        await to_install(player)
        await player.sees("[Self-test]", "testing numpy:0", "> Stop <")
        await player.press("enter")
        await player.sees("Stop the install?", "> Let it run <")
        await player.press("down", "enter")
        await player.sees("interrupted", "> Test again <")

    stage.play(stage.program(graph.url, selftest="hang"), scenario)
    assert graph.names == {}


def test_a_question_stays_where_it_is_while_the_run_goes_on(
    stage: Stage, host: Host, graph: FakeEngine
) -> None:
    host.bundle()
    graph.faults.slow = threading.Event()

    async def scenario(player: Player) -> None:
        await to_install(player)
        await player.sees("[Install]", "> Stop <")
        await player.press("enter")
        await player.sees("Stop the install?", "> Let it run <")
        graph.faults.slow.set()  # type: ignore[union-attr]
        while player.program.run_progress.stage(events.Stage.SELFTEST) is None:
            await player.pilot.pause(0.02)
        await player.sees("[Install]", "Stop the install?")
        await player.press("enter")
        await player.sees("[Self-test]", "> Stop <")

    stage.play(stage.program(graph.url, selftest="hang"), scenario)


def test_after_a_crash_the_program_reopens_where_it_was(
    stage: Stage, host: Host, graph: FakeEngine
) -> None:
    bundle = host.bundle()
    host.install(bundle.path, graph.url)
    graph.remove(NAMES[1])
    journal = Journal(host.root / "state")
    journal.write(Place(bundle.path, graph.url, Step.INSTALL))

    async def scenario(player: Player) -> None:
        await player.sees("[Install]", "was broken off here", "done", "> Go on with the install <")
        await player.press("enter")
        await player.sees("> Go on <")

    stage.play(stage.program("auto"), scenario)
    assert set(graph.names) == set(NAMES)


def test_a_drive_that_is_missing_after_a_crash_is_asked_for(
    stage: Stage, host: Host, graph: FakeEngine
) -> None:
    journal = Journal(host.root / "state")
    journal.write(Place(host.root / "gone", graph.url, Step.TRUST))

    async def scenario(player: Player) -> None:
        await player.sees("[Trust]", "bundle-not-found", "Try again")

    stage.play(stage.program("auto"), scenario)


def test_a_resize_at_any_size_breaks_nothing(stage: Stage, host: Host, graph: FakeEngine) -> None:
    host.bundle()

    async def scenario(player: Player) -> None:
        await to_plan(player)
        for size in ((120, 40), (40, 12), (20, 6), (200, 60), (80, 24)):
            await player.pilot.resize_terminal(*size)
        await player.sees("> Install <", "docker.io/acme/app:1")

    stage.play(stage.program(graph.url), scenario)


def test_a_plain_terminal_gets_ascii_without_colours(
    stage: Stage, host: Host, graph: FakeEngine
) -> None:
    host.bundle()
    plain = Terminal(Glyphs.ASCII, Palette.NONE)

    async def scenario(player: Player) -> None:
        await to_install(player)
        await player.sees("[Self-test]", "every result is right", "####")
        assert player.text.isascii()
        await player.press("m")
        await player.sees("Menu", "+---")
        assert player.text.isascii()
        assert not colours_of(player)

    stage.play(stage.program(graph.url, terminal=plain), scenario)


def test_foreign_text_is_shown_as_it_is_and_moves_nothing(
    stage: Stage, host: Host, graph: FakeEngine
) -> None:
    host.bundle()
    graph.faults.error_line = "\x1b]52;c;ZXZpbA==\x07 [bold]evil[/bold] \u202eback"

    async def scenario(player: Player) -> None:
        await to_install(player)
        await player.sees("[bold]evil[/bold]", "\\x1b]52", "> Try again <")
        assert "\u202e" not in player.text

    stage.play(stage.program(graph.url), scenario)


def test_a_bug_ends_the_program_with_its_traceback(
    stage: Stage, host: Host, graph: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    host.bundle()

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("installer.verbs.install.opened", broken)

    async def scenario(player: Player) -> None:
        await player.sees("bundle-0")
        await player.press("enter")
        await player.ends()

    with pytest.raises(ZeroDivisionError):
        stage.play(stage.program(graph.url), scenario)


def colours_of(player: Player) -> set[str]:
    """Return the colours of what is on the screen."""
    strips = player.program.screen._compositor.render_strips()
    styles = [segment.style for strip in strips for segment in strip if segment.style is not None]
    names = {str(colour.name) for one in styles for colour in (one.color, one.bgcolor) if colour}
    return names - {"default"}


def test_the_screen_text_helper_sees_what_a_person_sees(stage: Stage, graph: FakeEngine) -> None:
    async def scenario(player: Player) -> None:
        await player.sees("Which bundle?")
        lines = screen_text(player.program).splitlines()
        assert len(lines) == 24
        assert max(map(len, lines)) <= 80

    stage.play(stage.program(graph.url), scenario)
