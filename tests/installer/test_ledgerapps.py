"""What is known of installed apps: which release is active, and what may be forgotten."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from pydantic import ValidationError

from installer.ledger import (
    InstalledApp,
    InstalledImage,
    InstalledRelease,
    KeptRelease,
    Ledger,
    LedgerState,
    PendingSwitch,
)
from installer.state.apps import MAX_RELEASES, MovedName
from manifests.digest import Digest
from manifests.errors import UsageError

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def installed(sequence: int, *, hours: int = 0) -> InstalledRelease:
    one = Digest.of(f"{sequence}".encode())
    return InstalledRelease(
        sequence=sequence,
        version=f"1.{sequence}",
        sums=one,
        arrived_at=NOW + timedelta(hours=hours or sequence),
        bundle=f"/media/usb/viz-1.{sequence}",
        signers=("SHA256:abc",),
        engine="docker",
        images=(InstalledImage(name="docker.io/acme/viz:1", identity=one),),
    )


def app_with(*sequences: int) -> InstalledApp:
    app = InstalledApp(product="viz")
    for sequence in sequences:
        app = app.with_arrived(installed(sequence)).with_active(sequence, ())
    return app


def test_a_release_that_arrives_is_not_active() -> None:
    app = app_with(1).with_arrived(installed(2))
    assert (app.active, app.previous) == (1, None)
    assert [one.sequence for one in app.releases] == [1, 2]


def test_making_active_keeps_the_one_before() -> None:
    app = app_with(1, 2)
    assert (app.active, app.previous, app.pending) == (2, 1, None)
    again = app.with_active(2, ())
    assert (again.active, again.previous) == (2, 1)
    back = app.with_active(1, ())
    assert (back.active, back.previous) == (1, 2)


def test_names_that_were_moved_are_remembered_until_others_are() -> None:
    moved = (MovedName(name="docker.io/acme/viz:1", new=Digest.of(b"1")),)
    app = app_with(1).with_active(1, moved).with_active(1, ())
    release = app.release(1)
    assert release is not None
    assert release.names == moved


def test_a_release_keeps_the_time_it_first_arrived() -> None:
    app = app_with(1).with_arrived(installed(1, hours=99))
    assert [one.arrived_at for one in app.releases] == [NOW + timedelta(hours=1)]


def test_what_must_stay_stays() -> None:
    app = app_with(1, 2, 3).with_arrived(installed(4))
    app = app.with_pending(PendingSwitch(sequence=4, since=NOW))
    assert app.protected == {2, 3, 4}
    for sequence in range(1, 5):
        app = app.without(sequence)
    assert [one.sequence for one in app.releases] == [2, 3, 4]


@pytest.mark.parametrize(
    ("arrived", "sequence", "keep", "gone"),
    [
        ((1,), 2, 2, []),
        ((1, 2), 3, 2, [1]),
        ((1, 2, 3), 4, 2, [2, 1]),
        ((1, 2, 3), 4, 3, [1]),
        ((1, 2, 3), 3, 2, [1]),
        ((1, 2, 3), 4, 9, []),
    ],
)
def test_what_is_outgrown_is_beyond_what_is_kept(
    arrived: tuple[int, ...], sequence: int, keep: int, gone: list[int]
) -> None:
    outgrown = app_with(*arrived).outgrown(sequence, keep)
    assert [one.sequence for one in outgrown] == gone


def test_the_oldest_idle_releases_are_forgotten_beyond_the_bound() -> None:
    app = app_with(1, 2)
    for sequence in range(3, MAX_RELEASES + 10):
        app = app.with_arrived(installed(sequence))
    assert len(app.releases) == MAX_RELEASES
    assert [one.sequence for one in app.releases][:3] == [1, 2, 10 + 2]


def test_what_is_forgotten_is_not_kept_either(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "state")
    with ledger.locked() as held:
        for sequence in range(1, MAX_RELEASES + 3):
            held.keep_release(KeptRelease("viz", sequence, b"{}"))
            held.change_app("viz", partial(InstalledApp.with_arrived, release=installed(sequence)))
    assert [one.sequence for one in ledger.releases()] == list(range(3, MAX_RELEASES + 3))


def test_an_active_release_must_be_known() -> None:
    with pytest.raises(ValidationError, match="release 7 is not among the releases"):
        InstalledApp(product="viz", active=7)


def test_ledger_keeps_all_of_it(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "state")
    pending = PendingSwitch(sequence=2, since=NOW)
    with ledger.locked() as held:
        held.change_app("viz", lambda _: app_with(1, 2).with_pending(pending))
        held.change_app("acme", lambda app: app)
    assert ledger.app("viz") == app_with(1, 2).with_pending(pending)
    assert [one.product for one in ledger.state().apps] == ["acme", "viz"]
    assert LedgerState.decode(ledger.state().encode()) == ledger.state()


def test_a_ledger_of_before_there_were_apps_is_read() -> None:
    state = LedgerState()
    assert state.to_json()["apps"] == []
    assert LedgerState.parse(b'{"schema":1}', limit=100, subject="ledger.json") == state


def test_a_pruned_release_is_forgotten_and_a_needed_one_is_not(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "state")
    with ledger.locked() as held:
        for sequence in (1, 2, 3):
            held.keep_release(KeptRelease("viz", sequence, b"{}"))
        held.change_app("viz", lambda _: app_with(1, 2, 3))
        held.forget_release("viz", 1)
        with pytest.raises(UsageError, match="can't be forgotten"):
            held.forget_release("viz", 2)
    assert [one.sequence for one in ledger.releases()] == [2, 3]
    app = ledger.app("viz")
    assert app is not None
    assert [one.sequence for one in app.releases] == [2, 3]
    assert ledger.kept("viz", 1) is None
    assert ledger.kept("viz", 3) == KeptRelease("viz", 3, b"{}")


def test_a_forgotten_app_leaves_its_high_water_mark_alone(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "state")
    with ledger.locked() as held:
        held.keep_release(KeptRelease("viz", 1, b"{}"))
        held.change_app("viz", lambda _: app_with(1))
        accepted = held.state().accepted
        held.forget_app("viz")
    assert ledger.app("viz") is None
    assert ledger.releases() == ()
    assert ledger.state().accepted == accepted
