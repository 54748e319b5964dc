"""The whole way on a real engine: a real app gets healthy, or never does; and back again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from installer.tui.app import InstallerApp
from installer.tui.session import Session
from manifests.errors import ExitCode
from tests.conftest import UNAVAILABLE
from tests.installer.conftest import Host
from tests.installer.tui.conftest import RICH, SELFTEST, Homes, Player, Stage
from tests.support.bundles import new_key
from tests.support.dockerd import run_dockerd
from tests.support.realapp import RealRelease
from tests.support.site import Site

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A disconnected host whose engine can run apps."""
    root = tmp_path_factory.mktemp("site")
    starting = run_dockerd(tmp_path_factory.mktemp("engine"), bridge=True)
    try:
        engine = starting.__enter__()
    except UNAVAILABLE as error:
        pytest.skip(str(error))
    try:
        made = Site(engine, root, new_key(root / "key"))
        made.trust()
        yield made
    finally:
        starting.__exit__(None, None, None)


def program_of(site: Site, folder: Path) -> InstallerApp:
    homes = Homes(site.root / "trust", site.root / "state", site.root / "settings")
    session = Session(homes, f"docker:{site.engine.url}", folder)
    return InstallerApp(session, RICH, selftest_command=(sys.executable, str(SELFTEST), "pass"))


async def to_the_run(player: Player, name: str) -> None:
    await player.sees(f"> {name}")
    await player.press("enter")
    await player.sees("> Go on <")
    await player.press("enter")
    await player.sees("[Plan]", "> Install <", "web: ")
    await player.press("enter")


def test_a_release_gets_healthy_another_never_and_the_first_runs_on(
    stage: Stage, host: Host, site: Site
) -> None:
    del host
    good = site.bundle(RealRelease(1, selftest=False)).path
    bad = site.bundle(RealRelease(2, selftest=False, broken=True)).path

    async def installs(player: Player) -> None:
        await to_the_run(player, good.name)
        await player.sees("[Start]", "healthy      moonbase-web-1", "well", "> Go on <")
        await player.press("enter")
        await player.sees("[Summary]", "installed moonbase 1.1", "PASS", "report")
        assert player.presses <= 8
        await player.press("enter")
        await player.ends()

    assert stage.play(program_of(site, good), installs).return_value == ExitCode.DONE
    assert "version 1.1" in site.answer()

    async def fails(player: Player) -> None:
        await to_the_run(player, bad.name)
        await player.sees("[Start]", "app-unhealthy", "release 1 of moonbase runs again")
        await player.sees("> Try again <")
        await player.press("q")
        await player.ends()

    ended = stage.play(program_of(site, bad), fails)
    assert ended.return_value == ExitCode.START_FAILED
    assert "version 1.1" in site.answer()

    async def looks(player: Player) -> None:
        await player.sees("was broken off here")
        await player.press("m")
        await player.sees("> Back")
        await player.press("down", "enter")
        await player.sees("Status", "moonbase-db-1", "everything is as it should be")

    stage.play(program_of(site, bad), looks)


@pytest.mark.long
def test_a_release_is_gone_back_to_from_the_menu(stage: Stage, host: Host, site: Site) -> None:
    del host
    third = site.bundle(RealRelease(3, selftest=False))
    words = site.install_words(site.bundle(RealRelease(1, selftest=False)))
    assert site.installer(*words).returncode == 0
    assert site.install(third).returncode == 0
    (site.root / "state/screen.json").unlink(missing_ok=True)

    async def scenario(player: Player) -> None:
        await player.sees("Which bundle?")
        await player.press("m")
        await player.sees("> Back")
        await player.press("down", "down", "down", "enter")
        await player.sees("Roll back", "moonbase 1.1, release 1, the previous one")
        await player.press("enter")
        await player.sees("back to", "> Go back to it")
        await player.press("enter")
        await player.sees("[Start]", "> Go on <")
        await player.press("enter")
        await player.sees("[Summary]", "installer report")

    stage.play(program_of(site, third.path.parent / "none"), scenario)
    assert "version 1.1" in site.answer()
