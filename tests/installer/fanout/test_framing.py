"""What nodes print is taken apart whatever it is: in any pieces, without end, in others' names."""

from __future__ import annotations

import itertools
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from installer.fanout.framing import REPORT_LIMIT, TAIL_LIMIT, Frame, Labelled, Lines, Said
from installer.fanout.remote import Mark

MARK = Mark("moonlift-77")


def hear(text: bytes, errors: bytes = b"") -> Said:
    frame = Frame(MARK)
    for line in text.splitlines():
        frame.output(line)
    for line in errors.splitlines():
        frame.errors(line)
    return frame.close()


def test_report_is_what_stands_between_the_marks() -> None:
    said = hear(
        b"Welcome to n1!\nmoonlift-77 begin n1\n{\n}\n\nmoonlift-77 end 13\nbye\n", b"warned\n"
    )
    assert (said.name, said.report, said.status) == ("n1", b"{\n}", 13)
    assert said.aside == "Welcome to n1!\nbye\nwarned"


@pytest.mark.parametrize(
    "line",
    [
        b"moonlift-78 begin n1",
        b"x moonlift-77 begin n1",
        b"moonlift-77 begin",
        b"moonlift-77 begin a b",
        b"moonlift-77 begin " + b"n" * 256,
    ],
)
def test_other_marks_begin_nothing(line: bytes) -> None:
    assert hear(line).name is None


def test_second_begin_is_part_of_the_report() -> None:
    said = hear(b"moonlift-77 begin n1\nmoonlift-77 begin n2\nmoonlift-77 end 0\n")
    assert (said.name, said.report) == ("n1", b"moonlift-77 begin n2")


@pytest.mark.property
@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_lines_are_the_same_in_any_pieces(data: bytes, cuts: list[int]) -> None:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    lines = Lines()
    found = [
        line for begin, end in itertools.pairwise(places) for line in lines.feed(data[begin:end])
    ]
    found += lines.close()
    assert b"\n".join(found) == data.removesuffix(b"\n")


def test_endless_line_costs_a_bounded_piece_of_memory() -> None:
    frame, lines = Frame(MARK), Lines()
    tracemalloc.start()
    for chunk in [b"moonlift-77 begin n1\n", *([b"x" * 65536] * 400)]:
        for line in lines.feed(chunk):
            frame.output(line)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert frame.close().cut
    assert peak < 6 * REPORT_LIMIT


def test_chatter_is_kept_to_its_last_words() -> None:
    said = hear(b"\n".join(b"line %d" % number for number in range(10000)))
    assert len(said.aside) <= TAIL_LIMIT
    assert said.aside.endswith("line 9999")


def test_labels_tell_nodes_apart() -> None:
    labelled = Labelled(MARK, 2)
    for line in (
        b"1: moonlift-77 begin n2",
        b"0: moonlift-77 begin n1",
        b"1: 0: moonlift-77 begin n1",
        b"0: {}",
        b"1: {2}",
        b"0: ",
        b"0:",
        b"1: moonlift-77 end 0",
        b"0: moonlift-77 end 1",
        b"7: a task that is not ours",
        b"srun: job 3 queued",
    ):
        labelled.output(line)
    labelled.errors(b"0: Traceback")
    first, second = (frame.close() for frame in labelled.frames)
    assert (first.name, first.report, first.status, first.aside) == ("n1", b"{}", 1, "Traceback")
    assert (second.name, second.report) == ("n2", b"0: moonlift-77 begin n1\n{2}")
    assert labelled.talk == "7: a task that is not ours\nsrun: job 3 queued"


def test_labels_are_padded_where_there_are_many() -> None:
    labelled = Labelled(MARK, 200)
    labelled.output(b"007: moonlift-77 begin n7")
    labelled.output(b" 17: moonlift-77 begin n17")
    assert [labelled.frames[at].name for at in (7, 17)] == ["n7", "n17"]


def test_time_that_is_over_is_heard() -> None:
    labelled = Labelled(MARK, 1)
    labelled.errors(b"0: slurmstepd-n1: error: *** STEP 1.0 ON n1 CANCELLED DUE TO TIME LIMIT ***")
    assert labelled.time_over
