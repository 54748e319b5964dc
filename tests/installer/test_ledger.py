"""The ledger: nothing older, nothing forked, nothing expired, whatever the clock says."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installer.ledger import (
    RESET_CONFIRMATION,
    Candidate,
    FreshnessVerdict,
    HistoryEntry,
    InstalledRelease,
    KeptRelease,
    Ledger,
    LedgerState,
    LockedLedger,
    Standing,
)
from installer.planning.freshness import CLOCK_TOLERANCE, SEQUENCE_JUMP, judge
from installer.state.document import EARLIEST, AcceptedRelease, DamagedState
from manifests.digest import Digest
from manifests.errors import BundleRefused, MoonliftError, NotInstallableHere, UsageError
from tests.support.faults import KILLED, Faults, count_calls, die_at, fail_with

DAY = timedelta(days=1)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def release(
    sequence: int,
    *,
    product: str = "viz",
    content: str = "",
    issued: datetime = NOW - DAY,
    expires: datetime | None = None,
) -> Candidate:
    sums = Digest.of(f"{product} {sequence} {content}".encode())
    return Candidate(product, sequence, f"1.{sequence}.0", sums, issued, expires)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "state")


def accept(ledger: Ledger, candidate: Candidate, *, downgrade: bool = False) -> FreshnessVerdict:
    with ledger.locked() as held:
        verdict = held.check(candidate, NOW, allow_downgrade=downgrade)
        held.accept(verdict)
    return verdict


def refusal(action: Callable[[], object]) -> BundleRefused:
    with pytest.raises(BundleRefused) as caught:
        action()
    return caught.value


def trouble(action: Callable[[], object]) -> str:
    with pytest.raises(NotInstallableHere) as caught:
        action()
    return caught.value.code


def codes(verdict: FreshnessVerdict) -> list[str]:
    return [warning.code for warning in verdict.warnings]


# --- order of releases ------------------------------------------------------------------------


def test_fresh_host_takes_any_number(ledger: Ledger) -> None:
    verdict = ledger.check(release(7), NOW)
    assert (verdict.standing, verdict.newest) == (Standing.FIRST, None)
    assert verdict.age == DAY
    assert verdict.warnings == ()
    assert not ledger.directory.exists()


def test_newer_release_is_taken(ledger: Ledger) -> None:
    accept(ledger, release(7))
    verdict = ledger.check(release(8), NOW)
    assert verdict.standing is Standing.NEWER
    assert verdict.newest is not None
    assert verdict.newest.sequence == 7


def test_same_release_is_taken_again(ledger: Ledger) -> None:
    accept(ledger, release(7))
    before = ledger.state()
    assert accept(ledger, release(7)).standing is Standing.SAME
    assert ledger.state() == before


def test_older_release_is_refused(ledger: Ledger) -> None:
    accept(ledger, release(7))
    error = refusal(lambda: ledger.check(release(6), NOW))
    assert error.code == "downgrade-refused"
    assert "1.6.0 is release 6, older than release 7 (1.7.0)" in str(error)
    assert (error.context["expected"], error.context["found"]) == (7, 6)
    assert "--allow-downgrade" in error.hint


def test_older_release_that_is_asked_for(ledger: Ledger) -> None:
    accept(ledger, release(7))
    verdict = accept(ledger, release(6), downgrade=True)
    assert verdict.standing is Standing.OLDER
    assert codes(verdict) == ["release-old"]
    newest = ledger.state().newest("viz")
    assert newest is not None
    assert newest.sequence == 7
    assert refusal(lambda: ledger.check(release(5), NOW)).code == "downgrade-refused"


def test_the_active_release_may_be_installed_again_after_a_newer_one_failed(
    ledger: Ledger,
) -> None:
    accept(ledger, release(6))
    active = InstalledRelease(
        sequence=6, version="1.6.0", sums=release(6).sums, arrived_at=NOW, engine="docker"
    )
    with ledger.locked() as held:
        held.change_app("viz", lambda app: app.with_arrived(active).with_active(6, ()))
    accept(ledger, release(7))
    verdict = ledger.check(release(6), NOW)
    assert codes(verdict) == ["release-old"]
    assert refusal(lambda: ledger.check(release(5), NOW)).code == "downgrade-refused"
    fork = release(6, content="other")
    assert refusal(lambda: ledger.check(fork, NOW)).code == "release-fork"


def test_products_do_not_touch_each_other(ledger: Ledger) -> None:
    accept(ledger, release(7))
    assert ledger.check(release(1, product="other"), NOW).standing is Standing.FIRST


@pytest.mark.parametrize("sequence", [6, 7])
def test_other_release_under_a_known_number_is_refused(sequence: int, ledger: Ledger) -> None:
    for number in (6, 7):
        accept(ledger, release(number))
    fork = release(sequence, content="other")
    error = refusal(lambda: ledger.check(fork, NOW, allow_downgrade=True))
    assert error.code == "release-fork"
    assert str(fork.sums) in str(error)
    assert str(release(sequence).sums) in str(error)


def test_fork_between_check_and_accept_is_refused(ledger: Ledger) -> None:
    verdict = ledger.check(release(7), NOW)
    accept(ledger, release(7, content="other"))
    with ledger.locked() as held:
        assert refusal(lambda: held.accept(verdict)).code == "release-fork"


@pytest.mark.parametrize(("step", "warned"), [(SEQUENCE_JUMP, False), (SEQUENCE_JUMP + 1, True)])
def test_leap_of_numbers_is_worth_a_word(step: int, warned: bool, ledger: Ledger) -> None:
    accept(ledger, release(7))
    assert codes(ledger.check(release(7 + step), NOW)) == ["sequence-jump"] * warned


def test_largest_number(ledger: Ledger) -> None:
    accept(ledger, release(2**63 - 1))
    assert refusal(lambda: ledger.check(release(7), NOW)).code == "downgrade-refused"


# --- time -------------------------------------------------------------------------------------

HOST_CLOCKS = [
    datetime(1970, 1, 2, tzinfo=UTC),
    EARLIEST - DAY,
    NOW,
    NOW + 31 * DAY,
    datetime(2099, 1, 1, tzinfo=UTC),
]


@pytest.mark.parametrize("host_now", HOST_CLOCKS)
@pytest.mark.parametrize("floor", [EARLIEST, NOW, NOW + 31 * DAY])
@pytest.mark.parametrize("accepted", [False, True])
def test_clock_matrix(host_now: datetime, floor: datetime, accepted: bool) -> None:
    """Release of yesterday, good for 30 days."""
    state = LedgerState(floor=floor)
    candidate = release(1, expires=NOW + 29 * DAY)

    def judged() -> FreshnessVerdict:
        return judge(state, candidate, host_now, accept_expired=accepted)

    if floor > NOW + 29 * DAY:
        assert "a trusted signer signed" in str(refusal(judged))
    elif host_now > NOW + 29 * DAY and not accepted:
        error = refusal(judged)
        assert error.code == "release-expired"
        assert "this host's clock says" in str(error)
        assert "--accept-expired" in error.hint
    else:
        verdict = judged()
        evidence = max(floor, candidate.issued)
        assert verdict.now == max(host_now, evidence)
        expected = ["clock-behind"] * (evidence - host_now > CLOCK_TOLERANCE)
        expected += ["release-expired"] * (host_now > NOW + 29 * DAY)
        assert codes(verdict) == expected


def test_last_moment_counts() -> None:
    candidate = release(1, expires=NOW)
    assert judge(LedgerState(), candidate, NOW).warnings == ()
    late = NOW + timedelta(seconds=1)
    assert refusal(lambda: judge(LedgerState(), candidate, late)).code == "release-expired"


def test_release_that_expires_before_it_is_made_is_refused() -> None:
    candidate = release(1, issued=NOW, expires=NOW - DAY)
    host_now = NOW - 2 * DAY
    error = refusal(lambda: judge(LedgerState(), candidate, host_now, accept_expired=True))
    assert error.code == "release-expired"


def test_clock_a_little_behind_is_not_worth_a_word() -> None:
    candidate = release(1, issued=NOW + CLOCK_TOLERANCE)
    assert judge(LedgerState(), candidate, NOW).warnings == ()
    late = NOW - timedelta(seconds=1)
    assert codes(judge(LedgerState(), candidate, late)) == ["clock-behind"]


@pytest.mark.parametrize(("behind", "shown"), [(3 * DAY, "3 days"), (DAY / 2, "12.0 hours")])
def test_clock_behind_says_by_how_much(behind: timedelta, shown: str) -> None:
    verdict = judge(LedgerState(floor=NOW), release(1), NOW - behind)
    assert shown in verdict.warnings[0].text


def test_floor_rises_with_accepted_releases_only(ledger: Ledger) -> None:
    accept(ledger, release(1, issued=NOW))
    assert ledger.state().floor == NOW
    accept(ledger, release(2, issued=NOW - 9 * DAY))
    assert ledger.state().floor == NOW
    ledger.check(release(3, issued=NOW + DAY), NOW + 400 * DAY)
    assert ledger.state().floor == NOW


def test_host_clock_never_moves_the_floor(ledger: Ledger) -> None:
    with ledger.locked() as held:
        held.accept(held.check(release(1), datetime(2099, 1, 1, tzinfo=UTC)))
    assert ledger.state().floor == NOW - DAY


# --- the state file ---------------------------------------------------------------------------


def test_state_is_read_as_it_was_written(ledger: Ledger) -> None:
    accept(ledger, release(7))
    state = ledger.state()
    assert state.accepted == (
        AcceptedRelease(
            product="viz", sequence=7, sums=release(7).sums, version="1.7.0", accepted_at=NOW
        ),
    )
    assert LedgerState.decode(state.encode()) == state
    assert json.loads((ledger.directory / "ledger.json").read_text())["schema"] == 1


def test_modes(ledger: Ledger) -> None:
    accept(ledger, release(7))
    with ledger.locked() as held:
        held.keep_release(KeptRelease("viz", 7, b"{}"))
    for path in (ledger.directory, *ledger.directory.rglob("*")):
        expected = 0o755 if path.is_dir() else 0o644
        assert stat.S_IMODE(path.stat().st_mode) == expected


def damage_cases(good: bytes) -> dict[str, bytes]:
    document = json.loads(good)
    lowered = {**document, "accepted": [{**document["accepted"][0], "sequence": 1}]}
    return {
        "empty": b"",
        "cut": good[: len(good) // 2],
        "zeros": bytes(len(good)),
        "other number": json.dumps(lowered).encode(),
        "no check": json.dumps({k: v for k, v in document.items() if k != "check"}).encode(),
        "other floor": good.replace(b"2026-11-21", b"2026-11-20"),
        "list": b"[]",
        "newer schema": good.replace(b'"schema": 1', b'"schema": 2'),
        "duplicate key": good.replace(b"{", b'{"schema": 1,', 1),
        "unknown key": json.dumps({**document, "extra": 1}).encode(),
    }


def test_damaged_state_is_refused_until_reset(ledger: Ledger) -> None:
    accept(ledger, release(7))
    path = ledger.directory / "ledger.json"
    good = path.read_bytes()
    for name, data in damage_cases(good).items():
        path.write_bytes(data)
        for action in (
            ledger.state,
            lambda: ledger.check(release(8), NOW),
            lambda: accept(ledger, release(8)),
        ):
            assert trouble(action) == "ledger-damaged", name
        assert path.read_bytes() == data
    path.write_bytes(good)
    assert ledger.check(release(8), NOW).standing is Standing.NEWER


def test_every_changed_byte_of_the_state_is_noticed(ledger: Ledger) -> None:
    """White space apart, which means nothing."""
    accept(ledger, release(7))
    good = (ledger.directory / "ledger.json").read_bytes()
    state = LedgerState.decode(good)
    for at in range(len(good)):
        changed = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        with suppress(DamagedState):
            assert LedgerState.decode(changed) == state
            assert good[at] in b" \n"


@pytest.mark.parametrize("trace", ["history", "kept release"])
def test_lost_state_is_refused(trace: str, ledger: Ledger) -> None:
    with ledger.locked() as held:
        if trace == "history":
            held.accept(held.check(release(7), NOW))
        else:
            held.keep_release(KeptRelease("viz", 7, b"{}"))
    (ledger.directory / "ledger.json").unlink()
    with pytest.raises(NotInstallableHere, match="is missing, though") as caught:
        ledger.check(release(1), NOW)
    assert caught.value.code == "ledger-damaged"
    assert "installer ledger reset" in caught.value.hint
    assert trouble(lambda: accept(ledger, release(1))) == "ledger-damaged"
    assert not (ledger.directory / "ledger.json").exists()


def test_empty_directory_is_a_fresh_host(ledger: Ledger) -> None:
    ledger.directory.mkdir()
    assert ledger.state() == LedgerState()
    accept(ledger, release(1))


@pytest.mark.parametrize("damage", ["lost", "damaged", "link"])
def test_reset(damage: str, ledger: Ledger) -> None:
    accept(ledger, release(7))
    path = ledger.directory / "ledger.json"
    path.unlink()
    if damage == "damaged":
        path.write_bytes(b"rubbish")
    elif damage == "link":
        path.symlink_to("elsewhere")
    with ledger.locked() as held:
        for confirm in ("", "yes", RESET_CONFIRMATION.upper()):
            with pytest.raises(UsageError) as caught:
                held.reset(confirm=confirm, at=NOW)
            assert caught.value.code == "ledger-reset-unconfirmed"
        held.reset(confirm=RESET_CONFIRMATION, at=NOW)
    assert ledger.state() == LedgerState()
    assert ledger.check(release(1), NOW).standing is Standing.FIRST
    assert [entry.what for entry in ledger.history()] == ["accepted", "ledger-reset"]
    if damage == "damaged":
        assert (ledger.directory / "ledger.json.old").read_bytes() == b"rubbish"


@pytest.mark.parametrize("name", ["", "ledger.json"])
def test_what_others_may_write_is_refused(name: str, ledger: Ledger) -> None:
    accept(ledger, release(7))
    path = ledger.directory / name
    path.chmod(path.stat().st_mode | stat.S_IWOTH)
    assert trouble(ledger.state) == "ledger-unsafe"
    if not name:
        assert trouble(lambda: accept(ledger, release(8))) == "ledger-unsafe"


def test_history_that_is_a_link_is_not_followed(ledger: Ledger, tmp_path: Path) -> None:
    accept(ledger, release(7))
    history = ledger.directory / "history.jsonl"
    history.unlink()
    history.symlink_to(tmp_path / "victim")
    assert trouble(lambda: accept(ledger, release(8))) == "ledger-io"
    assert not (tmp_path / "victim").exists()


# --- lock -------------------------------------------------------------------------------------


def test_two_installers_do_not_meet(ledger: Ledger) -> None:
    with ledger.locked():
        ledger.check(release(1), NOW)
        with pytest.raises(NotInstallableHere) as caught, ledger.locked():
            pytest.fail("both are in")
        assert caught.value.code == "ledger-busy"
    with ledger.locked():
        pass


def test_lock_is_let_go_after_an_error(ledger: Ledger) -> None:
    with pytest.raises(KeyError), ledger.locked():
        raise KeyError
    with ledger.locked():
        pass


def test_error_of_the_block_is_not_taken_for_ours(ledger: Ledger) -> None:
    with pytest.raises(FileNotFoundError, match="theirs"), ledger.locked():
        raise FileNotFoundError("theirs")


def test_lock_dies_with_its_process(ledger: Ledger) -> None:
    def hold_and_die() -> None:
        with ledger.locked():
            os._exit(KILLED)

    assert die_at(0, hold_and_die) == KILLED
    with ledger.locked():
        pass


def test_lock_of_another_process(ledger: Ledger) -> None:
    ledger.directory.mkdir()
    descriptor = os.open(ledger.directory, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    try:
        assert trouble(lambda: accept(ledger, release(1))) == "ledger-busy"
    finally:
        os.close(descriptor)


# --- kept releases and history ----------------------------------------------------------------


def test_kept_releases(ledger: Ledger) -> None:
    assert ledger.releases() == ()
    kept = [KeptRelease(name, number, b"\xff raw") for name in ("a", "b") for number in (2, 10)]
    with ledger.locked() as held:
        for one in reversed(kept):
            held.keep_release(one)
        assert held.releases() == tuple(kept)
        held.forget_release("a", 2)
        held.forget_release("a", 2)
        held.forget_release("nothing", 1)
    assert ledger.releases() == tuple(kept[1:])


def test_foreign_files_are_no_releases(ledger: Ledger) -> None:
    with ledger.locked() as held:
        held.keep_release(KeptRelease("viz", 7, b"{}"))
    for name in (".7.json.new", "0.json", "07.json", "x.json", "7.json.bak"):
        (ledger.directory / "releases/viz" / name).touch()
    (ledger.directory / "releases/.hidden").mkdir()
    assert [one.sequence for one in ledger.releases()] == [7]


def test_release_that_vanishes_is_left_out(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    with ledger.locked() as held:
        held.keep_release(KeptRelease("viz", 7, b"{}"))
    monkeypatch.setattr("installer.state.hostdir.HostDirectory.read", lambda *_, **__: None)
    assert ledger.releases() == ()


@pytest.mark.parametrize("product", ["", ".", "..", "a/b", "/etc", "../x", "A", "a\0", "-a"])
def test_product_never_leaves_the_directory(product: str, ledger: Ledger) -> None:
    with ledger.locked() as held:
        actions: tuple[Callable[[], object], ...] = (
            lambda: held.keep_release(KeptRelease(product, 1, b"{}")),
            lambda: held.forget_release(product, 1),
        )
        for action in actions:
            with pytest.raises(UsageError) as caught:
                action()
            assert caught.value.code == "product-malformed"


def test_history_round_trip(ledger: Ledger) -> None:
    entries = (
        HistoryEntry(NOW, "refused", "viz", 7, {"code": "release-fork", "signers": 2}),
        HistoryEntry(NOW, "ledger-reset"),
        HistoryEntry(NOW, "activated", "viz", 7, {"note": "Grüße\n\x1b[2J"}),
    )
    with ledger.locked() as held:
        for entry in entries:
            held.record(entry)
    assert ledger.history() == entries
    raw = (ledger.directory / "history.jsonl").read_bytes()
    assert raw.count(b"\n") == len(entries)
    assert b"\x1b" not in raw


def test_accepting_is_logged(ledger: Ledger) -> None:
    accept(ledger, release(7))
    (entry,) = ledger.history()
    assert (entry.what, entry.product, entry.sequence) == ("accepted", "viz", 7)
    assert entry.facts == {"sums": str(release(7).sums), "version": "1.7.0"}


def test_torn_line_spoils_only_itself(ledger: Ledger) -> None:
    accept(ledger, release(7))
    with (ledger.directory / "history.jsonl").open("ab") as file:
        file.write(b'{"at": "2026')
    accept(ledger, release(8))
    assert [entry.sequence for entry in ledger.history()] == [7, 8]


def test_damaged_lines_of_the_log_are_counted(ledger: Ledger) -> None:
    accept(ledger, release(7))
    accept(ledger, release(8))
    path = ledger.directory / "history.jsonl"
    path.write_bytes(path.read_bytes().replace(b"{", b"[", 1))
    assert ledger.log().damaged == (1,)
    assert [entry.sequence for entry in ledger.history()] == [8]


def test_a_lost_log_is_told_and_never_begun_anew_in_silence(ledger: Ledger) -> None:
    assert not ledger.log().lost
    accept(ledger, release(7))
    (ledger.directory / "history.jsonl").unlink()
    assert ledger.log().lost
    accept(ledger, release(8))
    assert [entry.what for entry in ledger.history()] == ["history-lost", "accepted"]
    assert not ledger.log().lost


# --- faults -----------------------------------------------------------------------------------


def act(name: str, ledger: Ledger) -> object:
    with ledger.locked() as held:
        return ACTIONS[name](held)


ACTIONS: dict[str, Callable[[LockedLedger], object]] = {
    "accept": lambda held: held.accept(held.check(release(8), NOW)),
    "keep": lambda held: held.keep_release(KeptRelease("viz", 8, b"{}")),
    "forget": lambda held: held.forget_release("viz", 7),
    "reset": lambda held: held.reset(confirm=RESET_CONFIRMATION, at=NOW),
}


def meaning(ledger: Ledger) -> tuple[object, ...]:
    return ledger.state(), ledger.releases()


@pytest.fixture
def original(tmp_path: Path) -> Path:
    ledger = Ledger(tmp_path / "original")
    accept(ledger, release(7))
    with ledger.locked() as held:
        held.keep_release(KeptRelease("viz", 7, b"{}"))
    return ledger.directory


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("kind", ["error", "full", "death"])
def test_any_fault_leaves_the_old_or_the_new_ledger(
    name: str, kind: str, original: Path, ledger: Ledger
) -> None:
    def start() -> None:
        shutil.rmtree(ledger.directory, ignore_errors=True)
        shutil.copytree(original, ledger.directory)

    start()
    old = meaning(ledger)
    calls = count_calls(lambda: act(name, ledger))
    new = meaning(ledger)
    assert old != new
    for at in range(1, calls + 1):
        start()
        strike_at(at, kind, lambda: act(name, ledger))
        try:
            assert meaning(ledger) in {old, new}
        except NotInstallableHere as err:
            assert (name, err.code) == ("reset", "ledger-damaged")  # noqa: PT017
        act(name, ledger)
        assert meaning(ledger) == new
        assert not [path for path in ledger.directory.rglob("*") if path.name.startswith(".")]


def strike_at(at: int, kind: str, action: Callable[[], object]) -> None:
    if kind == "death":
        assert die_at(at, action) == KILLED
        return
    strike = fail_with(errno.EIO if kind == "error" else errno.ENOSPC)
    with Faults(at, strike).armed(), suppress(MoonliftError, OSError):
        action()


@pytest.mark.parametrize("kind", ["error", "death"])
def test_any_fault_on_a_fresh_host_leaves_a_usable_ledger(kind: str, ledger: Ledger) -> None:

    def action() -> object:
        return act("accept", ledger)

    calls = count_calls(action)
    for at in range(1, calls + 1):
        shutil.rmtree(ledger.directory)
        strike_at(at, kind, action)
        action()
        newest = ledger.state().newest("viz")
        assert newest is not None
        assert newest.sequence == 8


def test_high_water_is_on_the_disk_before_the_log(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that can't be written stops the installation, but the mark stands."""
    with ledger.locked():
        pass
    monkeypatch.setattr(
        "installer.state.hostdir.HostDirectory.append", lambda *_: fail_with(errno.EIO)()
    )
    with pytest.raises(OSError, match="Input/output"):
        accept(ledger, release(7))
    assert ledger.state().newest("viz") is not None


