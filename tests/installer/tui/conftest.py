"""The full-screen program under textual's pilot: keys are pressed, the screen's text is read."""

from __future__ import annotations

import asyncio
import io
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from rich.console import Console
from textual.events import Paste
from textual.pilot import Pilot

from installer.tui.app import InstallerApp
from installer.tui.session import Session
from installer.tui.terminal import Glyphs, Palette, Terminal
from manifests.errors import ExitCode
from tests.installer.conftest import Host
from tests.installer.tui.wasteful import Waste

RICH = Terminal(Glyphs.UNICODE, Palette.FULL)
PATIENCE = 120.0
"""Seconds after which a text that does not come is a failure; nothing is measured by it."""
SELFTEST = Path(__file__).parent / "fakeselftest.py"


@dataclass(frozen=True)
class Homes:
    """Where a test's host keeps its keys and its ledger."""

    trust: Path
    state: Path
    settings: Path


class Player:
    """A person before the screen.

    Attributes:
        presses: keys pressed so far.
    """

    def __init__(self, program: InstallerApp, pilot: Pilot[ExitCode]) -> None:
        self.program = program
        self.pilot = pilot
        self.presses = 0

    @property
    def text(self) -> str:
        """What is on the screen."""
        return screen_text(self.program)

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)
            self.presses += 1

    async def type(self, text: str) -> None:
        """Put text into the field as terminals do when it is pasted."""
        focused = self.program.focused
        assert focused is not None
        focused.post_message(Paste(text))
        await self.pilot.pause()

    async def sees(self, *texts: str) -> None:
        """Wait until all of these are on the screen."""
        end = time.monotonic() + PATIENCE
        while not all(text in self.text for text in texts):
            if time.monotonic() > end or not self.program.is_running:
                raise AssertionError(f"expected {texts}, found\n{self.text}")
            await self.pilot.pause(0.05)

    async def stops(self) -> None:
        """Stop what still runs, and wait for its end."""
        program = self.program
        program._cancel.set()
        while program.is_running and program.is_installing:
            await self.pilot.pause(0.02)

    async def ends(self) -> None:
        """Wait until the program has been left."""
        end = time.monotonic() + PATIENCE
        while self.program.is_running and time.monotonic() < end:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0.02)
        assert not self.program.is_running


Scenario = Callable[[Player], Awaitable[None]]


@dataclass
class Stage:
    """Puts the program before a host of the tests."""

    host: Host

    def program(
        self,
        engine: str,
        *,
        folder: Path | None = None,
        terminal: Terminal = RICH,
        selftest: str = "pass",
    ) -> InstallerApp:
        homes = Homes(self.host.trust.directory, self.host.root / "state", self.host.root / "set")
        session = Session(homes, engine, folder or self.host.root)
        command = (sys.executable, str(SELFTEST), selftest)
        return InstallerApp(session, terminal, selftest_command=command)

    def play(
        self, program: InstallerApp, scenario: Scenario, size: tuple[int, int] = (80, 24)
    ) -> InstallerApp:
        """Let a person act; the program ends with the scenario."""

        async def played() -> None:
            async with program.run_test(size=size) as pilot:
                player = Player(program, pilot)
                await scenario(player)
                await player.stops()

        with ExitStack() as after:
            after.callback(program.session.close)
            asyncio.run(played())
        if program.bug is not None:
            raise program.bug
        return program


@pytest.fixture
def stage(host: Host, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """A stage whose machine has no drives but those that a test makes."""
    monkeypatch.setattr("installer.tui.places.removable_mounts", lambda: ())
    empty = host.root / "cwd"
    empty.mkdir()
    monkeypatch.chdir(empty)
    for name in ("TERM", "NO_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    return Stage(host)


def screen_text(program: InstallerApp) -> str:
    """Return what the screen shows, a line each, without the blanks at the ends."""
    width, height = program.size
    console = Console(
        width=width, height=height, file=io.StringIO(), record=True, force_terminal=True
    )
    screens = program._background_screens
    console.print(program.screen._compositor.render_update(full=True, screen_stack=screens))
    lines = console.export_text(styles=False).splitlines()
    return "\n".join(line.rstrip() for line in lines)


@pytest.fixture
def waste(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Waste:
    """A host with waste that the screen looks at and prunes."""
    made = Waste(tmp_path)
    monkeypatch.setattr("installer.tui.pruningscreen.look_for_waste", made.look)
    monkeypatch.setattr("installer.tui.pruningscreen.pruned", made.remove)
    return made
