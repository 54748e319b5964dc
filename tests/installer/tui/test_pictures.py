"""Each screen as it looks at 80x24 and at 120x40, kept as text beside this file.

    UPDATE_PICTURES=1 pytest tests/installer/tui/test_pictures.py    draws them anew

What differs from run to run, a key's fingerprint and a socket's folder, is masked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from installer.events import Failure, Noted, Outcome, ServiceState, Stage, Unit
from installer.plan import Plan
from installer.planning.outlook import Outlook
from installer.planning.space import FileSystem
from installer.tui.app import InstallerApp
from installer.tui.backing import Former
from installer.tui.progress import (
    ImageProgress,
    RunProgress,
    ServiceProgress,
    StageProgress,
    State,
)
from installer.tui.rate import Pace
from installer.tui.rollingback import RollbackScreen
from installer.tui.steps import Step
from manifests.errors import ExitCode
from tests.installer.conftest import Host
from tests.installer.fake_engine import FakeEngine
from tests.installer.test_ledgerapps import app_with
from tests.installer.tui.conftest import Player
from tests.installer.tui.conftest import Stage as Theatre
from tests.installer.tui.test_views import record
from tests.installer.tui.wasteful import Waste, to_pruning
from tests.support.bundles import new_key

FOLDER = Path(__file__).parent / "pictures"
SIZES = ((80, 24), (120, 40))
MIB = 1024**2
DISK = FileSystem(
    key="/dev/sda1", device="/dev/sda1", mount="/", kind="ext4", free=74 * 1024**3, total=10**12
)
LOADING = RunProgress(
    images=(
        ImageProgress("docker.io/acme/base:1", 0, state=State.DONE),
        ImageProgress("docker.io/acme/app:1", 300 * MIB, 300 * MIB, State.DONE),
        ImageProgress(
            "registry.example.org/team/a-name/that-is-long:1", 900 * MIB, 120 * MIB, State.RUNNING
        ),
        ImageProgress("docker.io/acme/web:1", 200 * MIB),
    ),
    stages=(
        StageProgress(Stage.CHECK, 1400 * MIB, Unit.BYTES, 1400 * MIB, State.DONE, 6.1),
        StageProgress(Stage.LOAD, 1400 * MIB, Unit.BYTES, 420 * MIB),
    ),
    subject="registry.example.org/team/a-name/that-is-long:1",
    pace=Pace(
        seen=((100.0, 0), (104.0, 420 * MIB)),
        points=tuple(float((60 + at * 37 % 90) * MIB) for at in range(60)),
    ),
)
BROKEN = Failure(
    "engine-broke-off",
    "unix:///var/run/docker.sock: the engine broke off while it took docker.io/acme/web:1",
    "is it running, and may this user reach it? docker info",
    ExitCode.ENGINE_FAILED,
)
UNWELL = Failure(
    "app-unhealthy",
    "service web did not become healthy within 300 seconds",
    "installer logs viz web",
    ExitCode.START_FAILED,
)
SERVICES = (
    ServiceProgress("db", "viz-db-1", ServiceState.HEALTHY),
    ServiceProgress("web", "viz-web-1", ServiceState.STARTING),
)


def failed_load() -> RunProgress:
    stages = (LOADING.stages[0], replace(LOADING.stages[1], state=State.FAILED))
    ended = replace(record(Outcome.FAILED, BROKEN), seconds=12.0)
    return replace(LOADING, stages=stages, failure=BROKEN, record=ended, pace=Pace())


def failed_start() -> RunProgress:
    web = replace(SERVICES[1], state=ServiceState.FAILED, detail="no configuration\ngiving up")
    ended = replace(record(Outcome.FAILED, UNWELL), running_again=7)
    return RunProgress(services=(SERVICES[0], web), failure=UNWELL, record=ended)


def trials() -> RunProgress:
    text = "PASS  without a GPU: 2 devices, every result right\n"
    note = Noted(Stage.SELFTEST, "selftest-passed", text)
    stage = StageProgress(Stage.SELFTEST, 2, Unit.TESTS, 1)
    return RunProgress(stages=(stage,), notes=(note,), subject="by --gpus all")


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_every_step_looks_as_it_should(
    stage: Theatre, host: Host, graph: FakeEngine, size: tuple[int, int]
) -> None:
    bundle = host.bundle()
    album = Album(size)

    async def scenario(player: Player) -> None:
        program = player.program
        program.session.bundles = lambda: ()  # type: ignore[method-assign]
        await album.picture(player, "choose-nothing", "No bundle lies")
        names = (Path("/media/usb/viz-1.4.0"), Path("/media/usb/viz-1.5.0.tar"))
        program.session.bundles = lambda: names  # type: ignore[method-assign]
        program.go(Step.CHOOSE)
        await album.picture(player, "choose", "> viz-1.4.0")
        await player.press("m")
        await album.picture(player, "menu", "Roll back")
        await player.press("escape")
        await player.press("question_mark")
        await album.picture(player, "help", "does what is chosen")
        await player.press("escape")
        program.take(bundle.path)
        await album.picture(player, "trust", "> Go on <")
        host.trust.add_on_first_use(new_key(host.root / "other").public, "other@acme")
        host.trust.remove("release@acme")
        program.go(Step.TRUST)
        await album.picture(player, "refused", "> Add a key <")
        await player.press("enter")
        await album.picture(player, "key", "> Browse for the file")
        host.trust.add_on_first_use(host.key.public, "release@acme")
        program.go(Step.PLAN)
        await album.picture(player, "plan", "> Install <")

    stage.play(stage.program(graph.url), scenario, size)
    album.check()


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_run_looks_as_it_should(stage: Theatre, graph: FakeEngine, size: tuple[int, int]) -> None:
    album = Album(size)

    async def scenario(player: Player) -> None:
        program = player.program
        await player.sees("Which bundle?")
        show(program, Step.INSTALL, LOADING, busy=True)
        await album.picture(player, "install", "> Stop <")
        await player.press("q")
        await album.picture(player, "leave", "> Stay")
        await player.press("escape")
        show(program, Step.INSTALL, failed_load())
        await album.picture(player, "install-failed", "> Try again <")
        show(program, Step.SELFTEST, trials(), busy=True)
        await album.picture(player, "selftest-running", "> Stop <")
        show(program, Step.START, RunProgress(services=SERVICES), busy=True)
        await album.picture(player, "start", "> Stop <")
        show(program, Step.START, failed_start())
        await album.picture(player, "start-failed", "> Try again <")
        program._busy = False

    stage.play(stage.program(graph.url), scenario, size)
    album.check()


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_the_end_looks_as_it_should(
    stage: Theatre, host: Host, graph: FakeEngine, size: tuple[int, int]
) -> None:
    host.bundle()
    album = Album(size)

    async def scenario(player: Player) -> None:
        await player.sees("bundle-0")
        player.program.take(host.root / "bundle-0")
        await player.sees("> Go on <")
        await player.press("enter")
        await player.sees("> Install <")
        await player.press("enter")
        await album.picture(player, "selftest", "> Go on <")
        await player.press("enter")
        await album.picture(player, "summary", "> Leave <")

    stage.play(stage.program(graph.url), scenario, size)
    album.check()


@pytest.mark.usefixtures("calm")
@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_detours_look_as_they_should(
    stage: Theatre, waste: Waste, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    album = Album(size)
    waste.may_go_on.set()
    app = app_with(1, 2, 3)
    found = tuple(Former(app, one) for one in (app.releases[1], app.releases[0]))
    monkeypatch.setattr("installer.tui.rollingback.formers", lambda _: found)

    async def scenario(player: Player) -> None:
        await to_pruning(player)
        await album.picture(player, "prune", "> Back")
        await player.press("down", "enter")
        await album.picture(player, "pruned", "things removed", "> Back")
        await player.press("escape")
        player.program.push_screen(RollbackScreen())
        await album.picture(player, "rollback", "1.2", "1.1", "> ")

    stage.play(stage.program("docker"), scenario, size)
    album.check()


def show(program: InstallerApp, step: Step, run: RunProgress, *, busy: bool = False) -> None:
    program.run_progress, program._busy = run, busy
    program.go(step)


@pytest.fixture
def calm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose disks, drive and clock say the same every time."""

    def looked(made: Plan, *_: object, **__: object) -> Outlook:
        return Outlook(made.verified, made, problems=made.problems)

    monkeypatch.setattr("installer.planning.lookahead.look_around", looked)
    monkeypatch.setattr("installer.plan.file_system_of", lambda _: DISK)
    monkeypatch.setattr("installer.words.bundle.age_text", lambda _: "30 days")
    reports = Path("/var/lib/moonlift/reports")
    monkeypatch.setattr(
        "installer.tui.summing.page_of", lambda one: reports / one.name / "report.html"
    )


