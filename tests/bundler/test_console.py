"""What is printed where: results on standard output, talk on standard error, no stray escapes."""

from __future__ import annotations

import io
import json
import re
import threading
import time
from unittest.mock import patch

import pytest
from rich.console import Console

from bundler import console
from bundler.console import BARS, Bars, Lines, print_error, print_view, progress_sink
from bundler.output import print_lines
from bundler.progress import Progress, Silent, Stage
from manifests.errors import SourceFailed

ERROR = SourceFailed(
    "digest-mismatch", "expected x\x1b[2J, found [bold]y[/bold]", hint="try again", subject="z"
)


def a_terminal() -> tuple[Console, io.StringIO]:
    screen = io.StringIO()
    return Console(
        file=screen, force_terminal=True, width=80, highlight=False, markup=False
    ), screen


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    monkeypatch.setenv("TERM", "xterm")
    made, screen = a_terminal()
    monkeypatch.setattr(console, "talk", made)
    return screen


def work(progress: Progress, subjects: int = 9, times: int = 50) -> None:
    """Do as several threads of a build do."""

    def one(subject: str) -> None:
        for stage in (Stage.FETCH, Stage.PACK):
            progress.expect(stage, times)
            progress.start(stage, subject, times)
            for _ in range(times):
                progress.advance(stage, subject, 1)
            progress.finish(stage, subject)
            progress.finish(stage, subject)
            progress.advance(stage, subject, 1)

    progress.expect(Stage.RESOLVE, 2)
    progress.advance(Stage.RESOLVE, "images", 1)
    threads = [threading.Thread(target=one, args=(f"blob-{n}\x1b[31m",)) for n in range(subjects)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    progress.note("a note\x1b[2J")


def test_bars_survive_many_threads_and_show_totals(screen: io.StringIO) -> None:
    with Bars() as bars:
        work(bars)
        shown = list(bars._progress.tasks)
        time.sleep(0.15)
    assert [task.description for task in shown] == ["resolve", "fetch", "pack"]
    assert {task.total for task in shown[1:]} == {9 * 50}
    assert shown[0].fields["amount"] == "1 of 2 images"
    assert shown[1].fields["amount"].startswith("459 B of 450 B")
    assert "a note\\x1b[2J" in screen.getvalue()


@pytest.mark.usefixtures("screen")
def test_bars_are_no_more_than_fit_and_one_for_each_blob() -> None:
    with Bars() as bars:
        bars.expect(Stage.WRITE, 10)
        for number in range(BARS + 5):
            bars.start(Stage.WRITE, f"blobs/sha256/{number}", 10)
            bars.start(Stage.WRITE, f"blobs/sha256/{number}", 10)
        assert len(bars._tasks) == BARS
        assert len(bars._progress.tasks) == BARS + 1
        bars.advance(Stage.VERIFY, "unknown", 1)
        bars.finish(Stage.VERIFY, "unknown")


def test_no_line_of_bars_is_wider_than_the_terminal(screen: io.StringIO) -> None:
    with Bars() as bars:
        bars.expect(Stage.PACK, 2**40)
        bars.start(Stage.PACK, "x" * 200, 2**40)
        bars.advance(Stage.PACK, "x" * 200, 2**39)
        time.sleep(0.25)
        bars.advance(Stage.PACK, "x" * 200, 1)
        time.sleep(0.25)
    lines = screen.getvalue().replace("\r", "\n").split("\n")
    plain = [console_text(line) for line in lines]
    assert max(map(len, plain)) <= 80
    assert any("512 GiB of 1.00 TiB" in line for line in plain)


def console_text(line: str) -> str:
    """Drop the escapes that move the cursor or colour."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line)


def test_lines_tell_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with patch.object(console, "PLAIN_INTERVAL", 0), Lines() as lines:
        work(lines, subjects=2, times=3)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "pack: " in captured.err
    assert re.search(r"fetch: \d+ B of .*B/s, .* left", captured.err)
    assert re.search(r"resolve: \d+ of \d+ images", captured.err)
    assert "a note\\x1b[2J" in captured.err
    assert "\x1b" not in captured.err
    with Lines() as lines:
        work(lines)
    assert capsys.readouterr().err.count("\n") == 1


def test_silence_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    work(Silent())
    assert capsys.readouterr() == ("", "")


def test_bars_are_for_terminals_that_can(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(progress_sink(), Lines)
    for term, kind in (("xterm", Bars), ("dumb", Lines)):
        monkeypatch.setenv("TERM", term)
        monkeypatch.setattr(console, "talk", a_terminal()[0])
        assert isinstance(progress_sink(), kind)


def test_an_error_is_told_without_the_escapes_that_it_quotes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_error(ERROR, as_json=False)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == (
        "bundle: expected x\\x1b[2J, found [bold]y[/bold]\n"
        "  code: digest-mismatch\n"
        "  next: try again\n"
    )


def test_an_error_without_a_hint_has_no_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    print_error(SourceFailed("cancelled", "x" * 300), as_json=False)
    assert capsys.readouterr().err == f"bundle: {'x' * 300}\n  code: cancelled\n"


def test_an_error_in_colour_only_where_it_is_wanted(
    screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    print_error(ERROR, as_json=False)
    assert "\x1b[1;31m" in screen.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    made, plain = a_terminal()
    monkeypatch.setattr(console, "talk", made)
    print_error(ERROR, as_json=False)
    assert "[31m" not in plain.getvalue()
    assert "31" not in plain.getvalue().replace("\x1b[1m", "")


def test_an_error_as_json_is_one_document_on_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    print_error(ERROR, as_json=True)
    captured = capsys.readouterr()
    assert captured.err == ""
    assert json.loads(captured.out)["error"] == {
        "code": "digest-mismatch",
        "message": str(ERROR),
        "hint": "try again",
        "context": {"subject": "z"},
        "exit": 21,
        "problems": [],
    }


def test_words_are_broken_at_80_columns_and_paths_never(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for columns, width in (("200", 80), ("60", 60)):
        monkeypatch.setenv("COLUMNS", columns)
        print_view("word " * 100)
        lines = capsys.readouterr().out.splitlines()
        assert width - 5 <= max(map(len, lines)) <= width
    print_lines(["x" * 300, "a\x1bb"])
    assert capsys.readouterr().out == f"{'x' * 300}\na\\x1bb\n"