# --- generated --------------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.integers(min_value=1, max_value=5),
        st.sampled_from(["", "fork"]),
        st.booleans(),
        st.integers(min_value=-40, max_value=40),
        st.none() | st.integers(min_value=0, max_value=40),
    ),
    max_size=12,
)


@pytest.mark.property
@settings(deadline=None)
@given(STEPS, st.integers(min_value=-60, max_value=60))
def test_model(steps: list[tuple[str, int, str, bool, int, int | None]], clock_error: int) -> None:
    """Against a model of the rules: marks never fall, forks never pass, the floor never falls."""
    state = LedgerState()
    seen: dict[tuple[str, int], Digest] = {}
    for product, sequence, content, downgrade, issued_day, good_days in steps:
        issued = NOW + issued_day * DAY
        expires = None if good_days is None else issued + good_days * DAY
        candidate = release(
            sequence, product=product, content=content, issued=issued, expires=expires
        )
        host_now = NOW + clock_error * DAY
        high = max((n for p, n in seen if p == product), default=0)
        known = seen.get((product, sequence))
        if known not in {None, candidate.sums}:
            expected = "release-fork"
        elif sequence < high and not downgrade:
            expected = "downgrade-refused"
        elif expires is not None and expires < max(state.floor, host_now):
            expected = "release-expired"
        else:
            expected = ""
        try:
            verdict = judge(state, candidate, host_now, allow_downgrade=downgrade)
        except BundleRefused as err:
            assert err.code == expected  # noqa: PT017
            continue
        assert expected == ""
        assert verdict.now >= max(host_now, state.floor, issued)
        accepted = AcceptedRelease(
            product=product,
            sequence=sequence,
            sums=candidate.sums,
            version="1",
            accepted_at=verdict.now,
        )
        after = state.with_accepted(accepted, issued=issued)
        assert after.floor == max(state.floor, issued)
        newest = after.newest(product)
        assert newest is not None
        assert newest.sequence == max(high, sequence)
        seen[product, sequence] = candidate.sums
        state = LedgerState.decode(after.encode())


@pytest.mark.property
@settings(deadline=None)
@given(st.binary(max_size=200))
def test_only_our_error_comes_out_of_any_state(data: bytes) -> None:
    with pytest.raises(DamagedState):
        LedgerState.decode(data)
