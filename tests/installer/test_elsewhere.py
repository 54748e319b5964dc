"""One state folder and several engines: each app is in one of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from installer.events import Outcome
from installer.state.apps import InstalledRelease
from manifests.digest import Digest
from manifests.errors import ExitCode
from tests.installer.conftest import IMAGES, Host
from tests.installer.fake_engine import FakeEngine, run_fake_engine
from tests.installer.test_cli import call, document
from tests.support.bundles import Bundle, Facts


@pytest.fixture
def other() -> Iterator[FakeEngine]:
    with run_fake_engine("graph") as engine:
        yield engine


def second(host: Host, product: str = "viz") -> Bundle:
    return host.bundle(IMAGES, Facts(product=product, sequence=2, version="2"))


def test_an_app_of_another_engine_is_refused_with_the_ways_out(
    host: Host, graph: FakeEngine, other: FakeEngine
) -> None:
    assert host.install(host.bundle().path, graph.url).outcome is Outcome.DONE
    for words in (("plan",), ("install", "--yes")):
        refused = call(host, words[0], second(host).path, *words[1:], "--engine", other.url)
        assert refused.exit_code == ExitCode.NOT_INSTALLABLE
        assert "engine-other" in refused.output
        assert f"--engine {graph.url} goes on there" in " ".join(refused.output.split())
    assert other.images == {}
    layout = f"layout:{host.root / 'out'}"
    too = call(host, "install", second(host).path, "--yes", "--engine", layout)
    assert "engine-other" in too.stderr
    assert host.install(second(host).path, graph.url).outcome is Outcome.DONE
    assert host.install(second(host, "else").path, other.url).outcome is Outcome.DONE
    app = host.ledger.app("else")
    assert app is not None
    assert app.engine == other.url


def test_it_can_be_moved_by_an_uninstall_where_it_is(host: Host, other: FakeEngine) -> None:
    layout = f"layout:{host.root / 'out'}"
    assert host.install(host.bundle().path, layout).outcome is Outcome.DONE
    done = call(host, "uninstall", "viz", "--yes")
    assert done.exit_code == ExitCode.DONE, done.output
    assert "elsewhere" not in done.stdout
    assert host.install(second(host).path, other.url).outcome is Outcome.DONE


def test_what_stays_elsewhere_is_told_before_an_app_is_forgotten(host: Host) -> None:
    first, gone = (f"layout:{host.root / name}" for name in ("first", "gone"))
    assert host.install(host.bundle().path, gone).outcome is Outcome.DONE
    words = ("uninstall", "viz", "--engine", first)
    assert document(call(host, *words, "--dry-run", "--json"))["elsewhere"] == gone
    done = call(host, *words, "--yes")
    assert f"what viz has in {gone} stays there" in done.stdout
    assert host.install(second(host).path, first).outcome is Outcome.DONE


@pytest.mark.parametrize(
    ("engine", "engine_id", "address", "identity", "fits"),
    [
        ("docker:unix:///a", "A", "docker:unix:///a", "A", True),
        ("docker:unix:///a", "A", "docker:unix:///b", "A", True),
        ("docker:unix:///a", "A", "docker:unix:///a", "B", True),
        ("docker:unix:///a", "A", "docker:unix:///b", "B", False),
        ("docker:unix:///a", "", "docker:unix:///b", "B", True),
        ("docker", "", "docker:unix:///b", "B", True),
        ("", "", "docker:unix:///b", "B", True),
        ("layout:/x", "layout:/x", "docker:unix:///b", "B", False),
        ("layout:/x", "", "docker:unix:///b", "", False),
    ],
)
def test_only_what_is_surely_another_engine_is_one(
    host: Host, engine: str, engine_id: str, address: str, identity: str, fits: bool
) -> None:
    release = InstalledRelease(
        sequence=1,
        version="1",
        sums=Digest.of(b""),
        arrived_at=host.bundle().release.issued,
        engine=engine,
        engine_id=engine_id,
    )
    assert release.may_be_in(address, identity) is fits
