"""What screens say, without a screen: pure functions of plain values."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from installer.events import (
    Advanced,
    DamageFound,
    Event,
    Failure,
    ImageLoaded,
    ImageSkipped,
    Noted,
    Outcome,
    RunFinished,
    RunRecord,
    ServiceChanged,
    ServiceState,
    Stage,
    StageFailed,
    StageFinished,
    StageStarted,
    Unit,
)
from installer.tui.drives import parse_mounts, removable_mounts
from installer.tui.gauges import bar_text, cut_text, percent_text
from installer.tui.journal import Journal, Place
from installer.tui.lines import Mark, failure_lines
from installer.tui.places import Kind, bundles_in, entries_of, is_bundle
from installer.tui.progress import ImageProgress, RunProgress, State, progressed
from installer.tui.rate import Pace
from installer.tui.runlines import run_lines
from installer.tui.steps import Step, steps_text
from installer.tui.terminal import Glyphs, Palette, Terminal, choose_terminal, is_usable
from manifests.errors import ExitCode
from tests.installer.conftest import Host

MIB = 1024**2
busy = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
FAILURE = Failure("drive-gone", "the drive is gone", "plug it in", ExitCode.BUNDLE_REFUSED)


def record(outcome: Outcome, failure: Failure | None = None) -> RunRecord:
    return RunRecord(
        outcome=outcome,
        product="viz",
        version="1",
        sequence=1,
        bundle="sha256:ab",
        engine="docker",
        images_loaded=2,
        images_present=0,
        bytes_read=30 * MIB,
        names_set=(),
        seconds=3.0,
        failure=failure,
    )


def told(*events: Event, images: tuple[ImageProgress, ...] = ()) -> RunProgress:
    """Return a run after some events, half a second apart."""
    run = RunProgress(images=images)
    for at, event in enumerate(events):
        run = progressed(run, event, 100 + at / 2)
    return run


IMAGES = (ImageProgress("a", 10 * MIB), ImageProgress("b", 20 * MIB))
STARTED = StageStarted(Stage.LOAD, 30 * MIB, Unit.BYTES)


def advanced(mib: int) -> Advanced:
    return Advanced(Stage.LOAD, mib * MIB, 30 * MIB, "a")


def test_what_was_read_is_shared_out_over_the_images() -> None:
    run = told(STARTED, advanced(4), images=IMAGES)
    assert [(one.done, one.state) for one in run.images] == [
        (4 * MIB, State.RUNNING),
        (0, State.WAITING),
    ]
    loaded = ImageLoaded(Stage.LOAD, "a", "sha256:1", 10 * MIB, 1, 1.0)
    run = told(STARTED, advanced(10), loaded, advanced(15), images=IMAGES)
    assert [(one.done, one.state) for one in run.images] == [
        (10 * MIB, State.DONE),
        (5 * MIB, State.RUNNING),
    ]


def test_rate_and_time_left_come_from_the_last_seconds() -> None:
    run = told(STARTED, advanced(5), advanced(10), images=IMAGES)
    assert run.pace.rate == pytest.approx(10 * MIB)
    assert run.seconds_left == pytest.approx(2.0)
    assert RunProgress().seconds_left is None


def test_an_image_under_way_fails_with_its_stage() -> None:
    run = told(STARTED, advanced(4), StageFailed(Stage.LOAD, FAILURE), images=IMAGES)
    assert [one.state for one in run.images] == [State.FAILED, State.WAITING]
    assert run.failure is FAILURE
    assert run.current is None


def test_damage_is_shown_with_its_place_and_the_image_that_it_costs() -> None:
    found = DamageFound(Stage.CHECK, "blobs/x", 8, 4, "chunk-damaged", "other bytes", ("b:1",))
    skipped = ImageSkipped(Stage.LOAD, "a", ("blobs/x",))
    run = told(found, STARTED, advanced(2), skipped, advanced(15), images=IMAGES)
    assert [(one.done, one.state) for one in run.images] == [
        (0, State.FAILED),
        (15 * MIB, State.RUNNING),
    ]
    lines = list(run_lines(run, 80))
    assert [(one.label, one.text) for one in lines if one.label == "damaged"] == [
        ("damaged", "blobs/x: bytes 8 to 12: other bytes (of b:1)")
    ]
    (image,) = [one for one in lines if one.label == "FAILED"]
    assert "damaged" in image.text


def test_services_are_told_of_last_state_first_order() -> None:
    changes = [("web", ServiceState.CREATED), ("db", ServiceState.CREATED)]
    changes += [("web", ServiceState.HEALTHY)]
    run = told(*(ServiceChanged(Stage.START, name, f"viz-{name}-1", at) for name, at in changes))
    assert [(one.service, one.state) for one in run.services] == [
        ("web", ServiceState.HEALTHY),
        ("db", ServiceState.CREATED),
    ]


@busy
@given(st.lists(st.integers(0, 30), max_size=30), st.integers(77, 200))
def test_lines_fit_and_bars_never_promise_too_much(done: list[int], width: int) -> None:
    events = [advanced(one) for one in sorted(done)]
    run = told(STARTED, *events, images=IMAGES)
    for line in run_lines(run, width):
        room = width if line.label is None else width - 13
        if "MiB" in line.text:
            assert len(line.text) <= room
    assert all(0 <= one.done <= one.total for one in run.images)


@busy
@given(st.floats(0, 1), st.integers(0, 200))
def test_a_bar_is_as_wide_as_asked_and_full_only_at_the_end(share: float, width: int) -> None:
    bar = bar_text(share, width)
    assert len(bar) == width
    assert width == 0 or ("░" in bar) == (share < 1)
    assert (percent_text(share) == "100%") == (share >= 1)


@busy
@given(st.lists(st.tuples(st.floats(0, 2), st.integers(0, 10**9)), max_size=50))
def test_the_graph_is_bounded_and_never_negative(steps: list[tuple[float, int]]) -> None:
    pace, now, done = Pace(), 0.0, 0
    for wait, more in steps:
        now, done = now + wait, done + more
        pace = pace.after(now, done)
    assert all(point >= 0 for point in pace.points)
    assert len(pace.points) <= 240
    assert pace.rate >= 0


def test_a_run_ends_with_what_went_wrong_and_the_next_step() -> None:
    events = (
        STARTED,
        Noted(Stage.LOAD, "image-whole", "sent as a whole"),
        StageFailed(Stage.LOAD, FAILURE),
        RunFinished(record(Outcome.FAILED, FAILURE)),
    )
    lines = list(run_lines(told(*events, images=IMAGES), 77))
    shown = [(line.label, line.text) for line in lines]
    assert ("note", "sent as a whole") in shown
    assert ("REFUSED", "the drive is gone") in shown
    assert ("code", "drive-gone") in shown
    assert ("next", "plug it in") in shown
    assert any(line.mark is Mark.BAD for line in lines)


def test_a_finished_stage_says_how_long_it_took() -> None:
    run = told(STARTED, StageFinished(Stage.LOAD, 3.0), RunFinished(record(Outcome.DONE)))
    texts = [line.text for line in run_lines(run, 77)]
    assert "done: 30.0 MiB in 3.0 s" in texts
    assert any(text.startswith("installed viz 1") for text in texts)


def test_foreign_text_in_a_failure_is_shown_as_escapes() -> None:
    evil = Failure("x-y", "\x1b]52;c;\x07 [red]no[/red]", "\x1b[2J", ExitCode.ENGINE_FAILED)
    texts = "".join(line.text for line in failure_lines(evil))
    assert "\x1b" not in texts
    assert "[red]no[/red]" in texts


def test_the_line_of_steps_fits_eighty_columns() -> None:
    for step in Step:
        for starts in (True, False):
            text = steps_text(step, starts=starts)
            assert len(text) <= 78
            assert f"[{step}]" in text
    assert "Start" not in steps_text(Step.PLAN, starts=False)


UTF8 = "en_US.UTF-8"
TERMINALS = [
    ({"TERM": "xterm-256color", "LANG": UTF8}, "utf-8", "UNICODE", "FULL"),
    ({"TERM": "xterm", "LANG": "C.UTF-8"}, "utf-8", "UNICODE", "BASIC"),
    ({"TERM": "xterm", "COLORTERM": "truecolor", "LC_ALL": UTF8}, "utf-8", "UNICODE", "FULL"),
    ({"TERM": "linux", "LANG": UTF8}, "utf-8", "CONSOLE", "BASIC"),
    ({"TERM": "vt100", "LANG": UTF8}, "utf-8", "ASCII", "NONE"),
    ({"TERM": "vt220", "LANG": UTF8}, "utf-8", "ASCII", "NONE"),
    ({"TERM": "xterm", "LANG": "C"}, "ascii", "ASCII", "BASIC"),
    ({"TERM": "xterm", "LC_CTYPE": "C.UTF-8"}, "utf-8", "ASCII", "BASIC"),  # Python set it
    ({"TERM": "xterm", "LC_CTYPE": "C.UTF-8", "LANG": UTF8}, "utf-8", "UNICODE", "BASIC"),
    ({"TERM": "xterm", "LC_ALL": "C", "LANG": UTF8}, "utf-8", "ASCII", "BASIC"),
    ({"TERM": "xterm-256color", "LANG": UTF8, "NO_COLOR": "1"}, "utf-8", "UNICODE", "NONE"),
]


@pytest.mark.parametrize(("environ", "encoding", "glyphs", "palette"), TERMINALS)
def test_a_terminal_is_known_by_its_environment(
    environ: dict[str, str], encoding: str, glyphs: str, palette: str
) -> None:
    assert choose_terminal(environ, encoding) == Terminal(Glyphs[glyphs], Palette[palette])


def test_no_screen_is_drawn_where_the_cursor_can_not_move() -> None:
    assert not is_usable({"TERM": "dumb"})
    assert not is_usable({})
    assert is_usable({"TERM": "vt100"})


@busy
@given(st.text())
def test_a_plain_terminal_gets_ascii_of_the_same_length(text: str) -> None:
    shown = Terminal(Glyphs.ASCII, Palette.NONE).translated(text)
    assert shown.isascii()
    assert len(shown) == len(text)


def test_ascii_keeps_full_and_empty_apart() -> None:
    plain = Terminal(Glyphs.ASCII, Palette.NONE)
    assert plain.translated(bar_text(0.5, 4)) == "##.."
    assert plain.translated("┌─┐│╭━╸") == "+-+|+--"


MOUNTS = r"""22 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw
23 22 8:2 / /boot/efi rw - vfat /dev/sda2 rw
24 22 8:17 / /media/my\040stick rw - exfat /dev/sdb1 rw
25 22 8:33 / /mnt/disk rw - ext4 /dev/sdc1 rw
26 22 8:49 / /srv rw - xfs /dev/sdd1 rw
27 22 0:20 / /proc rw - proc proc rw
nonsense
"""


def test_drives_are_what_came_with_a_person(tmp_path: Path) -> None:
    proc, sys = tmp_path / "proc", tmp_path / "sys"
    (proc / "self").mkdir(parents=True)
    (proc / "self/mountinfo").write_text(MOUNTS)
    for number, place, removable in (
        ("8:33", "pci0/usb2/block/sdc/sdc1", "0"),
        ("8:49", "pci0/ata1/block/sdd/sdd1", "0"),
        ("8:1", "pci0/ata2/block/sda/sda1", "1"),
    ):
        partition = sys / "devices" / place
        partition.mkdir(parents=True)
        (partition / "partition").write_text("1\n")
        (partition.parent / "removable").write_text(f"{removable}\n")
        (sys / "dev/block").mkdir(parents=True, exist_ok=True)
        (sys / "dev/block" / number).symlink_to(partition)
    found = [str(mount.path) for mount in removable_mounts(proc, sys)]
    assert found == ["/", "/media/my stick", "/mnt/disk"]
    assert removable_mounts(tmp_path / "none", sys) == ()


def test_mounts_are_read_with_their_escapes() -> None:
    assert [str(one.path) for one in parse_mounts(MOUNTS)][2] == "/media/my stick"


def test_bundles_are_known_by_their_form(host: Host) -> None:
    bundle = host.bundle()
    tar = bundle.write_tar(host.root / "b.tar")
    first = bundle.write_parts(host.root / "p.tar", 4000)
    (host.root / "other.tar").write_bytes(b"x" * 1024)
    (host.root / "key.pub").write_text("ssh-ed25519 AAAA\n")
    (host.root / ".hidden").mkdir()
    assert set(bundles_in(host.root, 1)) == {bundle.path, tar, first}
    assert list(bundles_in(bundle.path, 1)) == [bundle.path]
    assert set(bundles_in(host.root.parent, 2)) >= {bundle.path}
    assert not is_bundle(host.root / "none")
    kinds = {entry.path.name: entry.kind for entry in entries_of(host.root)}
    assert (kinds["key.pub"], kinds["trust"]) == (Kind.KEY, Kind.FOLDER)
    assert ".hidden" not in kinds


def test_the_journal_remembers_one_place_and_forgets_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "state")
    assert journal.read() is None
    journal.forget()
    place = Place(Path("/media/viz"), "auto", Step.INSTALL)
    journal.write(place)
    assert journal.read() == place
    journal.forget()
    assert journal.read() is None


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b'{"schema":2}', b'{"schema":1,"step":"x"}'])
def test_a_damaged_journal_is_no_journal(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "screen.json").write_bytes(raw)
    assert Journal(tmp_path).read() is None


def test_the_end_of_a_name_tells_names_apart() -> None:
    assert cut_text("registry.example.org/app:1", 8) == "…g/app:1"
    assert cut_text("short", 8) == "short"
