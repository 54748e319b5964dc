"""Prune from the screen: what is shown is asked, removed, told; nobody leaves by mistake."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from installer.prune.removal import Result
from manifests.errors import EngineFailed
from tests.installer.tui.conftest import Player, Stage
from tests.installer.tui.wasteful import Waste, to_pruning


def test_what_is_shown_is_removed_and_told(stage: Stage, waste: Waste) -> None:
    waste.may_go_on.set()

    async def scenario(player: Player) -> None:
        await to_pruning(player)
        assert waste.engine.removed == []
        await player.press("down", "enter")
        await player.sees("3 things removed", "image acme/web:1", "> Back")
        await player.press("escape")
        await player.sees("Which bundle?")

    stage.play(stage.program("docker"), scenario)
    assert sorted(waste.engine.removed) == ["docker.io/acme/old:1", "docker.io/acme/web:1", "done"]


@pytest.mark.parametrize("key", ["escape", "q"])
def test_leaving_stops_after_the_thing_at_hand(stage: Stage, waste: Waste, key: str) -> None:
    async def scenario(player: Player) -> None:
        await to_pruning(player)
        await player.press("down", "enter")
        await player.sees("> Stop")
        await player.press(key)
        await player.sees("stopping after the thing at hand")
        waste.may_go_on.set()
        await player.sees("> Back")

    stage.play(stage.program("docker"), scenario)
    assert waste.engine.removed == ["done"]


def test_what_the_engine_refuses_is_told(
    stage: Stage, waste: Waste, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> Iterator[Result]:
        raise EngineFailed("engine-silent", "the engine does not answer")

    monkeypatch.setattr("installer.tui.pruningscreen.pruned", refused)

    async def scenario(player: Player) -> None:
        await to_pruning(player)
        await player.press("down", "enter")
        await player.sees("the engine does not answer", "> Back")

    stage.play(stage.program("docker"), scenario)
    assert waste.engine.removed == []