class Album:
    """Pictures of one size; all of them are compared before one is complained of."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._size = size
        self._found: dict[Path, str] = {}

    async def picture(self, player: Player, name: str, *texts: str) -> None:
        await player.sees(*texts)
        await player.pilot.pause()
        text = masked(player.text)
        columns, rows = self._size
        assert max(map(len, text.splitlines())) <= columns
        self._found[FOLDER / f"{name}-{columns}x{rows}.txt"] = text + "\n"

    def check(self) -> None:
        if os.environ.get("UPDATE_PICTURES"):
            FOLDER.mkdir(exist_ok=True)
            for path, text in self._found.items():
                path.write_text(text)
        different = {path.name: text for path, text in self._found.items() if text != _read(path)}
        assert not different, "\n\n".join(f"{name}\n{text}" for name, text in different.items())


BROKEN_DIGEST = r"sha256:([0-9a-f]{8,63}\n +[0-9a-f]{1,56})\b"
PATTERNS: Sequence[tuple[str, str]] = (
    (r"SHA256:[A-Za-z0-9+/]{43}", "SHA256:" + "x" * 43),
    (r"sha256:[0-9a-f]{64}", "sha256:" + "0" * 64),
    (r"/ml-[\w-]+", "/ml-socket"),
    (r"\d{8}T\d{6}Z-[0-9a-f]{6}", "20260701T000000Z-abcdef"),
    (r"\d+\.\d s\b", "1.0 s"),
)


def masked(text: str) -> str:
    text = re.sub(BROKEN_DIGEST, _zeros, text)
    for pattern, shown in PATTERNS:
        text = re.sub(pattern, shown, text)
    return text


def _zeros(found: re.Match[str]) -> str:
    """Return a digest that goes on in the next line, with nothing but zeros."""
    return "sha256:" + re.sub("[0-9a-f]", "0", found[1])


def _read(path: Path) -> str:
    return path.read_text() if path.exists() else ""
